"""Any order, any split over partitions and batches, any crash: the same boards as one naive count (invariants 1-5)."""

import asyncio
from collections import defaultdict
from enum import Enum

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.apply import Applier
from agents.arrivals import WallArrivals
from agents.decoding import Source
from agents.tally_process import Tallying
from ranking_app.rankings.windows import Window
from ranking_app.read_model.state import ReadModel
from tables.panes import OwnedPartition
from tests.property.test_crash_independence import (
    GRACE_MS,
    NOW_MS,
    RULES,
    Life,
    events,
    patterns,
    record,
    slice_lengths,
)
from tests.support.memory import Crash, FakeRecord, MemoryPartitionStore
from tests.support.tallying import PatternTallying, Says, small_slices

PARTITIONS = 2


class Death(Enum):
    """The steps of a flush that a process can die between."""

    BEFORE_APPEND = "the changelog has nothing"
    BEFORE_STORE = "the changelog has it, the store does not"
    BEFORE_ACK = "both have it, the source does not know"


deaths = st.tuples(st.sampled_from(Death), st.booleans())
"""(where, is the disk lost)"""


class Owner(Life):
    """The owner of one partition of several, through crashes."""

    def __init__(self, number: int, tallying: Tallying | None = None) -> None:
        self.number = number
        super().__init__(tallying)

    def begin(self) -> None:
        self.store.catch_up(self.log)
        self.owned = OwnedPartition(self.number, self.store, self.log, keep_ids_ms=86_400_000)  # type: ignore[arg-type]
        source = Source(0, "reservation.completed", self.number, RULES, GRACE_MS)
        arrivals = {0: WallArrivals(self.clock)}
        self.applier = Applier(self.owned, {0: source}, self.dead, arrivals, self.clock, self.tallying)  # type: ignore[arg-type]

    async def through(self, records: list[FakeRecord], sizes: list[int], dying: dict[int, tuple[Death, bool]]) -> None:
        flush = start = 0
        while start < len(records):
            size = sizes[flush % len(sizes)]
            death, disk_lost = dying.get(flush, (None, False))
            self.log.crash_in = 0 if death in (Death.BEFORE_APPEND, Death.BEFORE_STORE) else None
            self.log.crash_after_append = death is Death.BEFORE_STORE
            flush += 1
            try:
                await self.flush(records[start : start + size])
                if death is Death.BEFORE_ACK:
                    raise Crash
            except Crash:
                if disk_lost:
                    self.store = MemoryPartitionStore()
                self.begin()
                start = max(0, start - size)  # redelivered, and some that were acknowledged as well
            else:
                start += size


def read(owners: list[Owner]) -> dict[str, list[tuple[int, int, int]]]:
    """(completed, cancelled, amount) of each schedule, up to every half minute."""
    model: ReadModel = owners[0].model()
    for owner in owners[1:]:
        for key, value in owner.log.pairs:
            model.apply_change(0, key, value)
    windows = [Window(None, NOW_MS // 1000 + 1 - ago_s) for ago_s in range(0, 330, 30)]
    found = {name: [schedule.curve.totals(window) for window in windows] for name, schedule in model.schedules.items()}
    return {name: [(t.completed, t.cancelled, t.amount) for t in totals] for name, totals in found.items()}


def naive(distinct: list[tuple[int, int, int, bool, int]]) -> dict[str, list[tuple[int, int, int]]]:
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(lambda: [(0, 0, 0)] * 11)
    for schedule, ago_s, quantity, cancelled, _ in distinct:
        if quantity:
            sign = -1 if cancelled else 1
            found[f"S{schedule}"] = [
                (
                    done + (0 if cancelled else quantity),
                    gone + (quantity if cancelled else 0),
                    net + sign * quantity * 100,
                )
                if ago_s >= end_ago_s
                else (done, gone, net)
                for end_ago_s, (done, gone, net) in zip(range(0, 330, 30), found[f"S{schedule}"], strict=True)
            ]
    return dict(found)


arrivals = st.lists(events, max_size=40).flatmap(lambda given_events: st.permutations(given_events))
places = st.lists(st.integers(0, PARTITIONS - 1), min_size=40, max_size=40)
deaths_by_flush = st.lists(
    st.dictionaries(st.integers(0, 9), deaths, max_size=5), min_size=PARTITIONS, max_size=PARTITIONS
)


@settings(max_examples=100, deadline=None)
@given(arrivals, places, st.lists(st.integers(1, 9), min_size=1, max_size=4), deaths_by_flush)
def test_any_order_any_split_and_any_crash_give_one_naive_count(
    arrival: list[tuple[int, int, int, bool, int]],
    placed: list[int],
    sizes: list[int],
    dying: list[dict[int, tuple[Death, bool]]],
) -> None:
    gives_one_naive_count([Owner(number) for number in range(PARTITIONS)], arrival, placed, sizes, dying)


@settings(max_examples=100, deadline=None)
@given(arrivals, places, st.lists(st.integers(1, 20), min_size=1, max_size=4), deaths_by_flush, slice_lengths, patterns)
def test_any_backlog_that_is_tallied_beside_gives_one_naive_count(
    arrival: list[tuple[int, int, int, bool, int]],
    placed: list[int],
    sizes: list[int],
    dying: list[dict[int, tuple[Death, bool]]],
    lengths: tuple[int, int, int],
    pattern: list[Says],
) -> None:
    shared = PatternTallying(*pattern)
    with small_slices(*lengths):
        gives_one_naive_count([Owner(number, shared) for number in range(PARTITIONS)], arrival, placed, sizes, dying)


def gives_one_naive_count(
    owners: list[Owner],
    arrival: list[tuple[int, int, int, bool, int]],
    placed: list[int],
    sizes: list[int],
    dying: list[dict[int, tuple[Death, bool]]],
) -> None:
    distinct = [(*event[:4], number) for number, event in enumerate(arrival)]
    for number, owner in enumerate(owners):
        own = [event for event, partition in zip(distinct, placed, strict=False) if partition == number]
        records = [record(offset, event) for offset, event in enumerate(own)]
        asyncio.run(owner.through(records, sizes, dying[number]))
    assert read(owners) == naive(distinct)
