"""A process beside a worker (agents.tally_process) under test, and slices for it."""

import asyncio
import gc
import json
import os
import signal
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from structlog.testing import capture_logs

from agents.tally_process import Answer, TallyProcess
from ranking_app.rankings.tally import Tally, tally
from schemas.decode import DecodeRules
from tests.support.memory import FakeRecord
from tests.support.pids import is_running
from tests.support.waiting import wait_until

WITHIN_S = 30.0
NOW_MS = 1_781_434_800_000
RULES = DecodeRules(timezone=ZoneInfo("Asia/Seoul"), max_future_ms=0, max_record_bytes=65_536, flat_cancels=True)
AT = "2026-06-14T18:00:0"


def envelope(offset: int, schedule: str, **more: Any) -> FakeRecord:
    """A sale of two seats."""
    payload = {"concertScheduleId": schedule, "quantity": 2, "amount": 300}
    event = {"eventId": f"id-{offset}", "eventType": "reservation.completed", "eventTime": f"{AT}{offset % 10}"}
    return FakeRecord(offset, json.dumps({**event, "payload": payload, **more}).encode())


def slice_of(first: int, count: int = 9) -> list[FakeRecord]:
    """Of all kinds: good ones, a cancellation, the flat form, no JSON, an empty value, not UTF-8, no known type."""
    kinds: list[Callable[[int], FakeRecord]] = [
        lambda offset: envelope(offset, "A"),
        lambda offset: envelope(offset, "B", eventType="reservation.cancelled"),
        lambda offset: FakeRecord(offset, json.dumps({"concertScheduleId": "A", "reservedAt": f"{AT}7"}).encode()),
        lambda offset: FakeRecord(offset, b"{not json"),
        lambda offset: FakeRecord(offset, None),
        lambda offset: FakeRecord(offset, b""),
        lambda offset: FakeRecord(offset, b"\xff\xfe"),
        lambda offset: envelope(offset, "A", eventType="weather"),
        lambda offset: envelope(offset, "\N{GUITAR}"),
    ]
    return [kinds[offset % len(kinds)](offset) for offset in range(first, first + count)]


def here(records: Sequence[FakeRecord]) -> Tally:
    """What it has to answer."""
    return tally([record.offset for record in records], [record.value for record in records], RULES, NOW_MS)


class Beside:
    """A process beside, and what it logged."""

    def __init__(self, logs: list[Any]) -> None:
        self.process = TallyProcess(structlog.get_logger())
        self._logs = logs

    def ask(self, records: Sequence[FakeRecord], rules: DecodeRules = RULES) -> Answer | None:
        """What a worker asks."""
        return self.process.ask(records, rules, NOW_MS)

    async def taken(self, records: Sequence[FakeRecord]) -> Answer:
        """The answer to come, once it takes the slice."""
        deadline_s = time.monotonic() + WITHIN_S
        while (answer := self.ask(records)) is None:
            assert time.monotonic() < deadline_s, f"it never takes anything: {self._logs}"
            await asyncio.sleep(0.02)
        return answer

    async def ready(self) -> int:
        """The process id, once it answers."""
        assert await all_of([await self.taken(slice_of(0))]) == [here(slice_of(0))]
        return self.started[-1]

    def taken_now(self, records: Sequence[FakeRecord]) -> Answer:
        """The answer to come; it takes the slice at once."""
        answer = self.ask(records)
        assert answer is not None
        return answer

    @property
    def started(self) -> list[int]:
        """Process ids, in order."""
        return [entry["pid"] for entry in self._logs if entry["event"] == "tally_process_started"]

    @property
    def warnings(self) -> list[tuple[str, int]]:
        """What was logged as a warning, with the exit code."""
        return [(one["event"], one.get("exit_code", 0)) for one in self._logs if one["log_level"] == "warning"]

    @property
    def events(self) -> list[str]:
        """All that was logged, by name."""
        return [one["event"] for one in self._logs]

    async def until_warned(self) -> None:
        """There is a warning within the bound."""
        deadline_s = time.monotonic() + WITHIN_S
        while not self.warnings:
            assert time.monotonic() < deadline_s, f"no warning: {self._logs}"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def beside() -> AsyncIterator[Beside]:
    """Closed at the end; then no process, no thread and no pipe of it may be left."""
    with warnings.catch_warnings(record=True) as seen, capture_logs() as logs:
        warnings.simplefilter("always")
        found = Beside(logs)
        try:
            yield found
        finally:
            for pid in filter(is_running, found.started):
                os.kill(pid, signal.SIGCONT)  # a failed test may have left it stopped
            await asyncio.wait_for(found.process.close(), WITHIN_S)
        await asyncio.to_thread(wait_until, no_threads, WITHIN_S, "its threads have ended")
        assert not any(map(is_running, found.started))
        del found.process
        await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), WITHIN_S)
        gc.collect()
    assert [str(one.message) for one in seen if issubclass(one.category, ResourceWarning)] == []


def no_threads() -> bool:
    """Whether those of every process beside have ended."""
    return not any(thread.name.startswith("tally") for thread in threading.enumerate())


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Within it the process does not run."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if is_running(pid):
            os.kill(pid, signal.SIGCONT)


async def all_of(answers: Sequence[Answer]) -> list[Tally | None]:
    """They have to come within the bound. Without the numbers of schedules, which depend on what was asked before."""
    return list(map(without_numbers, await asyncio.wait_for(asyncio.gather(*answers), WITHIN_S)))


def without_numbers(tally: Tally | None) -> Tally | None:
    """As `here` has it."""
    return None if tally is None else tally._replace(parts=tally.parts._replace(schedules=b"", numbering=""))
