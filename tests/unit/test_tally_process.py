"""The process beside a worker: it answers what tallying here gives, or None, and nothing of it is left behind."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import structlog
from structlog.testing import capture_logs

from agents import tally_process
from agents.tally_process import MOST_ASKED, Answer, NoTallying, TallyProcess, processors, tallying
from ranking_app.rankings.tally import Tally, tally
from schemas.decode import DecodeRules
from tests.support.memory import FakeRecord
from tests.support.pids import is_running
from tests.support.project import ROOT
from tests.support.waiting import wait_until

WITHIN_S = 30.0
NOW_MS = 1_781_434_800_000
RULES = DecodeRules(timezone=ZoneInfo("Asia/Seoul"), max_future_ms=0, max_record_bytes=65_536, flat_cancels=True)
NO_RULES = cast(DecodeRules, None)

AT = "2026-06-14T18:00:0"

PARENT = """
import asyncio, sys
from zoneinfo import ZoneInfo
import structlog
from agents.tally_process import TallyProcess
from schemas.decode import DecodeRules
from tests.support.memory import FakeRecord

async def main(asked):
    process = TallyProcess(structlog.get_logger())
    rules = DecodeRules(timezone=ZoneInfo("UTC"), max_future_ms=0, max_record_bytes=65_536, flat_cancels=False)
    records = [FakeRecord(offset, b"{}") for offset in range(2_000)]
    while (first := process.ask(records[:1], rules, 0)) is None:
        await asyncio.sleep(0.02)
    await first
    answers = [process.ask(records, rules, 0) for _ in range(asked)]
    print("asked", process._running.pid, flush=True)
    sys.stdin.read()

