"""Any split into batches, any crash, whatever it takes of the store: the same boards (invariants 1-3, 5-7)."""

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.apply import Applier
from agents.arrivals import WallArrivals
from agents.decoding import Source
from agents.tally_process import NoTallying, Tallying
from ranking_app.clock import ManualClock
from ranking_app.rankings.windows import Window
from ranking_app.read_model.sources import SourceKey
from ranking_app.read_model.state import ReadModel, ReadRules
from schemas.decode import DecodeRules
from tables.panes import OwnedPartition
from tests.support.memory import Crash, FakeRecord, MemoryChangelog, MemoryDeadLetters, MemoryPartitionStore
from tests.support.tallying import PatternTallying, Says, small_slices

NOW_MS = 1_781_434_800_000
RULES = DecodeRules(timezone=ZoneInfo("UTC"), max_future_ms=300_000, max_record_bytes=65_536, flat_cancels=False)
GRACE_MS = 60_000


def record(offset: int, event: tuple[int, int, int, bool, int]) -> FakeRecord:
    """An event as (schedule, seconds before now, quantity, cancelled, id); a quantity of 0 makes it a bad record."""
    schedule, ago_s, quantity, cancelled, event_id = event
    at = datetime.fromtimestamp(NOW_MS / 1000 - ago_s, UTC).isoformat()
    value = {
        "eventId": f"id-{event_id}",
        "eventType": "reservation.cancelled" if cancelled else "reservation.completed",
        "eventTime": at,
        "payload": {"concertScheduleId": f"S{schedule}", "quantity": quantity, "amount": quantity * 100},
    }
    return FakeRecord(offset, json.dumps(value).encode())


events = st.tuples(st.integers(0, 3), st.integers(0, 300), st.integers(0, 4), st.booleans(), st.integers(0, 40))


class Life:
    """One partition's owner through crashes: the log survives, the store up to one of its writes, memory never."""

    def __init__(self, tallying: Tallying | None = None) -> None:
        self.tallying = tallying or NoTallying()
        self.log = MemoryChangelog()
        self.store = MemoryPartitionStore()
        self.dead = MemoryDeadLetters()
        self.clock = ManualClock(NOW_MS)
        self.begin()

    def begin(self) -> None:
        self.store.catch_up(self.log)
        self.owned = OwnedPartition(0, self.store, self.log, keep_ids_ms=86_400_000)  # type: ignore[arg-type]
        source = Source(0, "reservation.completed", 0, RULES, GRACE_MS)
        arrivals = {0: WallArrivals(self.clock)}
        self.applier = Applier(self.owned, {0: source}, self.dead, arrivals, self.clock, self.tallying)  # type: ignore[arg-type]

    async def flush(self, records: list[FakeRecord]) -> None:
        applied = await self.applier.apply({0: records})  # type: ignore[dict-item]
        if applied.positions:
            await self.owned.write(applied.panes, applied.positions, applied.seen)

    def live(
        self,
        records: list[FakeRecord],
        sizes: list[int],
        crashes: dict[int, tuple[bool, int]],
        begun_sizes: Sequence[int] = (),
        moves_s: Sequence[int] = (),
    ) -> None:
        """Deliver all records in batches; crash at the flushes named, then go on.

        crashes: by flush, whether it is after the append, and how many writes of the store it takes back.
        begun_sizes: of the parts that are begun with, as far ahead as the next flush but one.
        moves_s: of the clock, before each flush.
        """
        asyncio.run(self._live(records, sizes, crashes, itertools.cycle(begun_sizes), itertools.cycle(moves_s)))

    async def _live(
        self,
        records: list[FakeRecord],
        sizes: list[int],
        crashes: dict[int, tuple[bool, int]],
        begun_sizes: Iterator[int],
        moves_s: Iterator[int],
    ) -> None:
        flush = start = begun = 0
        while start < len(records):
            size = sizes[flush % len(sizes)]
            while begun < start + 2 * size and (count := next(begun_sizes, 0)):
                self.applier.begin(0, records[begun : begun + count])
                begun += count
            self.clock.set_ms(self.clock.now_ms() + 1000 * next(moves_s, 0))
            after_append, writes_lost = crashes.get(flush, (False, 0))
            self.log.crash_in = 0 if flush in crashes else None
            self.log.crash_after_append = after_append
            flush += 1
            try:
                await self.flush(records[start : start + size])
            except Crash:
                self.store.take_back(writes_lost)
                self.begin()
                start = begun = max(0, start - size)  # redelivered: also some that were acknowledged
            else:
                start += size

    def model(self) -> ReadModel:
        rules = ReadRules(
            ("reservation.completed", "reservation.cancelled", "concert.schedule.created"),
            1, "wall", ZoneInfo("UTC"), GRACE_MS, 60_000, 65_536, 300_000,
        )  # fmt: skip
        model = ReadModel(rules, self.clock)
        for key, value in self.log.pairs:
            model.apply_change(0, key, value)
        return model


def naive(events: list[tuple[int, int, int, bool, int]]) -> tuple[dict[str, tuple[int, int]], int, int, int]:
    """Per schedule (completed, cancelled); duplicates, dead letters, late: one event after the other."""
    sold: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    seen, watermark = set(), None
    duplicates = dead = late = 0
    for schedule, ago_s, quantity, cancelled, event_id in events:
        if quantity == 0:
            dead += 1
            continue
        if event_id in seen:
            duplicates += 1
            continue
        seen.add(event_id)
        at_s = -ago_s
        if watermark is not None and at_s < watermark - GRACE_MS // 1000:
            late += 1
        watermark = at_s if watermark is None else max(watermark, at_s)
        completed, gone = sold[f"S{schedule}"]
        sold[f"S{schedule}"] = (completed, gone + quantity) if cancelled else (completed + quantity, gone)
    return dict(sold), duplicates, dead, late


