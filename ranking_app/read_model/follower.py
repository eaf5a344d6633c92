"""Follows the changelog and the catalogue into the read model, on every process, without a consumer group."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ranking_app.kafka_client import close, partitions_of
from ranking_app.metrics import Metrics
from ranking_app.read_model.saved import SavedReadModel
from ranking_app.read_model.sources import CATALOGUE, SourceKey
from ranking_app.read_model.spared import SparedPartitions
from ranking_app.read_model.state import ReadModel
from ranking_app.tasks import telling
from tables.changed import Fresh
from tables.store import Pair

ENDS_INTERVAL_S = 0.2
"""How often the brokers are asked where the source partitions end: what `lag` is measured against."""

SLICE_RECORDS, LOADING_SLICE_RECORDS, FRESH_RECORDS = 500, 2_000, 2_000
"""Applied in one go, some 4 ms; answers and flushes get their turn between slices. Larger ones load a little sooner.
Fresh panes are handed over with their numbers, in a quarter of the time."""

FETCH_RECORDS, FETCH_WAIT_MS = 20_000, 200

SETTLE_PAUSE_S = 2.0
"""After so long, and the time that reading took, own changes are read that nobody asked for, so that no question has
much of it to do. A busy schedule's minute comes with each flush, and is read once for all of them."""

RESERVATION_ROLES = (0, 1)

SAVE_AFTER_RECORDS = 100_000
"""Read from the changelog at a start, these take about a second: so much of it may be newer than what is saved."""

SAVE_PAUSE_S, SAVE_SHARE = 15.0, 0.05
"""Between two savings: at least the one, and so long that the work of saving is no more than this share of the time."""

BACKLOG_SAVE_PAUSE_S, AFTER_BACKLOG_S = 60.0, 5.0
"""The same while panes come that wait as columns, or came just now: saving has all of them read, few of a schedule cost
more each, and who waited for the end of a backlog asks first."""


