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
from ranking_app.rankings.panes import Pane, decode_pane, encode_pane, fold, minute_of, parts_of
from ranking_app.rankings.tally import Ids, Parts, Tally, tally
from schemas.decode import Decoded, DecodeRules, decode_batch
from schemas.sale import Sale
from tables.changed import Changed
from tables.layout import pane_head, pane_key, parse_pane_key
from tables.pane_cache import PaneCache, SourcePanes
from tests.property.events import SPAN_S, START_S, Event, events
from tests.support.memory import FakeRecord

NOW_MS = (START_S + SPAN_S + 60) * 1000
RULES = DecodeRules(timezone=ZoneInfo("UTC"), max_future_ms=0, max_record_bytes=65_536, flat_cancels=False)

Panes = dict[tuple[str, int], Pane]

ROLE, PARTITION = 1, 2

sent = st.tuples(events, st.sampled_from(["envelope", "envelope", "flat", "bad", "empty"]))
"""An event, and how it was published."""
some_few = st.sampled_from((0, 3, 1_000))
"""From how many panes on parts are added as columns."""
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


class Kept:
    """Panes as an owner has them, over a store that takes what was written. few: as of SourcePanes."""

    def __init__(self, panes: Panes | None = None, few: int = 0) -> None:
        self.stored = {key_of(*place): encode_pane(pane) for place, pane in (panes or {}).items()}
        self.cache = PaneCache(self.stored.get, self._last_key, AssertionError)
        self.panes = SourcePanes(self.cache, ROLE, PARTITION, few)

    def _last_key(self, head: bytes) -> bytes | None:
        return max((key for key in self.stored if key.startswith(head)), default=None)

    def write(self, changed: Changed | None) -> None:
        assert changed is not None
        self.stored.update(changed.pairs())  # type: ignore[arg-type]

    def forget(self) -> None:
        """The cache only."""
        self.cache.clear()


def numbers_of_fresh(changed: Changed) -> list[list[int]]:
    found = []
    for key, text in changed.fresh.items():
        role, _, minute, _ = parse_pane_key(key)
        applied, first, (cell,) = parts_of(text, minute)
        assert first is not None
        found.append([role, applied, first, *cell])
    return found


def key_of(schedule_id: str, minute: int) -> bytes:
    return pane_key(ROLE, PARTITION, minute, schedule_id)


def as_stored(panes: Panes) -> dict[bytes, bytes]:
    return {key_of(*place): encode_pane(pane) for place, pane in panes.items()}


def sales_of(published: list[FakeRecord]) -> list[Sale]:
    return decode_batch(published, RULES, NOW_MS).sales


def tally_of(published: list[FakeRecord], with_offsets: bool = False) -> Tally:
    offsets, values = [record.offset for record in published], [record.value for record in published]
    return tally(offsets, values, RULES, NOW_MS, with_offsets)


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


@given(records, sizes, st.lists(st.booleans(), max_size=10), some_few)
def test_any_split_into_tallies_gives_the_panes_of_counting_sale_by_sale(published, sizes, forgets, few):
    kept = Kept(few=few)
    by_sale: Panes = {}
    for number, part in enumerate(split(published, sizes)):
        touched = kept.panes.add(tally_of(part).parts)
        minutes = fold(pane_of(by_sale), sales_of(part))
        places = {(schedule_id, minute) for schedule_id, panes in minutes.items() for minute in panes}
        assert touched is not None
        assert dict(touched.pairs()) == as_stored({at: by_sale[at] for at in places})
        assert numbers_of_fresh(touched) == touched.numbers.columns.T.tolist()
        assert kept.stored.keys().isdisjoint(touched.fresh)
        kept.write(touched)
        if number < len(forgets) and forgets[number]:
            kept.forget()
    at_once: Panes = {}
    fold(pane_of(at_once), sales_of(published))
    assert by_sale == at_once
    assert kept.stored == as_stored(at_once)


@given(records, sizes, st.lists(st.booleans(), min_size=1, max_size=10))
def test_tallies_and_sales_may_take_turns(published, sizes, by_tally):
    kept = Kept()
    for number, part in enumerate(split(published, sizes)):
        one = tallied(part) if by_tally[number % len(by_tally)] else by_sale(part)
        kept.write(one.fold(kept.panes))
    at_once: Panes = {}
    fold(pane_of(at_once), sales_of(published))
    assert kept.stored == as_stored(at_once)


