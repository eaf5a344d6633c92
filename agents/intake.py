"""What reaches the owner of a partition, and in which order: history first, then what the consumer brings.

The base generation takes what comes. One that is rebuilt has a plan: archives come before the brokers' records, some
partitions end at an offset, and where offsets are missing it has to know why before it counts on: transaction markers
are no records, but deleted ones would be missing from the boards for ever, and nobody could see it afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Protocol

from agents.partition_worker import PartitionWorker
from agents.pending import Batch
from ranking_app.errors import RankingError
from ranking_app.tasks import telling
from schemas.record import Record
from tables.changed import Changed
from tables.panes import LINE_ROLES, ROLES, OwnedPartition

FEED_RECORDS = 10_000
"""Offered at once; the next ones are read while these are counted."""

FirstOffset = Callable[[str, int], Awaitable[int]]
"""The first offset that the brokers still have of a topic's partition."""


class OffsetsDeleted(RankingError):
    """Records were deleted from a source topic before this generation counted them. Operator: drop the generation and
    begin another with the archives that hold them; give the topic a longer retention."""


class History(Protocol):
    """The plan of a generation (ranking_app/history.py)."""

    @property
    def may_miss(self) -> bool:
        """Whether somebody accepted that offsets are gone."""

    def blocks(self, role: int, partition: int, from_offset: int) -> Iterator[Sequence[Record]]:
        """Archived records from an offset on, in its order. Called in a thread; raises what names file and place."""
        ...

    def archived_to(self, role: int, partition: int, offset: int) -> int:
        """The offset, exclusive, up to which archives without a hole reach that hold everything before offset."""
        ...

    def end(self, role: int, partition: int) -> int | None:
        """The offset, exclusive, up to which the partition counts; None: it is followed for ever."""
        ...


class Intake(Protocol):
    """Between whoever brings records and the owners of partitions."""

    def own(self, worker: PartitionWorker) -> None:
        """A partition is owned from now on."""
        ...

    def take(self, worker: PartitionWorker, batch: Batch) -> None:
        """Records that the consumer brings."""
        ...

    def may_skip(self, worker: PartitionWorker, role: int, to_offset: int) -> bool:
        """Whether the position may move to an offset before which the consumer finds no records."""
        ...

    async def let_go(self, number: int) -> None:
        """A partition is not owned any more."""
        ...


class DirectIntake:
    """Everything is passed on as it comes."""

    def own(self, worker: PartitionWorker) -> None:
        """Nothing comes before what the consumer brings."""

    def take(self, worker: PartitionWorker, batch: Batch) -> None:
        """Pass it on."""
        worker.offer(batch)

    def may_skip(self, worker: PartitionWorker, role: int, to_offset: int) -> bool:
        """Yes."""
        return True

    async def let_go(self, number: int) -> None:
        """Nothing was begun."""


