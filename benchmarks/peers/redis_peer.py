"""A plain aiokafka consumer that writes sorted sets of Redis."""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.environments import missing, python_of
from benchmarks.peers.peer import Peer, Run
from benchmarks.peers.result import Outcome
from benchmarks.peers.running import ended, run_module
from ranking_app.local.child import start_child
from ranking_app.local.ports import pick_ports

NAME = "redis"
HOST = "127.0.0.1"
START_S = 10.0


class Store(NamedTuple):
    """A running Redis. address: `host:port`."""

    address: str
    pid: int


def available() -> str | None:
    """Why it cannot run here."""
    if shutil.which("redis-server") is None:
        return "no redis-server on this machine (Debian: apt-get install redis-server)"
    return missing(NAME)


@contextmanager
def redis_server(folder: Path) -> Iterator[Store]:
    """A Redis that keeps an append-only file in this folder. TimeoutError if it does not come up."""
    (port,) = pick_ports(HOST, 1)
    where = ["--bind", HOST, "--port", str(port), "--dir", str(folder)]
    durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    server = start_child([str(shutil.which("redis-server")), *where, *durable], folder / "redis.log")
    try:
        _wait_until_up(port)
        yield Store(f"{HOST}:{port}", server.pid)
    finally:
        ended(server)


def _wait_until_up(port: int) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"Redis did not come up within {START_S:g} s")


def _run(run: Run) -> Outcome:
    with redis_server(run.folder) as store:
        return run_module(run, "redis_writer", python_of(NAME), store.address, also=[store.pid])


PEER = Peer(
    name="aiokafka into Redis",
    available=available,
    run=_run,
    configuration={
        "redis-server": "Debian's, appendonly, fsync every second",
        "redis": "8.1.0 with hiredis, a pipeline a batch, one ZINCRBY an event and window",
        "aiokafka": "0.14.0, offsets committed behind each batch",
        "validation": "pydantic, a batch in one call",
    },
    leaves_out="duplicates, HTTP (ZREVRANGE); up to a second of writes when the machine fails",
    most={"hopping": 300_000},
)
