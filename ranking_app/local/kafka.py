"""A real Apache Kafka on this machine without Docker: one or more brokers as child processes."""

import atexit
import os
import signal
import subprocess
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import click

from ranking_app.errors import LocalKafkaFailed, LocalKafkaPortInUse, WrongUse
from ranking_app.local.broker_config import NodePorts, broker_config
from ranking_app.local.child import start_child
from ranking_app.local.jar_list import KAFKA_VERSION
from ranking_app.local.jars import kafka_classpath
from ranking_app.local.java import find_java
from ranking_app.local.jvm import BROKER_JVM, QUICK_JVM
from ranking_app.local.kafka_dir import KafkaDir
from ranking_app.local.ports import is_free, pick_ports
from ranking_app.local.wire import brokers_known_to

START_TIMEOUT_S = 120
"""One broker is up in 3 s, three in 6 s; on a machine busy with other things that was five times as long."""

STOP_TIMEOUT_S = 7
"""A clean stop takes 1 s. `ranking-app kafka` promises 10 s; a broker that hangs on is killed before that."""

POLL_S = 0.05

LOOK_EVERY_S = 0.2
"""How soon `ranking-app kafka` sees that a broker died."""


class LocalKafka:
    """One or more brokers, each also a controller, on consecutive ports of this machine.

    data_dir: made if missing; one that was used before is started again with all it holds.
    port: of the first broker; None picks free ones. They stay the same over a stop and a start.
    Brokers die with this process, on Linux also when it is killed. Not for several threads at a time.
    """

    def __init__(self, data_dir: Path, *, brokers: int = 1, port: int | None = None, host: str = "127.0.0.1") -> None:
        if brokers < 1 or (port is not None and not 1 <= port <= 65_536 - brokers):
            raise WrongUse(f"{brokers} broker(s) from port {port} on: expected at least 1, and ports up to 65535")
        self.host = host
        self.processes: list[subprocess.Popen[bytes]] = []
        """One per broker, in the order of their ports; empty while stopped."""
        self._dir = KafkaDir(Path(data_dir))
        first = pick_ports(host, brokers)[0] if port is None else port
        self._client_ports = list(range(first, first + brokers))
        self._nodes: dict[int, NodePorts] = {}
        self._java: list[str] = []

    @property
    def data_dir(self) -> Path:
        """Where everything is kept, also the logs of the brokers."""
        return self._dir.path

    @property
    def bootstrap(self) -> str:
        """`host:port` of every broker, joined with commas."""
        return ",".join(f"{self.host}:{port}" for port in self._client_ports)

    @property
    def url(self) -> str:
        """What RANKING_BROKER takes: `kafka://host:port` of every broker, joined with semicolons."""
        return ";".join(f"kafka://{self.host}:{port}" for port in self._client_ports)

    def start(self) -> None:
        """Start all brokers; back when each of them answers and knows all of them.

        Raises JavaNotFound, KafkaDownloadFailed, LocalExtraMissing, LocalKafkaDirUnusable,
        LocalKafkaPortInUse or LocalKafkaFailed, and leaves nothing running then.
        """
        if self.processes:
            raise RuntimeError("this LocalKafka runs already")
        classpath = os.pathsep.join(str(jar) for jar in kafka_classpath())
        self._java = [str(find_java()), "-cp", classpath]
        self._dir.take(brokers=len(self._client_ports))
        atexit.register(self.stop)  # before the first process: an exit in between must not leave one behind
        try:
            self._choose_ports()
            self._dir.prepare(self._nodes, self._config_of, [self._java[0], *QUICK_JVM, *self._java[1:]])
            for node_id in self._nodes:
                self.processes.append(self._start_broker(node_id))
            self._wait_until_up(set(self._nodes))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all brokers cleanly, those that take too long by force. Does nothing when stopped."""
        for process in self.processes:
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.alive() and time.monotonic() < deadline and not self._waits_for_nothing():
            time.sleep(POLL_S)
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []
        self._dir.release()
        atexit.unregister(self.stop)

    def kill(self, i: int) -> None:
        """SIGKILL broker i (0 is the first) and wait until it is gone."""
        self.processes[i].kill()
        self.processes[i].wait()

    def restart(self, i: int) -> None:
        """Start broker i again, killing it first if it runs; back when it answers and knows all that run."""
        self.kill(i)
        self.processes[i] = self._start_broker(i + 1)
        self._wait_until_up({other + 1 for other in self.alive()})

    def alive(self) -> list[int]:
        """The brokers whose process runs: 0 is the first."""
        return [i for i, process in enumerate(self.processes) if process.poll() is None]

    def log_path(self, i: int) -> Path:
        """Where broker i writes what it does."""
        return self._dir.log_path(i + 1)

    def log_tail(self, i: int, lines: int = 20) -> str:
        """The end of broker i's log."""
        try:
            text = self.log_path(i).read_text(encoding="utf-8", errors="replace")
        except OSError as exc:
            return f"(no log: {exc})"
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _choose_ports(self) -> None:
        for port in self._client_ports:
            if not is_free(self.host, port):
                raise LocalKafkaPortInUse(
                    f"Cannot listen on {self.host}:{port}: another process has that port, perhaps another "
                    "Kafka. Stop it, or give another --port."
                )
        controllers = pick_ports(self.host, len(self._client_ports), avoid=self._client_ports)
        pairs = zip(self._client_ports, controllers, strict=True)
        self._nodes = {i: NodePorts(*ports) for i, ports in enumerate(pairs, start=1)}

    def _config_of(self, node_id: int, log_dir: str) -> str:
        return broker_config(node_id, self._nodes, self.host, log_dir)

    def _start_broker(self, node_id: int) -> subprocess.Popen[bytes]:
        java, *classpath = self._java
        command = [java, *BROKER_JVM, *classpath, "kafka.Kafka", self._dir.config_name(node_id)]
        return start_child(command, self._dir.log_path(node_id), cwd=self._dir.path)

    def _wait_until_up(self, expected: set[int]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        waiting_for = set(expected)
        while waiting_for := {node_id for node_id in waiting_for if not self._knows(node_id, expected)}:
            for node_id in sorted(expected):
                if (code := self.processes[node_id - 1].poll()) is not None:
                    raise self._failed(node_id, f"ended with code {code} while it was starting")
            if time.monotonic() > deadline:
                raise self._failed(min(waiting_for), f"did not come up within {START_TIMEOUT_S} s")
            time.sleep(POLL_S)

    def _knows(self, node_id: int, expected: set[int]) -> bool:
        try:
            return brokers_known_to(self.host, self._nodes[node_id].client, timeout_s=5) >= expected
        except OSError:
            return False

    def _failed(self, node_id: int, what: str) -> LocalKafkaFailed:
        i = node_id - 1
        return LocalKafkaFailed(
            f"Kafka broker {node_id} {what}. The end of its log, {self.log_path(i)}:\n{self.log_tail(i)}"
        )

    def _waits_for_nothing(self) -> bool:
        # A controller that stops tries for 5 s to hand over to a quorum that is gone when most of the others
        # stopped first. What it was to keep is on disk by then, and Kafka has no setting for those 5 s.
        alive = self.alive()
        no_quorum = len(alive) <= len(self.processes) // 2
        return no_quorum and all(self._dir.is_closed(i + 1) for i in alive)


class _Stopped(BaseException):
    """SIGINT or SIGTERM came. Not an Exception: nothing on the way may take it for a failure and carry on."""


def run_foreground(brokers: int, port: int, data_dir: Path) -> int:
    """Run a local Kafka until SIGINT or SIGTERM; the exit code.

    0 after a signal; 1, with the end of the log on stderr, once brokers died and the rest is no majority:
    with one broker when it dies, with three when a second one does. Up to then a dead one is only reported.
    What keeps it from starting is raised (LocalKafka.start). For the main thread only: it takes the signals.
    """
    previous = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    kafka = LocalKafka(data_dir, brokers=brokers, port=port)
    try:
        kafka.start()
        pids = ", ".join(str(process.pid) for process in kafka.processes)
        click.echo(f"Kafka {KAFKA_VERSION} is up: {kafka.url} (data: {kafka.data_dir}, pid {pids}). Ctrl-C stops it")
        return _watch(kafka)
    except _Stopped:
        return 0
    finally:
        for number in previous:  # a second Ctrl-C must not break off the clean stop, which ends by itself
            signal.signal(number, signal.SIG_IGN)
        kafka.stop()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _watch(kafka: LocalKafka) -> int:
    known_dead: set[int] = set()
    total = len(kafka.processes)
    while True:
        alive = kafka.alive()
        for i in set(range(total)) - set(alive) - known_dead:
            known_dead.add(i)
            click.echo(
                f"Kafka broker {i + 1} died (code {kafka.processes[i].returncode}), {len(alive)} of {total} "
                f"left. The end of its log, {kafka.log_path(i)}:\n{kafka.log_tail(i)}",
                err=True,
            )
        if len(alive) <= total // 2:
            return 1
        time.sleep(LOOK_EVERY_S)
