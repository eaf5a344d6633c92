"""Producers that lose nothing: idempotent, acks=all, again until acknowledged, and a record of what was."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.faults.diary import Diary
from tests.faults.events import Outgoing

BATCH_BYTES = 256 * 1024
TICK_S = 0.02
REQUEST_TIMEOUT_MS = 8_000
"""An answer that does not come within this is asked for again: a cut network must not cost 40 s."""

TURN_RECORDS = 100
RETRY_PAUSE_S = 0.5
STOP_WITHIN_S = 5.0


class Acknowledged(NamedTuple):
    """Records that the brokers confirmed to be at first_offset and after."""

    topic: str
    partition: int
    first_offset: int
    records: list[Outgoing]


class Producer:
    """Sends a stream at its own pace. One lane per partition: one batch on its way, the rest waits in order."""

    def __init__(self, name: str, bootstrap: str, stream: Iterator[Outgoing], diary: Diary) -> None:
        self.name = name
        self.acknowledged: list[Acknowledged] = []
        self.sent_again = 0
        self.unknown = 0
        """Records that may not be sent again and whose acknowledgement was lost: in Kafka or not."""
        self._bootstrap = bootstrap
        self._stream = stream
        self._diary = diary
        self._producer: AIOKafkaProducer | None = None
        self._retired: list[AIOKafkaProducer] = []
        self._renewing = asyncio.Lock()
        self._lanes: dict[tuple[str, int], Lane] = {}

    @property
    def waiting(self) -> int:
        """Records that are due and not yet acknowledged."""
        return sum(lane.waiting for lane in self._lanes.values())

    async def run(self, began_s: float) -> None:
        """Send everything; return when all of it is acknowledged. began_s: time.monotonic() at at_s = 0."""
        self._producer = self._new_producer()
        await self._producer.start()
        try:
            await self._feed(began_s)
            for lane in self._lanes.values():
                await lane.drained()
        finally:
            for lane in self._lanes.values():
                await lane.stop()
            for producer in [*self._retired, self._producer]:
                with contextlib.suppress(TimeoutError, KafkaError):
                    await asyncio.wait_for(producer.stop(), STOP_WITHIN_S)

    async def _feed(self, began_s: float) -> None:
        for number, record in enumerate(self._stream):
            early_s = began_s + record.at_s - time.monotonic()
            if early_s > 0:
                await asyncio.sleep(max(early_s, TICK_S))
            if number % TURN_RECORDS == 0:  # also when behind: others have to get their turn
                await asyncio.sleep(0)
            lane = self._lanes.get((record.topic, record.partition))
            if lane is None:
                lane = self._lanes[record.topic, record.partition] = Lane(self, record.topic, record.partition)
            lane.put(record)

    async def send(self, topic: str, partition: int, records: list[Outgoing]) -> None:
        """One batch, again and again until it is acknowledged."""
        while True:
            producer = self._producer
            try:
                offset = await _send(producer, topic, partition, records)
            except KafkaError as error:
                self._diary.note(f"producer {self.name!r}: {len(records)} records in doubt: {error!r}")
                self.unknown += sum(not record.again for record in records)
                records = [record for record in records if record.again]
                self.sent_again += len(records)
                if not records:
                    return
                await self._renew(producer)
            else:
                self.acknowledged.append(Acknowledged(topic, partition, offset, records))
                return

    async def _renew(self, failed: AIOKafkaProducer) -> None:
        """A new producer for what comes: after an error the sequence numbers of the old one may have a gap.

        The old one goes on with what other lanes gave it, and is stopped at the end.
        """
        async with self._renewing:
            while self._producer is failed:
                fresh = self._new_producer()
                try:
                    await fresh.start()
                except (KafkaError, OSError):
                    await fresh.stop()
                    await asyncio.sleep(RETRY_PAUSE_S)
                else:
                    self._retired.append(failed)
                    self._producer = fresh

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=2 * BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, records: list[Outgoing]) -> int:
    """The offset of the first of them. KafkaError: they may be in Kafka or not."""
    batch = producer.create_batch()
    for record in records:
        added = batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))
        assert added is not None, "a batch is cut to what fits"
    batch.close()
    sent = await (await producer.send_batch(batch, topic, partition=partition))
    return int(sent.offset)


class Lane:
    """What goes to one partition, in order."""

    def __init__(self, producer: Producer, topic: str, partition: int) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._queue: deque[Outgoing] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._on_its_way = 0
        self._task = asyncio.create_task(self._run())

    @property
    def waiting(self) -> int:
        """Records not yet acknowledged."""
        return len(self._queue) + self._on_its_way

    def put(self, record: Outgoing) -> None:
        """Send it after those before it."""
        self._queue.append(record)
        self._idle.clear()
        self._wake.set()

    async def drained(self) -> None:
        """Return when all is acknowledged; raises what ended the lane."""
        idle = asyncio.create_task(self._idle.wait())
        await asyncio.wait([idle, self._task], return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """End it, whatever still waits."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            while self._queue:
                records = self._take()
                self._on_its_way = len(records)
                await self._producer.send(self._topic, self._partition, records)
                self._on_its_way = 0
            self._idle.set()
            self._wake.clear()
            await self._wake.wait()

    def _take(self) -> list[Outgoing]:
        records = [self._queue.popleft()]
        size = len(records[0].value or b"")
        while self._queue and size + len(self._queue[0].value or b"") + 100 <= BATCH_BYTES:
            records.append(self._queue.popleft())
            size += len(records[-1].value or b"") + 100
        return records


def count_acknowledged(producers: Iterable[Producer]) -> int:
    """Records confirmed so far."""
    return sum(len(batch.records) for producer in producers for batch in producer.acknowledged)
