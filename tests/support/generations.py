"""What a test asks of a backfill: its process and workers, what processes report of themselves, who answers what."""

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from ranking_app.generations.control_state import ControlState
from ranking_app.generations.generation import base_generation
from ranking_app.generations.reports import Instances, Report
from ranking_app.settings import Settings, load_settings
from tests.support.in_process import read_topic
from tests.support.pids import is_running
from tests.support.processes import AppProcess, Fleet, WebProcess
from tests.support.selling import Selling
from tests.support.waiting import wait_until
from tests.support.web_client import Client

CAUGHT_UP_WITHIN_S = 90.0
ASK_EVERY_S = 0.01
ANSWERS_WITHIN_S = 60.0
REPORTS_LOOKED_AT = 200


def settings_object(environment: Mapping[str, str]) -> Settings:
    """The settings of a process with this environment."""
    return load_settings(**{name.removeprefix("RANKING_").lower(): value for name, value in environment.items()})


def committed_records(environment: Mapping[str, str], topic: str, partitions: int) -> list[Any]:
    """Every record of a topic that a read_committed reader sees now."""
    return asyncio.run(read_topic(settings_object(environment), topic, partitions))


def control_state(environment: Mapping[str, str]) -> ControlState:
    """What the control topic says now."""
    settings = settings_object(environment)
    state = ControlState(base_generation(settings))
    for record in asyncio.run(read_topic(settings, settings.control_topic, 1)):
        state.apply(record.key, record.value)
    return state


