"""Sends records as whole partition batches: a few hundred futures for a million records instead of a million.

aiokafka makes one future per record in `send()`, which costs more than the record. Here each partition has
one open batch; a full one leaves, and is counted when the brokers (acks=all, idempotent) have acknowledged it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from ranking_app.errors import NoSuchPartition, NotAcknowledged, RankingError, RecordTooLarge, TopicMissing
from ranking_app.kafka_client import max_message_bytes, writer
from ranking_app.partitioner import partition_of

BATCH_BYTES = 256 * 1024
"""About a thousand events: the cost of a request vanishes, and one fills every few milliseconds."""

BATCH_HEADER_BYTES = 61
"""What a record batch (magic 2) has on top of its records; the broker counts it against max.message.bytes."""

IN_FLIGHT_PER_PARTITION = 2
"""`push` leaves a batch open while this many are unacknowledged: one travels, one waits for the sender."""

REMEMBERED_KEYS = 100_000
"""Partitions of keys already hashed, which costs more than everything else. Emptied when full."""

ACK_TIMEOUT_S = 60.0
"""An idempotent producer retries for ever; without one acknowledgement for this long we say so instead."""

STOP_TIMEOUT_S = 3.0
"""For closing the connections; SIGTERM promises 10 s for everything."""

Headers = Sequence[tuple[str, bytes]]

_NO_HEADERS: list[tuple[str, bytes]] = []


class Record(Protocol):
    """What can be sent. partition None: by key, or round robin where there is no key either."""

    @property
    def topic(self) -> str:
        """Its topic."""

    @property
    def partition(self) -> int | None:
        """The partition it asks for itself."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value; None is a tombstone."""

    @property
    def headers(self) -> Headers:
        """Its headers."""


class _Lane:
    """One partition: its open batch and how many batches are on their way."""

    __slots__ = ("batch", "in_flight", "partition", "topic")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.batch: BatchBuilder | None = None
        self.in_flight = 0


class _Route:
    """How a topic's records find their partition, and how large they may be."""

    __slots__ = ("_ids", "_of_key", "lanes", "large_bytes", "max_bytes", "turns")

    def __init__(self, topic: str, partitions: Iterable[int], max_bytes: int) -> None:
        self._ids = sorted(partitions)
        self._of_key: dict[bytes, _Lane] = {}
        self.lanes = {number: _Lane(topic, number) for number in self._ids}
        self.turns = cycle(self.lanes.values())
        """Round robin, from the lowest partition on: the same input goes the same way every time."""
        self.max_bytes = max_bytes
        self.large_bytes = BATCH_BYTES - BATCH_HEADER_BYTES if max_bytes >= BATCH_BYTES else 0
        """Values from this size on need a look at the room there is; below it, the batch itself looks."""

    def by_key(self, key: bytes) -> _Lane:
        """Where Kafka's own clients put this key."""
        lane = self._of_key.get(key)
        if lane is None:
            if len(self._of_key) >= REMEMBERED_KEYS:
                self._of_key.clear()
            lane = self._of_key[key] = self.lanes[self._ids[partition_of(key, len(self._ids))]]
        return lane

    def by_number(self, number: int) -> _Lane:
        """The partition that a record asks for itself."""
        if number not in self.lanes:
            raise NoSuchPartition(f"this topic has no partition {number}, only {', '.join(map(str, self._ids))}")
        return self.lanes[number]