@given(
    records,
    sizes,
    st.lists(st.sampled_from(["", "written", "written and forgotten"]), min_size=1, max_size=5),
    some_few,
    st.data(),
)
def test_sales_that_come_again_change_nothing_but_their_panes_are_named(published, sizes, between, few, data):
    """Also by slices of one flush, of which the store has nothing yet."""
    kept, by_sale, waiting = Kept(few=few), Panes(), Changed()
    sales = sales_of(published)
    for number, part in enumerate(split(published, sizes)):
        start = data.draw(st.integers(0, 9), label="sales before these that come again")
        before = [sale for sale in sales if sale.offset < part[0].offset]
        again = [*before[len(before) - min(start, len(before)) :], *sales_of(part)]
        touched = kept.panes.fold(again)
        minutes = fold(pane_of(by_sale), again)
        places = {(schedule_id, minute) for schedule_id, panes in minutes.items() for minute in panes}
        assert dict(touched.pairs()) == as_stored({at: by_sale[at] for at in places})
        waiting.update(touched)
        assert numbers_of_fresh(waiting) == waiting.numbers.columns.T.tolist()
        assert waiting.fresh.keys().isdisjoint(waiting.others)
        if step := between[number % len(between)]:
            kept.write(waiting)
            waiting = Changed()
            if step == "written and forgotten":
                kept.forget()
    at_once: Panes = {}
    fold(pane_of(at_once), sales)
    kept.write(waiting)
    assert kept.stored == as_stored(at_once)


@given(records, some_few, st.data())
def test_a_tally_is_not_added_where_a_pane_has_a_sale_of_it_or_a_later_one(published, few, data):
    sales = sales_of(published)
    if not sales:
        return
    taken = data.draw(st.integers(1, len(sales)), label="sales that the panes have")
    again = data.draw(st.integers(0, taken - 1), label="first sale that comes again")
    panes: Panes = {}
    fold(pane_of(panes), sales[:taken])
    kept = Kept(panes, few)
    part = [one for one in published if one.offset >= sales[again].offset]
    assert kept.panes.add(tally_of(part).parts) is None
    for (schedule_id, minute), pane in panes.items():
        assert kept.cache.known(key_of(schedule_id, minute)) == encode_pane(pane), "nothing was added"
    at_once: Panes = {}
    fold(pane_of(at_once), sales)
    kept.write(tallied(part).fold(kept.panes))
    assert kept.stored == as_stored(at_once)


@given(records, some_few, st.data())
def test_the_guard_of_a_tally_is_each_panes_own(published, few, data):
    """A pane that is ahead, in any of its offsets, keeps the whole tally out; one just below its part does not."""
    parts = tally_of(published).parts
    if not parts.places:
        return
    part = data.draw(st.sampled_from(list(parts.each())), label="part")
    key = pane_head(ROLE, PARTITION) + part.place
    applied = data.draw(st.integers(part.numbers[1], part.numbers[0] + 3), label="applied by its pane")
    ahead = Kept(few=few)
    ahead.stored[key] = encode_pane(Pane(applied, {}, first=0))
    assert ahead.panes.add(parts) is None
    assert len(ahead.cache) == 1, "no other pane was begun"
    below = Kept(few=few)
    below.stored[key] = encode_pane(Pane(part.numbers[1] - 1, {}, first=None))
    below.write(below.panes.add(parts))
    assert decode_pane(below.stored[key], minute_of(part.place)).applied == part.numbers[0]


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
    kept, wanted = Kept(), Kept()
    kept.write(left.fold(kept.panes))
    wanted.write(expected.fold(wanted.panes))
    assert kept.stored == wanted.stored
    kept.write(expected.fold(kept.panes))  # they come again, after a crash
    assert kept.stored == wanted.stored


@given(records, some_offsets)
def test_with_the_offsets_of_its_parts_no_few_duplicates_need_a_second_look(published, duplicates):
    repeated = [one for one in published if one.offset in duplicates]
    left = tallied(published, with_offsets=True).without(duplicates)
    assert isinstance(left, TalliedSlice) == (len(repeated) * MANY_REPEATED <= len(published))


@given(records, some_offsets)
def test_taking_duplicates_out_of_a_tally_leaves_the_tally_itself_as_it_was(published, duplicates):
    whole = tallied(published)
    whole.without(duplicates)
    kept, wanted = Kept(), Kept()
    kept.write(whole.fold(kept.panes))
    wanted.write(by_sale(published).fold(wanted.panes))
    assert (whole.count, kept.stored) == (by_sale(published).count, wanted.stored)
    elsewhere = frozenset(at + published[-1].offset + 1 for at in duplicates)
    assert whole.without(elsewhere) is whole


@given(records, some_offsets, st.data())
def test_a_tally_without_duplicates_is_looked_at_sale_by_sale_where_a_pane_is_ahead(published, duplicates, data):
    expected = by_sale(published).without(duplicates)
    if not expected.sales:
        return
    taken = data.draw(st.integers(1, len(expected.sales)), label="sales that the panes have")
    panes: Panes = {}
    fold(pane_of(panes), expected.sales[:taken])
    kept, wanted = Kept(panes), Kept()
    kept.write(tallied(published).without(duplicates).fold(kept.panes))
    wanted.write(expected.fold(wanted.panes))
    assert kept.stored == wanted.stored


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


def test_an_empty_slice_is_an_empty_tally():
    assert tally_of([]) == Tally(0, [], Parts([], [], b"", None), 0, 0, b"", b"", b"")
    assert tallied([]).late(5, 0) == SalesSlice([], Decoded([], [])).late(5, 0) == (0, 5)
