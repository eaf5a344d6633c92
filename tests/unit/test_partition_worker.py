"""The loop that owns a partition: what it acknowledges, and when (invariants 2 and 7)."""

import asyncio
from typing import Any

import structlog
from structlog.testing import capture_logs

from agents import partition_worker
from agents.arrivals import WallArrivals
from agents.in_step import InStep
from agents.pace import NoPace
from agents.partition_worker import PartitionWorker
from agents.pending import Batch
from agents.tally_process import Tallying
from ranking_app.metrics import Metrics
from ranking_app.read_model.sources import SourceKey
from tables.panes import ChangelogDiverged, OwnedPartition
from tables.store import StoreNotWritable
from tests.property.test_crash_independence import Life, record
from tests.support.memory import Crash
from tests.support.tallying import Noting, Says, small_slices

WITHIN_S = 5.0


class Watched:
    """A partition's worker over a changelog in memory, what it acknowledged, and what ended it."""

    def __init__(self, tallying: Tallying | None = None) -> None:
        self.life = Life(tallying)
        self.acknowledged: list[int] = []
        self.in_changelog_then: list[int] = []
        self.failure: BaseException | None = None
        self.somebody_else_wrote = False
        self.in_step = InStep()
        self.worker = PartitionWorker(
            self.life.owned,
            self.life.applier,
            self._reopen,
            topics={0: "reservation.completed", 1: "reservation.cancelled"},
            arrivals=dict.fromkeys((0, 1, 3, 4), WallArrivals(self.life.clock)),
            pace=NoPace(),
            in_step=self.in_step,
            metrics=Metrics(),
            log=structlog.get_logger(),
        )
        self.worker.start(self._failed)

    async def _reopen(self) -> Any:
        assert self.somebody_else_wrote
        self.life.begin()
        return self.life.owned, self.life.applier

    def _failed(self, error: BaseException) -> None:
        self.failure = error

    def offer(self, *offsets: int) -> None:
        records: list[Any] = [record(offset, (0, 5, 1, False, offset)) for offset in offsets]

        def acknowledge() -> None:
            self.acknowledged.append(offsets[-1])
            self.in_changelog_then.append(len(self.life.log.pairs))

        self.worker.offer(Batch(0, records, acknowledge))

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def until_acknowledged(self, count: int) -> None:
        async with asyncio.timeout(WITHIN_S):
            while len(self.acknowledged) < count:  # noqa: ASYNC110 - what is watched knows of no event
                await asyncio.sleep(0.001)


async def test_a_batch_is_acknowledged_after_the_changelog_has_it() -> None:
    watched = Watched()
    watched.offer(0, 1)
    await watched.settle()
    assert watched.acknowledged == [1]
    assert watched.in_changelog_then[0] > 0, "acknowledged before the changelog had anything of it"
    await watched.worker.close()


async def test_what_the_changelog_does_not_take_is_not_acknowledged_and_the_failure_is_told() -> None:
    watched = Watched()
    watched.life.log.crash_in = 0
    watched.offer(0, 1)
    await watched.settle()
    assert watched.acknowledged == []
    assert isinstance(watched.failure, Crash)


async def test_a_redelivered_batch_is_acknowledged_again() -> None:
    watched = Watched()
    watched.offer(0, 1)
    await watched.settle()
    watched.offer(0, 1)
    await watched.until_acknowledged(2)
    assert watched.acknowledged == [1, 1]
    await watched.worker.close()


async def test_after_closing_nothing_is_written_and_nothing_acknowledged() -> None:
    watched = Watched()
    await watched.worker.close()
    watched.offer(0, 1)
    await watched.settle()
    assert (watched.acknowledged, watched.life.log.pairs) == ([], [])


async def test_after_closing_rocksdb_has_what_the_store_was_given() -> None:
    watched = Watched()
    watched.offer(0, 1)
    await watched.until_acknowledged(1)
    waits = [watched.life.store.waits]
    await watched.worker.close()
    assert [*waits, watched.life.store.waits] == [True, False]


async def test_a_store_that_takes_nothing_at_the_end_keeps_nobody_from_closing(monkeypatch) -> None:
    def full() -> None:
        raise StoreNotWritable("the disk is full")

    watched = Watched()
    monkeypatch.setattr(watched.life.store, "write_waiting", full)
    with capture_logs() as told:
        await watched.worker.close()
    (behind,) = [one for one in told if one["event"] == "store_behind"]
    assert (behind["partition"], behind["reason"]) == (0, "the disk is full")


async def test_a_bad_record_is_a_dead_letter_before_its_batch_is_acknowledged() -> None:
    watched = Watched()
    letters_then: list[int] = []
    records: list[Any] = [record(0, (0, 5, 1, False, 0)), record(1, (0, 5, 0, False, 1))]
    batch = Batch(0, records, lambda: letters_then.append(len(watched.life.dead.sent)))
    watched.worker.offer(batch)
    await watched.settle()
    assert letters_then == [1]
    await watched.worker.close()