batch_sizes = st.lists(st.integers(1, 12), min_size=1, max_size=5)
writes_lost = st.sampled_from([0, 1, 2, 3, 1_000])
crashes_by_flush = st.dictionaries(st.integers(0, 12), st.tuples(st.booleans(), writes_lost), max_size=6)


@settings(max_examples=120, deadline=None)
@given(st.lists(events, max_size=60), batch_sizes, crashes_by_flush)
def test_any_split_and_any_crash_give_what_a_naive_count_gives(
    given_events: list[tuple[int, int, int, bool, int]], sizes: list[int], crashes: dict[int, tuple[bool, int]]
) -> None:
    life = Life()
    life.live([record(offset, event) for offset, event in enumerate(given_events)], sizes, crashes)
    gives_what_a_naive_count_gives(life, given_events)


backlog_sizes = st.lists(st.integers(1, 30), min_size=1, max_size=4)
slice_lengths = st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 6))
"""HELPED_RECORDS, TALLIED_RECORDS and SLICE_RECORDS of agents.decoding."""
begun_sizes = st.lists(st.integers(1, 20), max_size=4)
patterns = st.lists(st.sampled_from([*Says, Says.TALLY]), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(st.lists(events, max_size=60), backlog_sizes, crashes_by_flush, slice_lengths, patterns, begun_sizes)
def test_a_backlog_that_is_tallied_beside_gives_what_a_naive_count_gives(
    given_events: list[tuple[int, int, int, bool, int]],
    sizes: list[int],
    crashes: dict[int, tuple[bool, int]],
    lengths: tuple[int, int, int],
    pattern: list[Says],
    begun: list[int],
) -> None:
    life = Life(PatternTallying(*pattern))
    with small_slices(*lengths):
        life.live([record(offset, event) for offset, event in enumerate(given_events)], sizes, crashes, begun)
    gives_what_a_naive_count_gives(life, given_events)


at_the_limit = st.tuples(
    st.integers(0, 1),
    st.sampled_from([0, 30, -240, -298, -299, -300, -301, -302]),
    st.just(1),
    st.booleans(),
    st.integers(0, 9),
)
"""Events of one seat; some are nearly, or just, too far in the future."""


@settings(max_examples=150, deadline=None)
@given(
    st.lists(at_the_limit, min_size=20, max_size=60),
    backlog_sizes,
    slice_lengths,
    patterns,
    st.lists(st.integers(1, 20), min_size=1, max_size=4),
    st.lists(st.sampled_from([-61, -3, -1, 1, 2, 3, 61]), min_size=1, max_size=4),
)
def test_each_record_counts_or_repeats_or_is_a_dead_letter_whatever_the_clock_says_meanwhile(
    given_events: list[tuple[int, int, int, bool, int]],
    sizes: list[int],
    lengths: tuple[int, int, int],
    pattern: list[Says],
    begun: list[int],
    moves_s: list[int],
) -> None:
    life = Life(PatternTallying(*pattern))
    records = [record(offset, event) for offset, event in enumerate(given_events)]
    with small_slices(*lengths):
        life.live(records, sizes, {}, begun, moves_s)
    model, ever = life.model(), Window(None, NOW_MS // 1000 + 1_000)
    totals = [schedule.curve.totals(ever) for schedule in model.schedules.values()]
    position = model.position(SourceKey(0, 0))
    assert position.counted == sum(one.completed + one.cancelled for one in totals)
    assert position.dead_letters == len(life.dead.sent)
    assert position.counted + position.duplicates + position.dead_letters == len(records)


def gives_what_a_naive_count_gives(life: Life, given_events: list[tuple[int, int, int, bool, int]]) -> None:
    model = life.model()
    expected, duplicates, dead, late = naive(given_events)
    found = {}
    for schedule in model.schedules.values():
        totals = schedule.curve.totals(Window(None, NOW_MS // 1000 + 1))
        found[schedule.id] = (totals.completed, totals.cancelled)
    assert found == expected
    position = model.position(SourceKey(0, 0))
    assert (position.duplicates, position.dead_letters, position.late) == (duplicates, dead, late)
    assert position.next_offset == len(given_events)


@settings(max_examples=60, deadline=None)
@given(st.lists(events, min_size=1, max_size=40), st.data())
def test_the_order_of_arrival_changes_no_curve(
    given_events: list[tuple[int, int, int, bool, int]], data: st.DataObject
) -> None:
    distinct = [(*event[:4], number) for number, event in enumerate(given_events)]
    shuffled = data.draw(st.permutations(distinct))
    lives = []
    for order in (distinct, shuffled):
        life = Life()
        life.live([record(offset, event) for offset, event in enumerate(order)], [7], {})
        lives.append(life.model())
    first, second = lives
    assert first.schedules.keys() == second.schedules.keys()
    for schedule_id, schedule in first.schedules.items():
        other = second.schedules[schedule_id]
        for ago_s in (0, 1, 30, 200, 301):
            end_s = NOW_MS // 1000 - ago_s
            assert schedule.curve.sold_before(end_s) == other.curve.sold_before(end_s)
