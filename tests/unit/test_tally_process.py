"""The process beside a worker answers what tallying here gives, or None."""

import asyncio
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from agents.tally_process import MOST_ASKED, NoTallying
from ranking_app.rankings.panes import schedule_of
from schemas.decode import DecodeRules
from tests.support.beside import all_of, beside, here, slice_of, stopped
from tests.support.project import ROOT
from tests.support.waiting import wait_until

NO_RULES = cast(DecodeRules, None)


async def test_it_answers_what_tallying_here_gives_in_the_order_asked() -> None:
    slices = [slice_of(100 * number, 30 + number) for number in range(MOST_ASKED)]
    order: list[int] = []
    async with beside() as found:
        await found.ready()
        answers = [found.taken_now(records) for records in slices]
        for number, answer in enumerate(answers):
            answer.add_done_callback(partial(lambda number, _: order.append(number), number))
        assert await all_of(answers) == [here(records) for records in slices]
        assert await all_of([await found.taken([])]) == [here([])]
    assert order == list(range(MOST_ASKED))
    assert here(slices[0]).sales > 5
    assert len(here(slices[0]).bad) > 5


async def test_its_numbers_stand_for_the_same_schedules_in_all_that_it_answers() -> None:
    found = dict[tuple[str, int], str]()
    async with beside() as child:
        await child.ready()
        answers = await asyncio.gather(*[child.taken_now(slice_of(9 * number)) for number in range(3)])
    for answer in answers:
        assert answer is not None and answer.parts.places
        for part in answer.parts.each():
            number = answer.parts.numbering, part.schedule
            assert found.setdefault(number, schedule_of(part.place)) == schedule_of(part.place)
    assert sorted(number for _, number in found) == [0, 1, 2]
    assert set(found.values()) == {"A", "B", "\N{GUITAR}"}
    assert len({name for name, _ in found}) == 1


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
        assert await all_of([found.taken_now(slice_of(5))]) == [here(slice_of(5))]


async def test_an_answer_that_nobody_waits_for_any_more_keeps_no_other_back() -> None:
    async with beside() as found:
        with stopped(await found.ready()):
            answers = [found.taken_now(slice_of(number)) for number in range(3)]
            answers[1].cancel()
        assert await all_of([answers[0], answers[2]]) == [here(slice_of(0)), here(slice_of(2))]


async def test_a_bug_in_its_tally_is_answered_with_none_and_it_goes_on() -> None:
    async with beside() as found:
        pid = await found.ready()
        broken = found.ask(slice_of(0), NO_RULES)
        assert broken is not None
        assert await all_of([broken, found.taken_now(slice_of(9))]) == [None, here(slice_of(9))]
        assert (found.started, found.warnings) == ([pid], [])


async def test_where_no_large_pipes_are_left_small_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    popen = subprocess.Popen

    def refused(*args: Any, pipesize: int = -1, **more: Any) -> Any:
        if pipesize > 0:
            raise PermissionError(1, "Operation not permitted")
        return popen(*args, **more)

    monkeypatch.setattr(subprocess, "Popen", refused)
    async with beside() as found:
        await found.ready()


async def test_nothing_is_imported_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('somebody else')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(ROOT), *(entry for entry in sys.path if entry)])
    async with beside() as found:
        await found.ready()


async def test_what_is_not_sent_yet_may_be_taken_back_and_the_others_are_answered() -> None:
    large = slice_of(0, 20_000)
    async with beside() as found:
        with stopped(await found.ready()):
            sent, back, kept = (found.taken_now(records) for records in (large, slice_of(1, 2_000), slice_of(2, 2_000)))
            running = found.process._running
            assert running is not None
            wait_until(running._asked[0]._taken.locked, 5.0)  # the pipe does not take all of it
            assert [found.process.take_back(one) for one in (sent, back, back)] == [False, True, False]
        after = found.taken_now(slice_of(3, 2_000))
        expected = [here(large), here(slice_of(2, 2_000)), here(slice_of(3, 2_000))]
        assert await all_of([sent, kept, after]) == expected
        assert not back.done()
        assert not found.process.take_back(kept)


async def test_without_a_process_nothing_is_taken_back() -> None:
    async with beside() as found:
        assert not found.process.take_back(asyncio.get_running_loop().create_future())
    assert not NoTallying().take_back(asyncio.get_running_loop().create_future())