def reports(environment: Mapping[str, str]) -> list[Report]:
    """The newest report of every process that is there."""
    settings, instances = settings_object(environment), Instances()
    for record in asyncio.run(read_topic(settings, settings.instances_topic, 1, REPORTS_LOOKED_AT)):
        instances.saw(Report.decode(record.value))
    return instances.there(time.time_ns() // 1_000_000)


def counting(environment: Mapping[str, str], name: str) -> list[Report]:
    """Those that share in counting a generation."""
    return [report for report in reports(environment) if report.counts == name]


def next_offsets(environment: Mapping[str, str], name: str) -> int:
    """How many source records a generation has counted, by whoever is the furthest."""
    followed = [report.followed[name] for report in reports(environment) if name in report.followed]
    return max((sum(map(sum, one.next_offsets.values())) for one in followed), default=0)


class Backfill:
    """`ranking-app backfill start NAME` and its workers."""

    def __init__(self, fleet: Fleet, name: str, *options: str, **settings: str) -> None:
        self.name = name
        self._fleet = fleet
        self._settings = settings
        self._runs = 0
        self.process = self._start(*options)

    def _start(self, *options: str) -> AppProcess:
        self._runs += 1
        label = f"start-{self.name}-{self._runs}"
        arguments = ("backfill", "start", self.name, *options)
        return self._fleet.command(label, *arguments, **self._settings)

    def start_again(self, *options: str) -> None:
        """It must have ended before."""
        assert not self.process.is_running
        self.process = self._start(*options)

    @property
    def directory(self) -> Path:
        """Of its workers."""
        return self._fleet.directory / "ranking-data" / "backfills" / self.name

    def worker_pids(self) -> list[int]:
        """The children that run."""
        return [pid for pid in _children(self.process.pid) if is_running(pid)]

    def log_of_workers(self) -> str:
        """All that its workers wrote."""
        return "\n".join(log.read_text(errors="replace") for log in sorted(self.directory.glob("worker-*.log")))

    def wait_caught_up(self, within_s: float = CAUGHT_UP_WITHIN_S) -> Self:
        """Return when it says so."""
        self._until(lambda: f"{self.name}: caught up" in self.process.output(), within_s, "caught up")
        return self

    def wait_counted(self, records: int, within_s: float = CAUGHT_UP_WITHIN_S) -> None:
        """Return when so many source records are counted."""
        self._until(lambda: next_offsets(self._fleet.settings, self.name) >= records, within_s, f"counted {records}")

    def kill_all(self) -> None:
        """SIGKILL to the command; the kernel takes its workers along."""
        workers = self.worker_pids()
        self.process.kill()
        wait_until(lambda: not any(map(is_running, workers)), 10, "the workers are gone")

    def _until(self, holds: Callable[[], object], within_s: float, what: str) -> None:
        def or_ended() -> object:
            self.process.check_running()
            return holds()

        try:
            wait_until(or_ended, within_s, what)
        except AssertionError as error:
            error.add_note("\n".join(self.log_of_workers().splitlines()[-40:]))
            raise


def kill(pid: int) -> None:
    """SIGKILL; returns when it is gone."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid), 10, f"{pid} is gone")


def pid_of_worker(pids: Iterable[int], log: Path) -> int:
    """The process of a backfill's worker, by its log file."""
    return next(pid for pid in pids if Path(f"/proc/{pid}/fd/1").resolve() == log.resolve())


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return sorted(found)


class Seen(NamedTuple):
    """One answer: when it was asked for and was there (wall clock), what of, and which generation gave it."""

    asked_ms: int
    answered_ms: int
    process: str
    endpoint: str
    generation: str


class Hammer:
    """Asks every process for boards and a schedule, again and again, one thread each; notes whatever is wrong.

    schedules: one is asked for after the other. What was completed must never go back. Sums of the sales board must be
    those of the offsets that the answer says it covers: every record is one seat.
    """

    def __init__(self, processes: Sequence[WebProcess], schedules: Sequence[str], completed_topic: str) -> None:
        self.seen: list[Seen] = []
        self.wrong: list[str] = []
        self._stop = threading.Event()
        self._schedules = list(schedules)
        self._completed_topic = completed_topic
        self._threads = [threading.Thread(target=self._ask, args=(one.name, one.port)) for one in processes]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def wait_for_more(self, count: int) -> None:
        """Return after so many more answers, or when a thread gave up."""
        wanted = len(self.seen) + count
        wait_until(lambda: len(self.seen) >= wanted or self.wrong, ANSWERS_WITHIN_S, f"{count} more answers")

    def moved_within_s(self, name: str, switched_at_ms: int) -> float:
        """How long after the switch somebody was still asked who then answered from another generation."""
        late = [
            seen.asked_ms - switched_at_ms
            for seen in self.seen
            if seen.asked_ms >= switched_at_ms and seen.generation != name
        ]
        after = {seen.process for seen in self.seen if seen.asked_ms >= switched_at_ms and seen.generation == name}
        assert after == self._names(), f"not all answered from {name}: {after}"
        return max(late, default=0) / 1000

    def _names(self) -> set[str]:
        return {seen.process for seen in self.seen}

    def turns(self) -> dict[tuple[str, str], list[str]]:
        """The generations that each endpoint of each process answered from, one after the other.

        Boards are kept for a moment: a schedule may be answered from the new generation a moment before a board is.
        """
        found: dict[tuple[str, str], list[str]] = {}
        for seen in self.seen:
            names = found.setdefault((seen.process, seen.endpoint), [])
            if not names or names[-1] != seen.generation:
                names.append(seen.generation)
        return found

    def _ask(self, name: str, port: int) -> None:
        client, highest, number = Client(port), Counter[tuple[str, str]](), 0
        try:
            while not self._stop.wait(ASK_EVERY_S):
                number += 1
                schedule = self._schedules[number % len(self._schedules)]
                for endpoint, ask in (("sales", _sales), ("sell-out", _sell_out), ("schedule", _schedule)):
                    asked_ms = time.time_ns() // 1_000_000
                    answer = ask(client, schedule)
                    generation = answer["completeness"]["generation"]
                    self.seen.append(Seen(asked_ms, time.time_ns() // 1_000_000, name, endpoint, generation))
                    self._check(name, endpoint, answer, highest)
        except Exception as error:
            self.wrong.append(f"{name}: {error!r}")
        finally:
            client.close()

    def _check(self, name: str, endpoint: str, answer: Mapping[str, Any], highest: Counter[tuple[str, str]]) -> None:
        generation = answer["completeness"]["generation"]
        if endpoint == "schedule":
            numbers = {answer["concertScheduleId"]: answer["completed"]}
        else:
            if answer["total"] != len(answer["entries"]):
                self.wrong.append(f"{name} {endpoint} {generation}: total {answer['total']}, {len(answer['entries'])}")
            numbers = {row["concertScheduleId"]: row["sold"] + row["cancelled"] for row in answer["entries"]}
        if endpoint == "sales":
            parts = answer["completeness"]["partitions"]
            covered = sum(part["offset"] for part in parts if part["topic"] == self._completed_topic)
            if sum(numbers.values()) != covered:
                self.wrong.append(f"{name} {endpoint} {generation}: {sum(numbers.values())} sold of {covered} covered")
        if endpoint == "sell-out":
            numbers = {"sold-out schedules": answer["total"]}
        for key, value in numbers.items():
            before = highest[endpoint, key]
            if value < before:
                self.wrong.append(f"{name} {endpoint} {generation}: {key} went from {before} to {value}")
            highest[endpoint, key] = max(before, value)


def _sales(client: Client, schedule: str) -> Any:
    return client.get("/v1/rankings/sales", window="all", limit=1000)


def _sell_out(client: Client, schedule: str) -> Any:
    return client.get("/v1/rankings/sell-out", limit=1000)


def _schedule(client: Client, schedule: str) -> Any:
    return client.schedule(schedule)


def covered(answer: Mapping[str, Any]) -> dict[tuple[str, int], int]:
    """The offsets that an answer covers, by reservation topic and partition, of partitions with events."""
    parts = answer["completeness"]["partitions"]
    return {(part["topic"], part["partition"]): part["offset"] for part in parts if part["watermark"] is not None}


def covers_all(process: WebProcess, sales: Selling) -> bool:
    """Whether its answers cover every record that was acknowledged."""
    try:
        return covered(process.client.get("/v1/rankings/sales")) == dict(sales.acknowledged)
    except (AssertionError, OSError):
        return False  # it was killed, and loads