async def test_partitions_that_are_offered_little_turn_after_turn_are_applied_in_the_same_turn(monkeypatch) -> None:
    partitions, turn, applied_in = [Watched(), Watched(), Watched()], 0, list[int]()
    for one in partitions:
        one.worker._in_step = partitions[0].in_step
        apply = one.life.applier.apply

        async def noted(records: Any, apply: Any = apply) -> Any:
            applied_in.append(turn)
            return await apply(records)

        monkeypatch.setattr(one.life.applier, "apply", noted)
        await one.settle()
    for one in partitions:
        one.offer(0)
        turn += 1
        await asyncio.sleep(0)
    while len(applied_in) < len(partitions):
        turn += 1
        await asyncio.sleep(0)
    assert len(set(applied_in)) == 1
    for one in partitions:
        await one.until_acknowledged(1)
        await one.worker.close()


async def test_few_records_begin_in_step_with_others_and_many_at_once(monkeypatch) -> None:
    monkeypatch.setattr(partition_worker, "HELPED_RECORDS", 2)
    watched = Watched()
    held: list[Any] = []
    monkeypatch.setattr(watched.in_step, "soon", held.append)
    await watched.settle()  # it waits, else it would see what is offered before it does
    watched.offer(0)
    await watched.settle()
    assert watched.acknowledged == []
    (begin,) = held
    begin()
    await watched.until_acknowledged(1)
    watched.offer(1, 2)
    await watched.until_acknowledged(2)
    assert len(held) == 1
    await watched.worker.close()


async def test_ids_that_are_too_old_are_looked_for_again_and_again_until_it_closes(monkeypatch) -> None:
    monkeypatch.setattr(partition_worker, "HOUSEKEEPING_S", 0.001)
    watched, looked, often = Watched(), list[dict[int, int]](), asyncio.Event()

    async def expire_ids(now_ms: dict[int, int]) -> None:
        looked.append(now_ms)
        if len(looked) == 3:
            often.set()

    monkeypatch.setattr(watched.life.owned, "expire_ids", expire_ids)
    async with asyncio.timeout(WITHIN_S):
        await often.wait()
    await watched.worker.close()
    times = len(looked)
    await asyncio.sleep(0.01)
    assert len(looked) == times
    assert watched.worker._housekeeping is not None and watched.worker._housekeeping.cancelled(), "it holds the worker"
    assert looked[0] == dict.fromkeys((0, 1, 3, 4), watched.life.clock.now_ms())


async def test_ids_are_looked_for_again_after_somebody_else_wrote(monkeypatch) -> None:
    monkeypatch.setattr(partition_worker, "HOUSEKEEPING_S", 0.001)
    watched, looked, often = Watched(), list[OwnedPartition](), asyncio.Event()
    watched.somebody_else_wrote = True

    async def expire_ids(owned: OwnedPartition, now_ms: dict[int, int]) -> None:
        looked.append(owned)
        if len(looked) == 1:
            raise ChangelogDiverged("somebody else wrote")
        if len(looked) == 4:
            often.set()

    monkeypatch.setattr(OwnedPartition, "expire_ids", expire_ids)
    async with asyncio.timeout(WITHIN_S):
        await often.wait()
    await watched.worker.close()
    assert looked[1] is not looked[0]
    assert watched.failure is None


async def test_what_is_offered_is_begun_with_and_what_waits_at_the_end_is_taken_back() -> None:
    tallying = Noting(Says.LATER)
    watched = Watched(tallying)
    with small_slices():
        watched.offer(0, 1)
        watched.offer(2, 3, 4)
        assert tallying.asked == [[0, 1], [2, 3, 4]]
        await watched.worker.close()
    assert tallying.taken_back == 2
    assert (watched.acknowledged, watched.life.log.pairs) == ([], [])


async def test_where_somebody_else_wrote_what_was_begun_with_is_taken_back_and_counts_all_the_same() -> None:
    tallying = Noting(Says.LATER)
    watched = Watched(tallying)
    with small_slices():
        watched.offer(0, 1)
        await watched.until_acknowledged(1)
        watched.somebody_else_wrote = True
        watched.life.log.pairs.append(watched.life.log.pairs[-1])
        watched.offer(2, 3)
        async with asyncio.timeout(WITHIN_S):
            while watched.worker._waiting:  # noqa: ASYNC110 - its flush is under way then
                await asyncio.sleep(0)
        watched.offer(4, 5)
        await watched.until_acknowledged(3)
        await watched.worker.close()
    assert watched.acknowledged == [1, 3, 5]
    assert tallying.asked == [[0, 1], [2, 3], [4, 5], [4, 5]]  # the last by the applier that was made anew
    assert tallying.taken_back == 4
    position = watched.life.model().position(SourceKey(0, 0))
    assert (position.counted, position.next_offset) == (6, 6)