asyncio.run(main(int(sys.argv[1])))
"""


def envelope(offset: int, schedule: str, **more: Any) -> FakeRecord:
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
    return tally(records, RULES, NOW_MS)


class Beside:
    """A process beside, and what it logged."""

    def __init__(self, logs: list[Any]) -> None:
        self.process = TallyProcess(structlog.get_logger())
        self._logs = logs

    def ask(self, records: Sequence[FakeRecord], rules: DecodeRules = RULES) -> Answer | None:
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
        assert await (await self.taken(slice_of(0))) == here(slice_of(0))
        return self.started[-1]

    def taken_now(self, records: Sequence[FakeRecord]) -> Answer:
        answer = self.ask(records)
        assert answer is not None
        return answer

    @property
    def started(self) -> list[int]:
        return [entry["pid"] for entry in self._logs if entry["event"] == "tally_process_started"]

    @property
    def warnings(self) -> list[tuple[str, int]]:
        return [(one["event"], one.get("exit_code", 0)) for one in self._logs if one["log_level"] == "warning"]

    @property
    def events(self) -> list[str]:
        return [one["event"] for one in self._logs]

    async def until_warned(self) -> None:
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
    return not any(thread.name.startswith("tally") for thread in threading.enumerate())


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if is_running(pid):
            os.kill(pid, signal.SIGCONT)


async def all_of(answers: Sequence[Answer]) -> list[Tally | None]:
    return await asyncio.wait_for(asyncio.gather(*answers), WITHIN_S)


async def test_it_answers_what_tallying_here_gives_in_the_order_asked() -> None:
    slices = [slice_of(100 * number, 30 + number) for number in range(MOST_ASKED)]
    order: list[int] = []
    async with beside() as found:
        await found.ready()
        answers = [found.taken_now(records) for records in slices]
        for number, answer in enumerate(answers):
            answer.add_done_callback(partial(lambda number, _: order.append(number), number))
        assert await all_of(answers) == [here(records) for records in slices]
        assert await (await found.taken([])) == here([])
    assert order == list(range(MOST_ASKED))
    assert here(slices[0]).sales > 5
    assert len(here(slices[0]).bad) > 5


async def test_before_it_is_there_it_takes_nothing() -> None:
    async with beside() as found:
        assert found.started == []
        assert [found.ask(slice_of(0)) for _ in range(3)] == [None] * 3
        assert len(found.started) == 1
        await found.ready()
        assert len(found.started) == 1


async def test_with_enough_to_do_it_takes_no_more_until_it_has_answered() -> None:
    async with beside() as found:
        with stopped(await found.ready()):
            answers = [found.taken_now(slice_of(number)) for number in range(MOST_ASKED)]
            assert found.ask(slice_of(0)) is None
        assert await all_of(answers) == [here(slice_of(number)) for number in range(MOST_ASKED)]
        assert await found.taken_now(slice_of(5)) == here(slice_of(5))


async def test_an_answer_that_nobody_waits_for_any_more_keeps_no_other_back() -> None:
    async with beside() as found:
        with stopped(await found.ready()):
            answers = [found.taken_now(slice_of(number)) for number in range(3)]
            answers[1].cancel()
        assert await all_of([answers[0], answers[2]]) == [here(slice_of(0)), here(slice_of(2))]


@pytest.mark.parametrize("big", [False, True], ids=["in the pipe", "still being sent"])
async def test_when_it_is_killed_every_open_answer_is_none_and_it_is_started_again_after_a_pause(
    monkeypatch: pytest.MonkeyPatch, big: bool
) -> None:
    monkeypatch.setattr(tally_process, "RESTART_PAUSE_S", 0.3)
    records = [FakeRecord(offset, b"x" * 1_000_000) for offset in range(3)] if big else slice_of(0)
    async with beside() as found:
        first = await found.ready()
        with stopped(first):
            answers = [found.taken_now(records) for _ in range(3)]
            os.kill(first, signal.SIGKILL)
            assert await all_of(answers) == [None] * 3
        assert found.warnings == [("tally_process_ended", -signal.SIGKILL)]
        second = await found.ready()
        assert second != first
        assert found.started == [first, second]
        del answers


async def test_until_the_pause_is_over_none_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_process, "RESTART_PAUSE_S", 600.0)
    async with beside() as found:
        os.kill(await found.ready(), signal.SIGKILL)
        await found.until_warned()
        assert found.ask(slice_of(0)) is None
        assert len(found.started) == 1


async def test_one_that_cannot_be_started_is_told_and_tried_again_after_the_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tally_process, "RESTART_PAUSE_S", 600.0)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        with capture_logs() as logs:
            process = TallyProcess(structlog.get_logger())
            assert [process.ask(slice_of(0), RULES, NOW_MS) for _ in range(2)] == [None, None]
    assert [entry["event"] for entry in logs] == ["tally_process_not_started"]
    await process.close()


async def test_closing_ends_it_and_nothing_is_started_after_that() -> None:
    async with beside() as found:
        pid = await found.ready()
        assert is_running(pid)
        await found.process.close()
        assert not is_running(pid)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert found.ask(slice_of(0)) is None
        await found.process.close()
        assert (found.started, found.warnings) == ([pid], [])


async def test_closing_one_that_was_never_asked_starts_none() -> None:
    async with beside() as found:
        await found.process.close()
        assert found.ask(slice_of(0)) is None
        assert found.started == []


async def test_closing_one_that_is_only_being_started_ends_it() -> None:
    async with beside() as found:
        assert found.ask(slice_of(0)) is None
        await found.process.close()
        assert len(found.started) == 1
        assert not is_running(found.started[0])


@pytest.mark.parametrize("value", [b"{}", b"x" * 1_000_000], ids=["in the pipe", "still being sent"])
async def test_closing_kills_one_that_does_not_end_by_itself_and_answers_none(value: bytes) -> None:
    async with beside() as found:
        pid = await found.ready()
        with stopped(pid):
            answers = [found.taken_now([FakeRecord(0, value), FakeRecord(1, value)]) for _ in range(3)]
            closing = asyncio.create_task(found.process.close())
            await asyncio.wait([closing], timeout=0)
            late = found.ask(slice_of(0))
            await asyncio.wait_for(closing, WITHIN_S)
            assert not is_running(pid)
        assert late is not None
        assert await all_of([*answers, late]) == [None] * 4
        del answers


async def test_a_bug_in_its_tally_is_answered_with_none_and_it_goes_on() -> None:
    async with beside() as found:
        pid = await found.ready()
        broken = found.ask(slice_of(0), NO_RULES)
        assert broken is not None
        assert await all_of([broken, found.taken_now(slice_of(9))]) == [None, here(slice_of(9))]
        assert (found.started, found.warnings) == ([pid], [])


@pytest.mark.parametrize("asked", [0, MOST_ASKED], ids=["idle", "with much to do"])
def test_it_ends_when_its_worker_is_killed_and_says_nothing(asked: int) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(asked)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with parent:
        try:
            assert parent.stdout is not None and parent.stderr is not None
            line = ""
            while not line.startswith("asked "):
                line = parent.stdout.readline()
                assert line, f"it has failed: {parent.stderr.read()}"
            pid = int(line.split()[1])
            assert is_running(pid)
        finally:
            parent.kill()
        wait_until(lambda: not is_running(pid), WITHIN_S, "the child has gone")
        assert parent.stderr.read() == ""


async def test_without_a_processor_for_it_or_not_wanted_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    log = structlog.get_logger()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert isinstance(tallying(True, log), TallyProcess)
    assert isinstance(tallying(False, log), NoTallying)
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert isinstance(tallying(True, log), TallyProcess)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone = tallying(True, log)
    assert isinstance(alone, NoTallying)
    alone.ask(slice_of(0), RULES, NOW_MS)
    await alone.close()


async def test_where_no_large_pipes_are_left_small_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    popen = subprocess.Popen

    def refused(*args: Any, pipesize: int = -1, **more: Any) -> Any:
        if pipesize > 0:
            raise PermissionError(1, "Operation not permitted")
        return popen(*args, **more)

    monkeypatch.setattr(subprocess, "Popen", refused)
    async with beside() as found:
        await found.ready()


async def test_one_that_is_asked_and_does_not_answer_any_more_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_process, "SILENT_S", 0.3)
    monkeypatch.setattr(tally_process, "LOOKS_AGAIN_S", 0.1)
    async with beside() as found:
        pid = await found.ready()
        os.kill(pid, signal.SIGSTOP)
        assert await all_of([found.taken_now(slice_of(0)), found.taken_now(slice_of(9))]) == [None, None]
        assert found.warnings == [("tally_process_ended", -signal.SIGKILL)]


async def test_one_that_is_asked_nothing_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with beside() as found:
        pid = await found.ready()
        assert found.process._running is not None
        monkeypatch.setattr(tally_process, "SILENT_S", 0.0)
        for _ in range(3):
            found.process._running._look()
        monkeypatch.undo()
        assert await found.taken_now(slice_of(9)) == here(slice_of(9))
        assert (found.started, found.warnings) == ([pid], [])


async def test_one_that_does_not_even_come_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_process, "SILENT_S", 0.1)
    monkeypatch.setattr(tally_process, "LOOKS_AGAIN_S", 0.1)
    monkeypatch.setattr(tally_process, "START", "import sys; sys.stdin.read()")
    async with beside() as found:
        assert found.ask(slice_of(0)) is None
        await found.until_warned()
        assert found.warnings == [("tally_process_ended", -signal.SIGKILL)]


async def test_one_that_runs_other_code_is_ended_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_process, "CODE", "that of another version")
    monkeypatch.setattr(tally_process, "RESTART_PAUSE_S", 0.0)
    async with beside() as found:
        assert found.ask(slice_of(0)) is None
        await found.until_warned()
        assert found.events == ["tally_process_started", "tally_process_is_another"]
        assert found.ask(slice_of(0)) is None
        assert len(found.started) == 1


async def test_nothing_is_imported_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('somebody else')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(ROOT), *(entry for entry in sys.path if entry)])
    async with beside() as found:
        await found.ready()


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000\n", 4), ("100000 100000\n", 1), ("150000 100000\n", 1.5), ("800000 100000\n", 4)],
)
def test_a_containers_quota_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: float
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(tally_process, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert processors() == expected
