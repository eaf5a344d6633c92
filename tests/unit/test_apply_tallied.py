"""An Applier with a process beside it: whatever becomes of that, each record counts once, and a bug is told."""

import asyncio
from collections.abc import Sequence
from typing import Any
from unittest import mock

import pytest

import agents.apply
import agents.decoding
import ranking_app.rankings.tally
import schemas.decode
import tables.pane_cache
from agents.arrivals import SPAN_MS
from agents.decoding import ApplyFailed
from agents.tally_process import Answer
from ranking_app.rankings.panes import fold, place_of
from ranking_app.rankings.windows import Window
from ranking_app.read_model.sources import SourceKey
from schemas.decode import DecodeRules, decode_columns
from schemas.record import Record
from tests.property.test_crash_independence import NOW_MS, RULES, Life, record
from tests.support.memory import FakeRecord
from tests.support.tallying import Noting, PatternTallying, Says, small_slices

WITHIN_S = 10.0


def sold(life: Life) -> dict[str, int]:
    everything = Window(None, NOW_MS // 1000 + 1)
    return {one.id: one.curve.totals(everything).completed for one in life.model().schedules.values()}


def sales(*offsets: int, schedule: int = 0) -> list[FakeRecord]:
    return [record(offset, (schedule, offset, 1, False, offset)) for offset in offsets]


class NeverAnswers(PatternTallying):
    """It takes everything, and the test says what comes of it, once so many slices are `taken`."""

    def __init__(self, slices: int) -> None:
        super().__init__(Says.TALLY)
        self.open: list[Answer] = []
        self.taken = asyncio.Event()
        self._slices = slices

    def ask(self, records: Sequence[Record], rules: DecodeRules, now_ms: int, with_offsets: bool = False) -> Answer:
        self.open.append(asyncio.get_running_loop().create_future())
        if len(self.open) == self._slices:
            self.taken.set()
        return self.open[-1]


@pytest.mark.parametrize("says", Says)
async def test_each_sale_counts_once_whatever_becomes_of_the_process_beside(says: Says) -> None:
    tallying = PatternTallying(says)
    life = Life(tallying)
    with small_slices(helped=3, tallied=4, own=2):
        await life.flush([*sales(0, 1, 2, 3, 4, 5, 6, 7), record(8, (0, 5, 0, False, 8))])
        await life.flush([*sales(6, 7), record(8, (0, 5, 0, False, 8)), *sales(9)])  # some of it again
    position = life.model().position(SourceKey(0, 0))
    assert sold(life) == {"S0": 9}
    assert (position.counted, position.duplicates, position.next_offset) == (9, 0, 10)
    assert life.dead.sent == [("reservation.completed", 0, 8)]
    assert says in tallying.said


async def test_a_process_that_dies_over_a_batch_leaves_the_batch_to_the_worker() -> None:
    tallying = NeverAnswers(3)
    life = Life(tallying)
    with small_slices(helped=3, tallied=4):
        flush = asyncio.create_task(life.flush(sales(*range(10))))
        await asyncio.wait_for(tallying.taken.wait(), WITHIN_S)
        for answer in tallying.open:
            answer.set_result(None)
        await flush
    assert sold(life) == {"S0": 10}
    assert life.model().position(SourceKey(0, 0)).counted == 10


async def test_what_is_not_answered_soon_is_counted_here_and_an_answer_after_that_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agents.decoding, "ANSWERS_WITHIN_S", 0.05)
    tallying = NeverAnswers(3)
    life = Life(tallying)
    with small_slices(helped=3, tallied=4):
        await asyncio.wait_for(life.flush(sales(*range(10))), WITHIN_S)
    for answer in tallying.open:
        answer.set_result(None)
    assert sold(life) == {"S0": 10}


@pytest.mark.parametrize(("bytes_of_a_value", "asked"), [(10, [4, 4, 2]), (60, [2, 2, 2, 2, 2]), (200, [])])
async def test_large_records_are_asked_for_in_shorter_slices_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, bytes_of_a_value: int, asked: list[int]
) -> None:
    monkeypatch.setattr(agents.decoding, "TALLIED_BYTES", 150)
    tallying = Noting(Says.TALLY)
    life = Life(tallying)
    with small_slices(helped=3, tallied=4, own=2):
        await life.flush([FakeRecord(offset, b"x" * bytes_of_a_value) for offset in range(10)])
    assert [len(offsets) for offsets in tallying.asked] == asked
    assert len(life.dead.sent) == 10