class PlannedIntake:
    """By the plan of a generation. topics: by role; on_failure: told what cannot be read, or is gone."""

    def __init__(
        self,
        history: History,
        topics: Mapping[int, str],
        first_offset: FirstOffset,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._history = history
        self._topics = topics
        self._first_offset = first_offset
        self._on_failure = on_failure
        self._held: dict[tuple[int, int], list[Batch]] = {}
        self._next: dict[tuple[int, int], int] = {}
        self._tasks: dict[int, set[asyncio.Task[None]]] = {}
        self._ended: set[tuple[int, int]] = set()
        self._under_way: dict[tuple[int, int], int] = {}

    def own(self, worker: PartitionWorker) -> None:
        """Feed the archives; what the consumer brings meanwhile waits, and is not fetched beyond a bound."""
        number = worker.owned.number
        for role in ROLES:
            self._held[role, number] = []
            self._under_way[role, number] = 0
        self._begin(number, self._feed(worker))

    def take(self, worker: PartitionWorker, batch: Batch) -> None:
        """Hold it, cut it, look at what is missing before it, or pass it on."""
        number = worker.owned.number
        whole, batch = batch, self._cut(batch, number)
        if len(batch.records) < len(whole.records):
            self._ended.add((batch.role, number))
        if not batch.records:
            self._finish(worker, batch.role)
            return  # not acknowledged: the consumer fetches no further than its bound for what is pending
        held = self._held.get((batch.role, number))
        if held is not None:
            held.append(batch)
        elif batch.records[0].offset > self._next[batch.role, number]:
            self._held[batch.role, number] = [batch]
            self._begin(number, self._open(worker, batch.role))
        else:
            self._pass_on(worker, batch)

    def may_skip(self, worker: PartitionWorker, role: int, to_offset: int) -> bool:
        """Not while archives are fed, and not before it was looked at why there are none; then it is asked again."""
        source = role, worker.owned.number
        if source in self._held:
            return False
        if to_offset > self._next[source]:
            self._held[source] = []
            self._begin(worker.owned.number, self._open(worker, role, to_offset))
            return False
        return True

    async def let_go(self, number: int) -> None:
        """Stop feeding; what is held comes again."""
        tasks = self._tasks.pop(number, set())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for role in ROLES:
            self._held.pop((role, number), None)
            self._next.pop((role, number), None)
            self._ended.discard((role, number))

    def _begin(self, number: int, body: Awaitable[None]) -> None:
        task = asyncio.ensure_future(body)
        running = self._tasks.setdefault(number, set())
        running.add(task)
        task.add_done_callback(running.discard)
        task.add_done_callback(telling(self._on_failure))

    async def _feed(self, worker: PartitionWorker) -> None:
        for role in (*LINE_ROLES, *ROLES):
            await self._feed_role(worker, role)
            if role in ROLES:
                number, position = worker.owned.number, worker.owned.positions[role].next_offset
                # What the last file ends with may be markers, which are no records.
                self._next[role, number] = self._history.archived_to(role, number, position)
                await self._open(worker, role)

    async def _feed_role(self, worker: PartitionWorker, role: int) -> None:
        """Archived records from the position on; at most two batches are on their way."""
        number = worker.owned.number
        blocks = self._history.blocks(role, number, worker.owned.positions[role].next_offset)
        before: asyncio.Event | None = None
        while (block := await asyncio.to_thread(next, blocks, None)) is not None:
            for start in range(0, len(block), FEED_RECORDS):
                counted = asyncio.Event()
                batch = self._cut(Batch(role, block[start : start + FEED_RECORDS], counted.set), number)
                if not batch.records:
                    break
                worker.offer(batch)
                if before is not None:
                    await before.wait()
                before = counted
        if before is not None:
            await before.wait()

    async def _open(self, worker: PartitionWorker, role: int, to_offset: int = 0) -> None:
        """Pass on what is held, unless records are gone before it. OffsetsDeleted.

        to_offset: before it there are no records.
        """
        number = worker.owned.number
        expected, topic = self._next[role, number], self._topics[role]
        end = self._history.end(role, number)
        if not self._history.may_miss and (end is None or expected < end):
            first = await self._first_offset(topic, number)
            if first > expected:
                raise OffsetsDeleted(
                    f"topic {topic!r} partition {number}: offsets {expected} to {first - 1} were deleted before this "
                    "generation counted them; begin another one with the archives that hold them"
                )
        self._next[role, number] = max(expected, to_offset)
        for batch in self._held.pop((role, number), ()):
            self._pass_on(worker, batch)
        self._finish(worker, role)

    def _pass_on(self, worker: PartitionWorker, batch: Batch) -> None:
        source = batch.role, worker.owned.number
        # Archives may hold more than what waited for them to be fed.
        self._next[source] = max(self._next[source], batch.records[-1].offset + 1)
        self._under_way[source] += 1

        def acknowledge() -> None:
            batch.acknowledge()
            self._under_way[source] -= 1
            self._finish(worker, batch.role)

        worker.offer(batch._replace(acknowledge=acknowledge))

    def _finish(self, worker: PartitionWorker, role: int) -> None:
        """At the end, and all before it is durable: what stands right before it may be markers, which nobody brings."""
        source = role, worker.owned.number
        end = self._history.end(*source)
        if source not in self._ended or self._under_way[source] or source in self._held or end is None:
            return

        async def move(owned: OwnedPartition) -> None:
            if owned.positions[role].next_offset < end:
                await owned.write(Changed(), {role: owned.positions[role].moved(next_offset=end)}, ())

        worker.run_between_flushes(move)

    def _cut(self, batch: Batch, number: int) -> Batch:
        end = self._history.end(batch.role, number)
        if end is None or not batch.records or batch.records[-1].offset < end:
            return batch
        return batch._replace(records=[record for record in batch.records if record.offset < end])
