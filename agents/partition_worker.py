"""The loop that owns one partition: takes what waits, applies it, makes it durable, acknowledges it.

When busy, batches pile up while a flush is under way, and the next one is larger then and folds more events into each
pane; when idle, a single event is flushed at once. One task per partition: partitions do not wait for each other.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from agents.apply import Applier
from agents.arrivals import Arrivals
from agents.decoding import HELPED_RECORDS
from agents.in_step import InStep
from agents.pace import Pace
from agents.pending import Batch
from ranking_app.errors import RankingError
from ranking_app.metrics import Metrics
from ranking_app.tasks import telling
from schemas.record import Record
from tables.panes import ChangelogDiverged, OwnedPartition
from tables.position import Position

FLUSH_RECORDS = 40_000
"""Most records in one flush: what is written for them is below one Kafka record batch of 15 MiB, as a rule."""

HOUSEKEEPING_S = 60.0
"""How often expired ids are looked for."""

Job = Callable[[OwnedPartition], Awaitable[None]]
"""Something else to be written for the partition, between flushes."""

Reopen = Callable[[], Awaitable[tuple[OwnedPartition, Applier]]]
"""Restores the partition's store to the end of its changelog and reads it anew."""


class PartitionWorker:
    """Owns one partition from its assignment to its revocation. topics: by role, for the metrics' labels."""

    def __init__(
        self,
        owned: OwnedPartition,
        applier: Applier,
        reopen: Reopen,
        *,
        topics: Mapping[int, str],
        arrivals: Mapping[int, Arrivals],
        pace: Pace,
        in_step: InStep,
        metrics: Metrics,
        log: Any,
    ) -> None:
        self.owned = owned
        self._topics = topics
        self._applier = applier
        self._reopen = reopen
        self._log = log
        self._arrivals = arrivals
        self._pace = pace
        self._in_step = in_step
        self._metrics = metrics
        self._waiting: deque[Batch] = deque()
        self._jobs: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._housekeeping: asyncio.TimerHandle | None = None

    def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Begin. on_failure is told the exception that ended the loop; nothing unacknowledged was acknowledged."""
        self._keep_house_later()
        self._task = asyncio.create_task(self._run(), name=f"partition-{self.owned.number}")
        self._task.add_done_callback(telling(on_failure))

    def offer(self, batch: Batch) -> None:
        """Add a batch; it is acknowledged when it is durable."""
        if not self._closing:
            self._waiting.append(batch)
            if len(batch.records) < HELPED_RECORDS:
                self._in_step.soon(self._wake.set)
            else:  # decoded by the process beside: in step, all would wait for it, and then it for them
                self._wake.set()
            self._applier.begin(batch.role, batch.records)

    def run_between_flushes(self, job: Job) -> None:
        """Have job called with the owned partition when no flush is under way."""
        if not self._closing:
            self._jobs.append(job)
            self._wake.set()

    async def close(self) -> None:
        """Drop what waits, finish the flush under way. After this nothing is written any more, and RocksDB has all."""
        self._closing = True
        self._waiting.clear()
        self._applier.drop()
        self._jobs.clear()
        self._wake.set()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])
        try:
            self.owned.write_waiting()
        except RankingError as error:  # whoever owns it next reads it from the changelog
            self._log.warning("store_behind", partition=self.owned.number, reason=str(error))

    async def _run(self) -> None:
        while not self._closing:
            if not self._waiting and not self._jobs:
                self._wake.clear()
                await self._wake.wait()
            while self._jobs and not self._closing:
                await self._again_if_diverged(partial(self._do, self._jobs.popleft()))
            if self._waiting:
                await self._again_if_diverged(partial(self._flush, self._take()))

    async def _again_if_diverged(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Where somebody else wrote to the changelog, catch up and try again: what is applied already is skipped."""
        while not self._closing:
            try:
                await attempt()
                return
            except ChangelogDiverged as error:
                self._log.warning("changelog_diverged", partition=self.owned.number, reason=str(error))
                self._applier.drop()
                self.owned, self._applier = await self._reopen()

    async def _do(self, job: Job) -> None:
        await job(self.owned)

    async def _keep_house(self, owned: OwnedPartition) -> None:
        await owned.expire_ids({role: clock.now_ms() for role, clock in self._arrivals.items()})
        self._keep_house_later()

    def _keep_house_later(self) -> None:
        if self._closing:
            return
        loop = asyncio.get_running_loop()
        self._housekeeping = loop.call_later(HOUSEKEEPING_S, self.run_between_flushes, self._keep_house)

    async def _flush(self, batches: list[Batch]) -> None:
        await self._pace.wait(sum(len(batch.records) for batch in batches), lambda: self._closing)
        if self._closing:
            return  # they were not acknowledged: they come again
        started_s = time.monotonic()
        before = dict(self.owned.positions)
        applied = await self._applier.apply(_by_role(batches))
        if applied.positions:
            await self.owned.write(applied.panes, applied.positions, applied.seen)
        for batch in batches:
            batch.acknowledge()
        self._count(applied.positions, before)
        self._metrics.batch_events.observe(applied.records)
        self._metrics.batch_flush_seconds.observe(time.monotonic() - started_s)

    def _count(self, after: dict[int, Position], before: dict[int, Position]) -> None:
        for role, position in after.items():
            was, metrics = before[role], self._metrics
            labels = {"topic": self._topics[role], "partition": str(self.owned.number)}
            metrics.events.labels(**labels).inc(position.counted - was.counted)
            metrics.late.inc(position.late - was.late)
            metrics.duplicates.inc(position.duplicates - was.duplicates)
            metrics.dead_letters.inc(position.dead_letters - was.dead_letters)

    def _take(self) -> list[Batch]:
        batches = [self._waiting.popleft()]
        records = len(batches[0].records)
        while self._waiting and records + len(self._waiting[0].records) <= FLUSH_RECORDS:
            records += len(self._waiting[0].records)
            batches.append(self._waiting.popleft())
        return batches


def _by_role(batches: list[Batch]) -> dict[int, list[Record]]:
    records: dict[int, list[Record]] = {}
    for batch in batches:
        records.setdefault(batch.role, []).extend(batch.records)
    return records
