"""Workers of this project, asked by HTTP as anybody would."""

import asyncio
import contextlib
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp

from benchmarks.app import logged_at_s, start
from benchmarks.peers.filling import Filled
from benchmarks.peers.peer import Peer, Run
from benchmarks.peers.result import Outcome
from benchmarks.peers.running import ended
from benchmarks.peers.usage import Usage
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.ports import pick_ports

BOARD_WINDOW = {"tumbling": "1m", "hopping": "1h"}
"""What is asked for once a second while it counts. A worker keeps the sums of all windows, whatever is asked."""

PATIENCE_S = 600


@dataclass(frozen=True, slots=True)
class Workers:
    """Running workers of one group. address: of the first one's web endpoint. logs: one each."""

    address: str
    pids: list[int]
    logs: list[Path]


@contextmanager
def workers(kafka: LocalKafka, filled: Filled, folder: Path, number: int = 1) -> Iterator[Workers]:
    """Workers that count this topic, from its beginning."""
    ports = pick_ports("127.0.0.1", number)
    app_id = f"peers-{uuid.uuid4().hex[:8]}"
    logs = [folder / f"worker-{port}.log" for port in ports]
    processes = [
        start(
            "worker",
            log,
            broker=kafka.url,
            app_id=app_id,
            data_dir=folder / f"worker-{port}",
            web_port=port,
            partitions=filled.partitions,
            completed_topic=filled.topic,
            cancelled_topic=f"peers-cancelled-{filled.partitions}",
        )
        for port, log in zip(ports, logs, strict=True)
    ]
    try:
        yield Workers(f"http://127.0.0.1:{ports[0]}", [process.pid for process in processes], logs)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            ended(process)


def counted(run: Run) -> Outcome:
    """Let one worker count the topic."""
    seats = run.filled.naive().once.total()
    with workers(run.kafka, run.filled, run.folder) as group, Usage(group.pids) as usage:
        done_s, sums = asyncio.run(_until_whole(group, BOARD_WINDOW[run.kind], seats))
        first_s = logged_at_s(group.logs[0], "partitions_owned")
    return _outcome(run, usage, first_s, done_s, sums)


def counted_together(run: Run, number: int, write: Callable[[], object]) -> Outcome:
    """Let so many workers count the topic, which is empty until `write` is called.

    They stand still while it is filled, after each got its partitions: neither starting up nor rebalancing counts.
    """
    seats = run.filled.naive().once.total()
    with workers(run.kafka, run.filled, run.folder, number) as group, Usage(group.pids) as usage:
        asyncio.run(_until_shared(group, number))
        _signal(group, signal.SIGSTOP)
        try:
            write()
        finally:
            _signal(group, signal.SIGCONT)
        first_s = time.time()
        done_s, sums = asyncio.run(_until_whole(group, BOARD_WINDOW[run.kind], seats))
    return _outcome(run, usage, first_s, done_s, sums)


def _outcome(run: Run, usage: Usage, first_s: float, done_s: float, sums: dict[str, int]) -> Outcome:
    return Outcome(
        events=run.filled.count,
        first_s=first_s,
        done_s=done_s,
        cpu_s=usage.cpu_s(first_s, done_s),
        peak_rss_mib=usage.peak_rss_mib,
        sums=sums,
    )


def _signal(group: Workers, number: int) -> None:
    for pid in group.pids:
        os.kill(pid, number)


async def _until_shared(group: Workers, number: int) -> None:
    """Return when so many workers own partitions, and nothing lags. TimeoutError."""
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        while True:
            await asyncio.sleep(0.2)
            if await _owners(session, group.address) == number and await _nothing_lags(session, group.address):
                return


async def _owners(session: aiohttp.ClientSession, address: str) -> int:
    with contextlib.suppress(aiohttp.ClientError):
        async with session.get(f"{address}/v1/ops") as answer:
            if answer.status == 200:
                return sum(bool(worker["partitions"]) for worker in (await answer.json())["workers"])
    return 0


async def until_ready(group: Workers) -> None:
    """Return when all partitions are owned and nothing lags. TimeoutError."""
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        while True:
            if await _nothing_lags(session, group.address):
                return
            await asyncio.sleep(0.05)


async def _until_whole(group: Workers, window: str, seats: int) -> tuple[float, dict[str, int]]:
    """When there was an answer that held all seats, and the sums. TimeoutError."""
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(_ask_top(session, group.address, window))
        try:
            deadline_s = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline_s:
                await asyncio.sleep(0.05)
                if not await _nothing_lags(session, group.address):
                    continue
                sums, answered_s = {}, 0.0
                async for name, sold in _all_sold(session, group.address):
                    # The first page is of a board that has all of them; the others only bring the rest of its entries.
                    answered_s = answered_s or time.time()
                    sums[name] = sold
                if sum(sums.values()) >= seats:
                    return answered_s, sums
        finally:
            asking.cancel()
    raise TimeoutError(f"not all of {seats} seats shown; the log ends: {group.logs[0].read_text()[-1500:]}")


async def _ask_top(session: aiohttp.ClientSession, address: str, window: str) -> None:
    while True:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"{address}/v1/rankings/sales?window={window}&limit=10&movement=false") as answer:
                await answer.read()
        await asyncio.sleep(1.0)


async def _nothing_lags(session: aiohttp.ClientSession, address: str) -> bool:
    with contextlib.suppress(aiohttp.ClientError):
        async with session.get(f"{address}/health/ready") as answer:
            if answer.status == 200:
                return all(part["lag"] == 0 for part in (await answer.json())["partitions"])
    return False


async def _all_sold(session: aiohttp.ClientSession, address: str) -> AsyncIterator[tuple[str, int]]:
    asked = {"window": "all", "limit": "1000", "movement": "false"}
    cursor: str | None = ""
    while cursor is not None:
        query = urlencode({**asked, **({"cursor": cursor} if cursor else {})})
        async with session.get(f"{address}/v1/rankings/sales?{query}") as answer:
            answer.raise_for_status()
            board: Any = await answer.json()
        for entry in board["entries"]:
            yield entry["concertScheduleId"], entry["sold"]
        cursor = board["nextCursor"]


PEER = Peer(
    name="ours",
    available=lambda: None,
    run=counted,
    configuration={
        "settings": "defaults",
        "windows": "all of them from the same sums; the top 10 asked by HTTP once a second, without movement",
        "processes": "one worker, which decodes a backlog in a second process, too",
        "validation": "pydantic, every event; ids remembered for 24 h",
    },
)