async def test_few_records_are_not_given_away() -> None:
    tallying = PatternTallying(Says.TALLY)
    life = Life(tallying)
    with small_slices(helped=3, tallied=4):
        await life.flush(sales(0, 1))
        assert tallying.said == []
        await life.flush(sales(2, 3, 4))
        assert tallying.said == [Says.TALLY]
    assert sold(life) == {"S0": 5}


@pytest.mark.parametrize("says", Says)
async def test_a_duplicate_in_a_backlog_counts_once_in_the_same_slice_in_another_and_in_a_later_batch(
    says: Says,
) -> None:
    life = Life(PatternTallying(says))
    again = [record(3, (0, 1, 4, False, 1)), record(5, (1, 0, 2, True, 0)), record(8, (0, 5, 1, False, 6))]
    with small_slices(tallied=4, own=2):
        await life.flush([*sales(0, 1, 2), again[0], *sales(4), again[1], *sales(6, 7)])
        await life.flush([again[2], *sales(9)])
    position = life.model().position(SourceKey(0, 0))
    assert sold(life) == {"S0": 7}
    assert (position.counted, position.duplicates, position.next_offset) == (7, 3, 10)


def broken_fold(pane_of: Any, sales: Any) -> Any:
    """A bug that shows in one schedule."""
    sales = list(sales)
    if any(sale.schedule_id == "S3" for sale in sales):
        raise ZeroDivisionError("a bug")
    return fold(pane_of, sales)


def broken_place(schedule_id: str, minute: int) -> bytes:
    """The same, where sales find their panes."""
    if schedule_id == "S3":
        raise ZeroDivisionError("a bug")
    return place_of(schedule_id, minute)


def broken_decode(offsets: Sequence[int], values: Sequence[Any], rules: DecodeRules, now_ms: int) -> Any:
    """A bug that shows in one record."""
    if 6 in offsets:
        raise ZeroDivisionError("a bug")
    return decode_columns(offsets, values, rules, now_ms)


@pytest.mark.parametrize("says", Says)
@pytest.mark.parametrize(
    ("name", "bug"), [("fold", broken_fold), ("place_of", broken_place), ("decode_columns", broken_decode)]
)
async def test_a_bug_of_our_own_is_told_with_the_offset_of_its_record(
    monkeypatch: pytest.MonkeyPatch, says: Says, name: str, bug: Any
) -> None:
    for module in (agents.apply, agents.decoding, schemas.decode, tables.pane_cache, ranking_app.rankings.tally):
        monkeypatch.setattr(module, name, bug, raising=False)
    life = Life(PatternTallying(says))
    failed = pytest.raises(ApplyFailed, match=r"partition 0 offset 6 failed: ZeroDivisionError")
    with small_slices(tallied=5, own=5), failed:  # of a slice of many schedules, most sales need no fold
        await life.flush([*sales(0, 1, 2, 3, 4, 5), *sales(6, schedule=3), *sales(7, 8, 9)])
    assert sold(life) == {}
    assert life.model().position(SourceKey(0, 0)).next_offset == 0


@pytest.mark.parametrize("says", Says)
async def test_a_failure_that_no_record_has_alone_is_told_with_all_offsets_of_the_slice(
    monkeypatch: pytest.MonkeyPatch, says: Says
) -> None:
    """Such as a pane that cannot be read."""
    life = Life(PatternTallying(says))

    def unreadable(*_: Any) -> Any:
        raise LookupError("the store is damaged")

    monkeypatch.setattr(life.owned._cache, "known", unreadable)
    monkeypatch.setattr(life.owned._cache, "known_of", unreadable)
    with small_slices(tallied=4, own=4), pytest.raises(ApplyFailed, match=r"offsets 0 to 3 failed: LookupError"):
        await life.flush(sales(*range(8)))


async def test_a_batch_given_up_while_it_waits_for_an_answer_leaves_nothing_counted() -> None:
    tallying = NeverAnswers(1)
    life = Life(tallying)
    with small_slices():
        flush = asyncio.create_task(life.flush(sales(0, 1, 2)))
        await asyncio.wait_for(tallying.taken.wait(), WITHIN_S)
        flush.cancel()
        await asyncio.wait([flush])
    assert flush.cancelled()
    assert life.log.pairs == []


