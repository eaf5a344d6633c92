"""What reaches the owner of a partition that is rebuilt: archives first, no silent gap, nothing after the end."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import structlog

from agents.arrivals import WallArrivals
from agents.in_step import InStep
from agents.intake import FEED_RECORDS, OffsetsDeleted, PlannedIntake
from agents.pace import NoPace
from agents.partition_worker import PartitionWorker
from agents.pending import Batch
from ranking_app.metrics import Metrics
from tests.property.test_crash_independence import Life, record


def sales(*offsets: int) -> list[Any]:
    return [record(offset, (0, 5, 1, False, offset)) for offset in offsets]


class Plan:
    """A history in memory."""

    def __init__(self, archived: Sequence[int] = (), end: int | None = None, may_miss: bool = False) -> None:
        self.archived = archived
        self.its_end = end
        self.may_miss = may_miss
        self.markers_to = 0

    def blocks(self, role: int, partition: int, from_offset: int) -> Iterator[Sequence[Any]]:
        if role == 0 and self.archived:
            yield sales(*(offset for offset in self.archived if offset >= from_offset))

    def archived_to(self, role: int, partition: int, offset: int) -> int:
        return max(offset, self.markers_to) if role == 0 else offset

    def end(self, role: int, partition: int) -> int | None:
        return self.its_end


class Shop:
    """A partition's owner behind an intake. first: what the brokers still have."""

    def __init__(self, plan: Plan, first: int = 0) -> None:
        self.life = Life()
        self.first = first
        self.failure: BaseException | None = None
        self.acknowledged: list[int] = []
        self.intake = PlannedIntake(plan, {0: "t", 1: "c"}, self._first_offset, self._failed)
        self.worker = PartitionWorker(
            self.life.owned,
            self.life.applier,
            self._never,
            topics=dict.fromkeys((0, 1, 3, 4), "t"),
            arrivals=dict.fromkeys((0, 1, 3, 4), WallArrivals(self.life.clock)),
            pace=NoPace(),
            in_step=InStep(),
            metrics=Metrics(),
            log=structlog.get_logger(),
        )
        self.worker.start(self._failed)
        self.intake.own(self.worker)

    async def _first_offset(self, topic: str, partition: int) -> int:
        return self.first if topic == "t" else 0

    async def _never(self) -> Any:
        raise AssertionError("nobody else wrote to the changelog")

    def _failed(self, error: BaseException) -> None:
        self.failure = error

    def bring(self, *offsets: int) -> None:
        self.intake.take(self.worker, Batch(0, sales(*offsets), lambda: self.acknowledged.append(offsets[-1])))

    async def until(self, next_offset: int) -> None:
        async with asyncio.timeout(5):
            while self.life.owned.positions[0].next_offset < next_offset:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async def until_failed(self) -> BaseException:
        async with asyncio.timeout(5):
            while self.failure is None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        return self.failure

    @property
    def counted(self) -> int:
        return self.life.owned.positions[0].counted

    async def close(self) -> None:
        await self.intake.let_go(0)
        await self.worker.close()


async def test_archives_come_before_what_the_brokers_have_and_nothing_counts_twice():
    shop = Shop(Plan(archived=range(100)), first=60)
    shop.bring(*range(60, 90))  # while the archives are read
    shop.bring(*range(90, 120))
    await shop.until(120)
    assert shop.counted == 120 and shop.acknowledged == [89, 119]
    await shop.close()


async def test_an_archive_is_fed_in_bounded_batches():
    shop = Shop(Plan(archived=range(2 * FEED_RECORDS + 5)))
    await shop.until(2 * FEED_RECORDS + 5)
    assert shop.counted == 2 * FEED_RECORDS + 5
    await shop.close()


async def test_a_hole_between_archives_and_brokers_stops_the_worker():
    shop = Shop(Plan(archived=range(100)), first=110)
    shop.bring(*range(110, 120))
    error = await shop.until_failed()
    assert isinstance(error, OffsetsDeleted) and "offsets 100 to 109" in str(error)
    assert shop.counted == 100 and not shop.acknowledged
    await shop.close()


async def test_records_that_are_deleted_while_it_counts_stop_it_too():
    shop = Shop(Plan())
    shop.bring(*range(10))
    await shop.until(10)
    shop.first = 25
    shop.bring(*range(25, 30))
    error = await shop.until_failed()
    assert isinstance(error, OffsetsDeleted) and "offsets 10 to 24" in str(error)
    assert shop.counted == 10
    await shop.close()


async def test_a_gap_that_was_accepted_is_none():
    shop = Shop(Plan(may_miss=True), first=25)
    shop.bring(*range(25, 30))
    await shop.until(30)
    assert shop.counted == 5
    await shop.close()


async def test_markers_between_batches_are_passed_over():
    shop = Shop(Plan())
    shop.bring(*range(10))
    await shop.until(10)
    shop.bring(*range(12, 20))
    await shop.until(20)
    assert shop.counted == 18 and shop.failure is None
    await shop.close()


async def test_nothing_at_the_end_or_after_it_counts_or_is_acknowledged():
    shop = Shop(Plan(end=15))
    shop.bring(*range(10))
    shop.bring(*range(10, 20))
    shop.bring(*range(20, 30))
    await shop.until(15)
    assert shop.counted == 15 and shop.acknowledged == [9, 19]
    await shop.close()


async def test_a_position_moves_over_what_holds_no_records_only_when_nothing_was_deleted_there():
    shop = Shop(Plan(archived=range(50)))
    assert not shop.intake.may_skip(shop.worker, 0, 60)  # the archives are still read
    await shop.until(50)
    async with asyncio.timeout(5):
        while not shop.intake.may_skip(shop.worker, 0, 60):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    shop.first = 70
    while shop.failure is None:
        assert not shop.intake.may_skip(shop.worker, 0, 80)
        await asyncio.sleep(0.001)
    assert isinstance(shop.failure, OffsetsDeleted)
    await shop.close()


async def test_markers_at_the_end_of_an_archive_are_no_gap():
    plan = Plan(archived=range(99))
    plan.markers_to = 100
    shop = Shop(plan, first=100)
    shop.bring(*range(100, 110))
    await shop.until(110)
    assert shop.counted == 109 and shop.failure is None
    await shop.close()


async def test_what_waited_for_archives_that_hold_more_does_not_look_like_a_gap_later():
    shop = Shop(Plan(archived=range(100)))
    shop.bring(*range(50))  # held, and older than what is fed
    await shop.until(100)
    shop.first = 90  # deleted up to there, but counted
    shop.bring(*range(90, 120))
    await shop.until(120)
    assert shop.counted == 120 and shop.failure is None
    await shop.close()


async def test_a_marker_right_before_the_end_leaves_no_lag():
    shop = Shop(Plan(end=16))
    shop.bring(*range(15))  # 15 is a marker
    shop.bring(*range(16, 30))
    await shop.until(16)
    assert shop.counted == 15
    await shop.close()


async def test_records_before_the_end_count_when_they_come_together_with_those_after_it():
    shop = Shop(Plan(end=5))
    shop.bring(0)
    await shop.until(1)  # nothing is held any more
    shop.bring(*range(1, 10))
    await shop.until(5)
    assert shop.counted == 5
    await shop.close()