class Follower:
    """Reads from the beginning, then keeps following. Closed by stop(); on_failure is told what ended it otherwise."""

    def __init__(
        self,
        model: ReadModel,
        changelog_topic: str,
        partitions: int,
        *,
        make_reader: Callable[[], AIOKafkaConsumer],
        on_failure: Callable[[BaseException], None],
        metrics: Metrics,
        log: Any,
        saved: SavedReadModel | None = None,
    ) -> None:
        self._model = model
        self._changelog = partitions_of(changelog_topic, partitions)
        self._catalogue = TopicPartition(model.topic_of(CATALOGUE), 0)
        self._source_counts = dict.fromkeys(RESERVATION_ROLES, 0)
        self._make_reader = make_reader
        self._on_failure = on_failure
        self.report_to(metrics)
        self._log = log
        self._consumer: AIOKafkaConsumer | None = None
        self._spared: SparedPartitions | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._applying = False
        self._saved = saved
        self._next_offsets = dict.fromkeys(range(partitions), 0)
        self._records_since_saved = 0
        self.loaded = asyncio.Event()
        """Set after the first complete load."""
        self.moved = asyncio.Event()
        """Set whenever something was applied; cleared by whoever waits for it (the notifier)."""
        self._may_load = asyncio.Event()
        self._may_load.set()

    @contextlib.contextmanager
    def loading_waits(self) -> Iterator[None]:
        """The first load waits meanwhile: a restore of the tables is through sooner with the processor to itself.

        A model that is loaded goes on following.
        """
        with contextlib.nullcontext() if self._model.loaded else self.held():
            yield

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nothing more is applied meanwhile, but for a batch that was fetched before."""
        self._may_load.clear()
        try:
            yield
        finally:
            self._may_load.set()

    def report_to(self, metrics: Metrics) -> None:
        """Set these metrics from now on: those of the process are of the generation that answers."""
        self._metrics = metrics
        metrics.complete.set_function(lambda: self._model.completeness(self._model.live_as_of_s()).complete)
        metrics.read_model_loaded.set(self._model.loaded)

    async def start(self) -> None:
        """Connect and begin to load; `loaded` tells when the read model answers for everything."""
        consumer = self._consumer = self._make_reader()
        await consumer.start()
        consumer.assign([*self._changelog, self._catalogue])
        await consumer.seek_to_beginning()
        if self._saved is not None:
            await self._begin_with_saved(consumer, self._saved)
        await self._ask_ends(consumer)
        self._spared = SparedPartitions(consumer, self._changelog, self._next_offsets)
        bodies = [self._follow(consumer, self._spared), self._watch_ends(consumer), self._settle()]
        if self._saved is not None:
            bodies.append(self._keep_saved(self._saved))
        for body in bodies:
            task = asyncio.create_task(body)
            task.add_done_callback(telling(self._on_failure))
            self._tasks.append(task)

    async def _begin_with_saved(self, consumer: AIOKafkaConsumer, saved: SavedReadModel) -> None:
        begins = await consumer.beginning_offsets(self._changelog)
        ends = await consumer.end_offsets(self._changelog)
        bounds = {tp.partition: (begins[tp], ends[tp]) for tp in self._changelog}
        self._next_offsets |= await saved.load(self._model, bounds)
        for tp in self._changelog:
            consumer.seek(tp, max(self._next_offsets[tp.partition], begins[tp]))

    async def _settle(self) -> None:
        begun = 0
        while True:
            await asyncio.sleep(SETTLE_PAUSE_S)
            before, begun = begun, self._model.ever_begun
            if begun == before:
                await self._model.settle()
            else:  # a backlog is being read
                await self._model.settle_texts()

    async def _keep_saved(self, saved: SavedReadModel) -> None:
        await self.loaded.wait()
        saved_at_s, begun_at_s, begun = time.monotonic(), -AFTER_BACKLOG_S, 0
        while True:
            pause_s, now_s = 1.0, time.monotonic()
            before, begun = begun, self._model.ever_begun
            if begun > before:
                begun_at_s = now_s
            too_soon = now_s < min(begun_at_s + AFTER_BACKLOG_S, saved_at_s + BACKLOG_SAVE_PAUSE_S)
            if self._records_since_saved >= SAVE_AFTER_RECORDS and not too_soon:
                saved_at_s = time.monotonic()
                pause_s = max(SAVE_PAUSE_S, await self._save(saved, begun > before) / SAVE_SHARE)
            await asyncio.sleep(pause_s)

    async def _save(self, saved: SavedReadModel, backlog: bool) -> float:
        """Returns how many seconds it took. backlog: much comes meanwhile."""
        started_s = time.monotonic()
        self._records_since_saved = 0
        await self._model.settle(somebody_waits=backlog)  # in turns: saving reads all of what is left at once
        if backlog:
            await self._model.settle(somebody_waits=True)  # what came meanwhile
        try:
            size = await saved.save(self._model, self._next_offsets)
        except OSError as error:  # the next start takes longer; a disk that is full ends the worker elsewhere
            self._log.warning("read_model_not_saved", reason=str(error))
            return time.monotonic() - started_s
        seconds = time.monotonic() - started_s
        self._log.info("read_model_saved", panes=self._model.panes, size_bytes=size, seconds=round(seconds, 3))
        return seconds

    async def first_offset(self, topic: str, partition: int) -> int:
        """The first offset that the brokers still have; 0 of a partition that is not there yet: it will begin there.

        KafkaError.
        """
        if self._consumer is None or partition not in (self._consumer.partitions_for_topic(topic) or {0}):
            return 0
        tp = TopicPartition(topic, partition)
        return int((await self._consumer.beginning_offsets([tp]))[tp])

    async def stop(self) -> None:
        """Stop following; the model stays as it is."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._consumer is not None:
            await close(self._consumer)
        self._metrics.complete.set_function(float)  # it held the model, which may be large and frozen

    async def wrote(self, partition: int, first_offset: int, pairs: Sequence[Pair], fresh: Fresh) -> None:
        """What an owner in this process wrote to the changelog, acknowledged: need not come back from the brokers.

        It counts where it is what comes next, as offsets say. What others wrote before it is fetched, and it too.
        fresh: the first pairs as numbers.
        """
        if self._spared is None:
            return
        if not self._model.loaded or not self._may_load.is_set() or self._next_offsets[partition] < first_offset:
            self._spared.fetch(partition)
            return
        self._spared.spare(partition)
        # Looked at anew for each slice: what was fetched before may come in between.
        while (done := self._next_offsets[partition] - first_offset) < len(pairs):
            left = len(pairs) - done
            size = FRESH_RECORDS if len(fresh) - done >= FRESH_RECORDS else SLICE_RECORDS
            part = slice(done, done + (size if left >= size + SLICE_RECORDS else left))  # no small one is left
            self._model.apply_own(partition, pairs[part], fresh.of(part))
            self._applied(partition, first_offset + part.stop)
            self.moved.set()
            if part.stop - part.start >= SLICE_RECORDS:
                await asyncio.sleep(0)

    def fetch_all(self) -> None:
        """Everything comes from the brokers again: partitions change hands."""
        if self._spared is not None:
            self._spared.fetch_all()

    async def _follow(self, consumer: AIOKafkaConsumer, spared: SparedPartitions) -> None:
        started_s = time.monotonic()
        left = await consumer.end_offsets([*self._changelog, self._catalogue])
        records = 0
        while True:
            await self._may_load.wait()
            spared.fetch_overdue()
            fetched = await self._fetch(consumer)
            self._applying = True
            for tp, batch in fetched.items():
                await self._apply(tp, batch)
                records += len(batch)
            self._applying = False
            if fetched:
                self.moved.set()
            if not self._model.loaded:
                left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}
                if not left:
                    self._now_loaded(records, time.monotonic() - started_s)

    async def _fetch(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[Any]]:
        """What is there, or comes within a moment.

        While it loads, a slice of each partition in turn: they hold panes of the same minutes, and a curve whose
        seconds come in the order of time is only added to.
        """
        fetched: dict[TopicPartition, list[Any]] = {}
        if not self._model.loaded:
            for tp in (*self._changelog, self._catalogue):
                fetched |= await consumer.getmany(tp, timeout_ms=0, max_records=LOADING_SLICE_RECORDS)
        if not fetched:
            fetched = await consumer.getmany(timeout_ms=FETCH_WAIT_MS, max_records=FETCH_RECORDS)
        return fetched

    async def _apply(self, tp: TopicPartition, batch: list[Any]) -> None:
        model = self._model
        slice_records = SLICE_RECORDS if model.loaded else LOADING_SLICE_RECORDS
        for start in range(0, len(batch), slice_records):
            part = batch[start : start + slice_records]
            if tp == self._catalogue:
                for record in part:
                    model.apply_listing(record.key, record.value, record.offset, record.timestamp)
                model.changed()
            else:
                next_offset = self._next_offsets[tp.partition]  # its owner may have brought some of it meanwhile
                for record in part:
                    if record.offset >= next_offset:
                        model.apply_change(tp.partition, record.key, record.value)
                self._applied(tp.partition, max(part[-1].offset + 1, next_offset))
            await asyncio.sleep(0)

    def _applied(self, partition: int, next_offset: int) -> None:
        self._records_since_saved += next_offset - self._next_offsets[partition]
        self._next_offsets[partition] = next_offset
        self._model.changed()
        self._metrics.changelog_applied_offset.labels(partition=str(partition)).set(next_offset)

    def _now_loaded(self, records: int, seconds: float) -> None:
        self._model.loaded = True
        self.loaded.set()
        self._metrics.read_model_loaded.set(1)
        self._log.info(
            "read_model_loaded",
            records=records,
            schedules=len(self._model.schedules),
            panes=self._model.panes,
            seconds=round(seconds, 3),
        )

    async def _watch_ends(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await asyncio.sleep(ENDS_INTERVAL_S)
            try:
                await self._ask_ends(consumer)
            except KafkaError as error:  # answers turn stale by themselves while this goes on
                self._log.warning("source_ends_unknown", error=repr(error))
                await asyncio.sleep(1.0)

    async def _ask_ends(self, consumer: AIOKafkaConsumer) -> None:
        model = self._model
        counts = await self._count_sources(consumer)
        reservations = [SourceKey(role, number) for role, count in counts.items() for number in range(count)]
        sources = {self._source_tp(source): source for source in [*reservations, CATALOGUE]}
        ends = await consumer.end_offsets(list(sources))
        begins = await consumer.beginning_offsets(list(sources))
        read_to = await consumer.position(self._catalogue)
        if not self._applying:  # else it counts records that were taken and are not applied yet
            model.catalogue_read_to(read_to)
        for role, count in counts.items():
            model.exist(role, count)
        for tp, source in sources.items():
            model.set_end(source, begins[tp], ends[tp])
        self._report()

    async def _count_sources(self, consumer: AIOKafkaConsumer) -> dict[int, int]:
        """How many partitions each reservation topic has, by role; one that does not exist cannot be asked for.

        The consumer knows that of topics that it reads or was asked for, as of METADATA_MAX_AGE_MS ago. A broker may
        tell an older number than another did before: the larger one is right.
        """
        for role, known in self._source_counts.items():
            topic = self._model.topic_of(SourceKey(role, 0))
            if not known:
                await consumer.end_offsets([TopicPartition(topic, 0)])
            count = len(consumer.partitions_for_topic(topic) or ())
            if count > known:
                self._source_counts[role] = count
                self._log.info("source_partitions", topic=topic, partitions=count, tables=len(self._changelog))
        return dict(self._source_counts)

    def _source_tp(self, source: SourceKey) -> TopicPartition:
        return TopicPartition(self._model.topic_of(source), source.partition)

    def _report(self) -> None:
        state = self._model.completeness(self._model.live_as_of_s())
        for part in state.partitions:
            labels = {"topic": part.topic, "partition": str(part.partition)}
            self._metrics.source_lag.labels(**labels).set(part.lag)
            self._metrics.source_offset.labels(**labels).set(part.offset)
        self._metrics.schedules.set(self._model.known_schedules)
        self._metrics.panes.set(self._model.panes)