async def test_what_was_begun_with_is_not_asked_for_again_and_what_comes_before_it_ends_where_it_begins() -> None:
    tallying = Noting(Says.TALLY)
    life = Life(tallying)
    backlog: list[Any] = sales(*range(10))
    with small_slices(helped=3, tallied=4):
        life.applier.begin(0, backlog[3:9])
        assert tallying.asked == [[3, 4, 5, 6], [7, 8]]
        await life.flush(backlog)
    assert tallying.asked == [[3, 4, 5, 6], [7, 8], [0, 1, 2], [9]]
    assert sold(life) == {"S0": 10}


async def test_few_records_of_a_batch_wait_for_the_others_of_their_flush() -> None:
    tallying = Noting(Says.TALLY)
    life = Life(tallying)
    with small_slices(helped=3, tallied=4), mock.patch("agents.decoding.AHEAD_RECORDS", 5):
        life.applier.begin(0, sales(*range(4)))
        assert tallying.asked == []
        life.applier.begin(0, sales(*range(4, 9)))
    assert tallying.asked == [[4, 5, 6, 7], [8]]


@pytest.mark.parametrize("later_ms", [SPAN_MS, SPAN_MS + 1])
async def test_what_was_begun_with_too_long_ago_is_decoded_anew(later_ms: int) -> None:
    """By then an event may be no longer too far in the future."""
    tallying = Noting(Says.TALLY)
    life = Life(tallying)
    backlog: list[Any] = sales(*range(4))
    with small_slices(helped=3, tallied=4):
        life.applier.begin(0, backlog)
        life.clock.set_ms(NOW_MS + later_ms)
        await life.flush(backlog)
    assert len(tallying.asked) == (1 if later_ms <= SPAN_MS else 2)
    assert sold(life) == {"S0": 4}


async def test_what_was_begun_with_and_comes_again_as_other_records_is_asked_for_anew() -> None:
    tallying = Noting(Says.TALLY)
    life = Life(tallying)
    with small_slices(helped=3, tallied=4):
        life.applier.begin(0, sales(*range(8)))
        await life.flush(sales(*range(2)))
        await life.flush(sales(*range(8)))
    assert tallying.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [2, 3], [4, 5, 6, 7]]
    assert sold(life) == {"S0": 8}


@pytest.mark.parametrize("later_ms", [2_000, -2_000])
async def test_what_is_decoded_again_is_as_far_in_the_future_as_it_was_for_the_tally(later_ms: int) -> None:
    """Else an event would be a dead letter and count, or neither."""
    life = Life(PatternTallying(Says.TALLY))
    ahead_s = RULES.max_future_ms // 1000 + (1 if later_ms > 0 else -1)
    repeated = [record(offset, (0, 5, 1, False, 0)) for offset in range(1, 5)]
    backlog: list[Any] = [*sales(0), *repeated, record(5, (1, -ahead_s, 1, False, 5))]
    with small_slices(helped=3, tallied=6):
        life.applier.begin(0, backlog)
        life.clock.set_ms(NOW_MS + later_ms)
        await life.flush(backlog)
    position = life.model().position(SourceKey(0, 0))
    is_bad = int(later_ms > 0)
    assert (position.counted, position.duplicates, position.dead_letters) == (2 - is_bad, 4, is_bad)
    assert len(life.dead.sent) == is_bad


async def test_what_is_dropped_is_taken_back_and_asked_for_anew() -> None:
    tallying = Noting(Says.LATER, Says.LATER, Says.TALLY)
    life = Life(tallying)
    backlog: list[Any] = sales(*range(8))
    with small_slices(helped=3, tallied=4):
        life.applier.begin(0, backlog)
        life.applier.drop()
        assert tallying.taken_back == 2
        await life.flush(backlog)
    assert len(tallying.asked) == 4
    assert sold(life) == {"S0": 8}


async def test_the_worker_takes_back_from_the_last_on_what_was_not_begun_with() -> None:
    tallying = Noting(Says.TALLY, Says.LATER, Says.LATER)
    life = Life(tallying)
    with small_slices(helped=3, tallied=4):
        await asyncio.wait_for(life.flush(sales(*range(10))), agents.decoding.ANSWERS_WITHIN_S / 2)
    assert tallying.taken_back == 2
    assert sold(life) == {"S0": 10}
