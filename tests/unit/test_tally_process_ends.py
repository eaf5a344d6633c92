"""The process beside a worker: when it ends, is ended and is started again; nothing of it is left behind."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
import structlog
from structlog.testing import capture_logs

from agents import tally_process
from agents.tally_process import MOST_ASKED, TallyProcess
from tests.support.beside import NOW_MS, RULES, WITHIN_S, all_of, beside, here, slice_of, stopped
from tests.support.memory import FakeRecord
from tests.support.pids import is_running
from tests.support.project import ROOT
from tests.support.waiting import wait_until

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


async def test_closing_sends_nothing_more_that_was_not_sent_yet() -> None:
    async with beside() as found:
        with stopped(await found.ready()):
            sent = found.taken_now(slice_of(0, 20_000))  # the pipe does not take all of it
            running = found.process._running
            assert running is not None
            wait_until(running._asked[0]._taken.locked, WITHIN_S)
            waiting = found.taken_now(slice_of(1, 2_000))
            closing = asyncio.create_task(found.process.close())
            await asyncio.wait([closing], timeout=0)
            assert (waiting.done(), sent.done(), closing.done()) == (True, False, False)
            await asyncio.wait_for(closing, WITHIN_S)
        assert (sent.result(), waiting.result()) == (None, None)


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


async def test_one_that_is_asked_and_does_not_answer_any_more_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with beside() as found:
        pid = await found.ready()
        assert found.process._running is not None and found.process._running._looking is not None
        found.process._running._looking.cancel()  # it looks after the usual time: the child needs some to come
        found.process._running._looking = None
        monkeypatch.setattr(tally_process, "SILENT_S", 0.3)
        monkeypatch.setattr(tally_process, "LOOKS_AGAIN_S", 0.1)
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
        assert await all_of([found.taken_now(slice_of(9))]) == [here(slice_of(9))]
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
