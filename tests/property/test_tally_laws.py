"""A slice that is added up by itself and then added gives what counting it sale by sale gives."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from agents.slices import MANY_REPEATED, SalesSlice, TalliedSlice
from ranking_app.rankings.event_ids import digests_of
from ranking_app.rankings.panes import MANY_SECONDS, MINUTE_S, Pane, encode_pane, fold
from ranking_app.rankings.tally import Ids, Tally, add, tally
from schemas.decode import Decoded, DecodeRules, decode_batch
from schemas.sale import Sale
from tests.property.events import SPAN_S, START_S, Event, events
from tests.support.memory import FakeRecord

NOW_MS = (START_S + SPAN_S + 60) * 1000
RULES = DecodeRules(timezone=ZoneInfo("UTC"), max_future_ms=0, max_record_bytes=65_536, flat_cancels=False)

Panes = dict[tuple[str, int], Pane]

sent = st.tuples(events, st.sampled_from(["envelope", "envelope", "flat", "bad", "empty"]))
"""An event, and how it was published."""
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def record(offset: int, event: Event, form: str) -> FakeRecord:
    at = datetime.fromtimestamp(event.at_ms / 1000, UTC).isoformat()
    payload = {"concertScheduleId": event.schedule_id, "quantity": event.quantity, "amount": event.amount}
    if form == "flat":
        value = json.dumps({"reservedAt": at, **payload})
    elif form == "envelope":
        kind = "reservation.cancelled" if event.cancelled else "reservation.completed"
        value = json.dumps({"eventId": f"id-{offset}", "eventType": kind, "eventTime": at, "payload": payload})
    else:
        return FakeRecord(offset, b"{" if form == "bad" else None)
    return FakeRecord(offset, value.encode())


records = st.lists(sent, min_size=1, max_size=40).map(
    lambda published: [record(3 * place, event, form) for place, (event, form) in enumerate(published)]
)
"""Of one partition, with gaps between the offsets, as in Kafka."""


def pane_of(panes: Panes) -> Any:
    return lambda schedule_id, minute: panes.setdefault((schedule_id, minute), Pane())


def sales_of(published: list[FakeRecord]) -> list[Sale]:
    return decode_batch(published, RULES, NOW_MS).sales


def tally_of(published: list[FakeRecord], with_offsets: bool = False) -> Tally:
    return tally(published, RULES, NOW_MS, with_offsets)


def tallied(published: list[FakeRecord], with_offsets: bool = False) -> TalliedSlice:
    return TalliedSlice(published, tally_of(published, with_offsets), by_sale)


def by_sale(published: Sequence[Any]) -> SalesSlice:
    return SalesSlice(published, decode_batch(published, RULES, NOW_MS))


def split(published: list[FakeRecord], sizes: list[int]) -> list[list[FakeRecord]]:
    found: list[list[FakeRecord]] = []
    start = 0
    while start < len(published):
        size = sizes[len(found) % len(sizes)]
        found.append(published[start : start + size])
        start += size
    return found


def texts(panes: Panes) -> dict[tuple[str, int], bytes]:
    return {key: encode_pane(pane) for key, pane in panes.items()}


@given(records, sizes)
def test_any_split_into_tallies_gives_the_panes_of_counting_sale_by_sale(published, sizes):
    by_tally: Panes = {}
    by_sale: Panes = {}
    for part in split(published, sizes):
        touched = add(pane_of(by_tally), tally_of(part).parts)
        assert touched == fold(pane_of(by_sale), sales_of(part))
        assert touched is not None
        for schedule_id, minutes in touched.items():
            for minute, pane in minutes.items():
                assert pane is by_tally[schedule_id, minute]
        assert texts(by_tally) == texts(by_sale)
    at_once: Panes = {}
    fold(pane_of(at_once), sales_of(published))
    assert by_tally == by_sale == at_once
    assert texts(by_tally) == texts(at_once)


@given(records, st.data())
def test_a_tally_is_not_added_where_a_pane_has_a_sale_of_it_or_a_later_one(published, data):
    sales = sales_of(published)
    if not sales:
        return
    taken = data.draw(st.integers(1, len(sales)), label="sales that the panes have")
    again = data.draw(st.integers(0, taken - 1), label="first sale that comes again")
    panes: Panes = {}
    fold(pane_of(panes), sales[:taken])
    before = texts(panes)
    part = [one for one in published if one.offset >= sales[again].offset]
    assert add(pane_of(panes), tally_of(part).parts) is None
    assert {key: text for key, text in texts(panes).items() if panes[key] != Pane()} == before
    at_once: Panes = {}
    fold(pane_of(at_once), sales)
    tallied(part).fold(pane_of(panes))
    assert panes == at_once


@given(records, st.data())
def test_the_guard_of_a_tally_is_each_panes_own(published, data):
    """A pane that is ahead, in any of its offsets, keeps the whole tally out; one just below its part does not."""
    parts = tally_of(published).parts
    if not parts:
        return
    part = data.draw(st.sampled_from(parts), label="part")
    applied = data.draw(st.integers(part.first, part.applied + 3), label="applied by its pane")
    ahead: Panes = {(part.schedule_id, part.minute): Pane(applied, {}, first=0)}
    assert add(pane_of(ahead), parts) is None
    assert set(texts(ahead).values()) <= {encode_pane(Pane(applied, {}, first=0)), encode_pane(Pane())}
    below: Panes = {(part.schedule_id, part.minute): Pane(part.first - 1, {}, first=None)}
    assert add(pane_of(below), parts) is not None
    assert below[part.schedule_id, part.minute].applied == part.applied


@given(records, sizes)
def test_a_tally_has_the_ids_the_times_and_the_bad_records_of_its_slice(published, sizes):
    for part in split(published, sizes):
        sales, bad = decode_batch(part, RULES, NOW_MS)
        by_tally = tallied(part)
        assert (by_tally.count, by_tally.bad) == (len(sales), bad)
        named = {sale.offset: sale.event_id for sale in sales if sale.event_id is not None}
        assert by_tally.ids() == by_sale(part).ids() == Ids(list(named), digests_of(named.values()))
        assert tally_of(part).times_ms() == [sale.at_ms for sale in sales]


some_offsets = st.sets(st.integers(0, 40).map(lambda place: 3 * place)).map(frozenset)


@given(records, some_offsets, st.booleans())
def test_a_tally_without_duplicates_gives_the_panes_of_the_other_sales(published, duplicates, with_offsets):
    left, expected = tallied(published, with_offsets).without(duplicates), by_sale(published).without(duplicates)
    assert (left.count, left.bad) == (expected.count, expected.bad)
    panes: Panes = {}
    wanted: Panes = {}
    left.fold(pane_of(panes))
    expected.fold(pane_of(wanted))
    assert panes == wanted
    assert texts(panes) == texts(wanted)
    before = texts(panes)
    expected.fold(pane_of(panes))  # they come again, after a crash
    assert texts(panes) == before


@given(records, some_offsets)
def test_with_the_offsets_of_its_parts_no_few_duplicates_need_a_second_look(published, duplicates):
    repeated = [one for one in published if one.offset in duplicates]
    left = tallied(published, with_offsets=True).without(duplicates)
    assert isinstance(left, TalliedSlice) == (len(repeated) * MANY_REPEATED <= len(published))


@given(records, some_offsets)
def test_taking_duplicates_out_of_a_tally_leaves_the_tally_itself_as_it_was(published, duplicates):
    whole = tallied(published)
    whole.without(duplicates)
    panes: Panes = {}
    wanted: Panes = {}
    whole.fold(pane_of(panes))
    by_sale(published).fold(pane_of(wanted))
    assert (whole.count, panes) == (by_sale(published).count, wanted)
    elsewhere = frozenset(at + published[-1].offset + 1 for at in duplicates)
    assert whole.without(elsewhere) is whole


@given(records, some_offsets, st.data())
def test_a_tally_without_duplicates_is_looked_at_sale_by_sale_where_a_pane_is_ahead(published, duplicates, data):
    expected = by_sale(published).without(duplicates)
    if not expected.sales:
        return
    taken = data.draw(st.integers(1, len(expected.sales)), label="sales that the panes have")
    panes: Panes = {}
    wanted: Panes = {}
    fold(pane_of(panes), expected.sales[:taken])
    tallied(published).without(duplicates).fold(pane_of(panes))
    expected.fold(pane_of(wanted))
    assert panes == wanted


marks = st.none() | st.integers((START_S - 100) * 1000, (START_S + SPAN_S + 100) * 1000)
graces = st.integers(0, 2) | st.integers(0, 300_000)


@given(records, marks, graces, some_offsets, st.data())
def test_a_tallied_slice_is_as_late_as_its_sales(published, watermark_ms, grace_ms, duplicates, data):
    at_edge = [sale.at_ms + off for sale in sales_of(published) for off in (grace_ms - 1, grace_ms, grace_ms + 1)]
    if at_edge and data.draw(st.booleans(), label="watermark at an edge"):
        watermark_ms = data.draw(st.sampled_from(at_edge), label="watermark")
    expected = by_sale(published).late(watermark_ms, grace_ms)
    assert tallied(published).late(watermark_ms, grace_ms) == expected
    left = by_sale(published).without(duplicates).late(watermark_ms, grace_ms)
    assert tallied(published).without(duplicates).late(watermark_ms, grace_ms) == left
    late, mark = 0, watermark_ms
    for sale in sales_of(published):
        late += mark is not None and sale.at_ms < mark - grace_ms
        mark = sale.at_ms if mark is None else max(mark, sale.at_ms)
    assert expected == (late, mark)


MINUTE = START_S // MINUTE_S
in_minute = st.integers(START_S, START_S + 2 * MANY_SECONDS) | st.integers(START_S, START_S + 59)
cells = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(-(2**62), 2**62)).map(list)
takes = st.tuples(st.just("take"), st.dictionaries(in_minute, cells, min_size=1, max_size=2 * MANY_SECONDS))
changes = st.tuples(st.just("change"), st.dictionaries(in_minute, cells, min_size=1, max_size=1))
nothing: dict[int, list[int]] = {}
encodings = st.tuples(st.just("encode"), st.just(nothing))


@given(st.lists(takes | changes | encodings | encodings, max_size=30))
def test_a_pane_is_written_as_a_new_one_whatever_it_took_and_was_written_as_before(steps):
    pane = Pane()
    naive: dict[int, list[int]] = {}
    for offset, (step, seconds) in enumerate(steps):
        if step == "take":
            before = repr(seconds)
            pane.take(3 * offset, 3 * offset + 2, seconds)
            assert repr(seconds) == before
        for second, cell in seconds.items():
            if step == "change":
                pane.changes(second)
                own = pane.seconds.setdefault(second, [0, 0, 0])
                own[:] = [mine + more for mine, more in zip(own, cell, strict=True)]
            naive[second] = [mine + more for mine, more in zip(naive.get(second, [0, 0, 0]), cell, strict=True)]
        if step == "encode":
            assert encode_pane(pane) == encode_pane(Pane(pane.applied, dict(sorted(naive.items())), pane.first))
    assert pane == Pane(pane.applied, naive, pane.first)
    assert encode_pane(pane) == encode_pane(Pane(pane.applied, dict(sorted(naive.items())), pane.first))


def test_an_empty_slice_is_an_empty_tally():
    assert tally_of([]) == Tally(0, [], [], 0, 0, b"", b"", b"")
    assert tallied([]).late(5, 0) == SalesSlice([], Decoded([], [])).late(5, 0) == (0, 5)