class BatchSender:
    """Sends records in batches. One task at a time may call `send`, `push` and `drain`.

    `acknowledged` counts by topic what the brokers have confirmed. A failure is raised by the next call.
    """

    def __init__(self, producer: AIOKafkaProducer, admin: AIOKafkaAdminClient) -> None:
        self._producer = producer
        self._admin = admin
        self._routes: dict[str, _Route] = {}
        self._open: dict[_Lane, None] = {}
        self._failure: RankingError | None = None
        self._acknowledgement = asyncio.Event()
        self._in_flight = 0
        self.acknowledged: dict[str, int] = {}

    @property
    def total_acknowledged(self) -> int:
        """Records confirmed so far, over all topics."""
        return sum(self.acknowledged.values())

    async def send(self, records: Iterable[Record]) -> None:
        """Add records to their partitions' batches; full batches leave. Waits where the brokers are behind.

        Raises TopicMissing, NoSuchPartition or RecordTooLarge for a record (those before it are kept, and
        sent by the next `push` or `drain`), NotAcknowledged for an earlier batch.
        """
        routes = self._routes
        for record in records:  # hot: once per record, so it is spelt out instead of split into small calls
            route = routes.get(record.topic) or await self._find(record.topic)
            key, value = record.key, record.value
            if record.partition is not None:
                lane = route.by_number(record.partition)
            elif key is not None:
                lane = route.by_key(key)
            else:
                lane = next(route.turns)
            headers = list(record.headers) if record.headers else _NO_HEADERS
            if value is not None and len(value) >= route.large_bytes:
                await self._make_room(route, lane, key, value, headers)
            while (
                lane.batch is None or lane.batch.append(timestamp=None, key=key, value=value, headers=headers) is None
            ):
                await self._renew(lane)
        self._raise_failure()

    async def push(self) -> None:
        """Let started batches go where the partition is not busy already."""
        for lane in [lane for lane in self._open if lane.in_flight < IN_FLIGHT_PER_PARTITION]:
            await self._dispatch(lane)
        self._raise_failure()

    async def drain(self) -> None:
        """Send everything; return when all of it is acknowledged. NotAcknowledged if that does not happen."""
        for lane in list(self._open):
            await self._dispatch(lane)
        while self._in_flight:
            self._acknowledgement.clear()
            try:
                await asyncio.wait_for(self._acknowledgement.wait(), ACK_TIMEOUT_S)
            except TimeoutError:
                raise NotAcknowledged(
                    f"nothing was acknowledged for {ACK_TIMEOUT_S:g} s; {self._in_flight} batches wait"
                ) from None
        self._raise_failure()

    async def _renew(self, lane: _Lane) -> None:
        """Send the lane's batch, if it has one, and open the next."""
        await self._dispatch(lane)
        lane.batch = self._producer.create_batch()
        self._open[lane] = None

    async def _make_room(self, route: _Route, lane: _Lane, key: bytes | None, value: bytes, headers: Any) -> None:
        """The slow path for large records and for topics that take less than our usual batch."""
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers)
        if size > route.max_bytes:
            raise RecordTooLarge(f"a record of {size:,} bytes, but topic {lane.topic!r} takes {route.max_bytes:,}")
        if lane.batch is not None and lane.batch.size() + size > min(BATCH_BYTES, route.max_bytes):
            await self._dispatch(lane)

    async def _dispatch(self, lane: _Lane) -> None:
        batch, lane.batch = lane.batch, None
        self._open.pop(lane, None)
        if batch is None:
            return
        batch.close()
        lane.in_flight += 1
        self._in_flight += 1
        count = batch.record_count()
        try:
            sent = await self._producer.send_batch(batch, lane.topic, partition=lane.partition)
        except BaseException as exc:
            self._settle(lane, 0)
            if isinstance(exc, KafkaError):
                raise self._refused(lane, exc) from exc
            raise
        sent.add_done_callback(lambda done: self._acknowledge(lane, count, done))

    def _acknowledge(self, lane: _Lane, count: int, done: "asyncio.Future[Any]") -> None:
        failure = None if done.cancelled() else done.exception()
        if done.cancelled() or failure is not None:
            self._failure = self._failure or self._refused(lane, failure)
            count = 0
        self._settle(lane, count)

    def _settle(self, lane: _Lane, count: int) -> None:
        lane.in_flight -= 1
        self._in_flight -= 1
        self.acknowledged[lane.topic] = self.acknowledged.get(lane.topic, 0) + count
        self._acknowledgement.set()

    @staticmethod
    def _refused(lane: _Lane, reason: BaseException | None) -> "NotAcknowledged":
        text = f"{type(reason).__name__}: {reason}"
        if isinstance(reason, UnknownError):
            # INVALID_RECORD (87) is newer than aiokafka's list of error codes.
            text = "the brokers gave no reason we know; a compacted topic refuses records without a key"
        return NotAcknowledged(f"a batch for {lane.topic!r}, partition {lane.partition}, was not taken: {text}")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _find(self, topic: str) -> _Route:
        # Listed first: asking the producer for an unknown topic makes a default broker create it, and not
        # with the partitions that it should have.
        if topic not in await self._admin.list_topics():
            raise TopicMissing(f"topic {topic!r} does not exist; `ranking-app topics` creates the topics of this app")
        partitions = await self._producer.partitions_for(topic)
        route = self._routes[topic] = _Route(topic, partitions, await max_message_bytes(self._admin, topic))
        return route


@asynccontextmanager
async def batch_sender(options: Mapping[str, Any]) -> AsyncIterator[BatchSender]:
    """A BatchSender, connected with the options of kafka_client.client_options and closed at the end."""
    producer = writer(options, max_batch_size=BATCH_BYTES)
    admin = AIOKafkaAdminClient(**options)
    try:
        try:
            await producer.start()
            await admin.start()
        except KafkaError as exc:
            raise NotAcknowledged(f"the brokers at {options['bootstrap_servers']} do not answer: {exc}") from exc
        yield BatchSender(producer, admin)
    finally:
        for close in (producer.stop, admin.close):
            # Nothing waits for this: what matters was drained, or its loss has been raised.
            with suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(close(), STOP_TIMEOUT_S)
