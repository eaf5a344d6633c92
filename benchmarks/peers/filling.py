"""Fills a topic with a workload, once, and says what a right count of it is."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from benchmarks.peers.workloads import Record, Workload, records
from ranking_app.topics import TopicSpec, ensure_topic

BATCH_BYTES = 512 * 1024


class Sums(NamedTuple):
    """Seats by schedule: each event once, and with its repetitions."""

    once: Counter[str]
    repeated: Counter[str]


@dataclass(frozen=True, slots=True)
class Filled:
    """A workload as it lies on its topic. now_s: what its times count back from."""

    workload: Workload
    topic: str
    partitions: int
    count: int
    now_s: int

    def naive(self, upto: Mapping[int, int] | None = None) -> Sums:
        """A plain count over the same events, of each partition the first upto[partition]; None: all."""
        if upto is None or sum(upto.values()) == self.count:
            return _whole(self)
        return naive(self.records(), upto)

    def records(self) -> Iterator[Record]:
        """The same records again."""
        return records(self.workload, self.count, self.partitions, self.now_s)


@lru_cache(maxsize=1)
def _whole(filled: Filled) -> Sums:
    # Asked for by every peer in turn, and making 1.5 million records again takes its time.
    return naive(filled.records(), None)


def naive(events: Iterable[Record], upto: Mapping[int, int] | None = None) -> Sums:
    """Seats by schedule: every event of these workloads is one seat.

    upto: how many records of each partition count; None for all.
    """
    once: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    place: Counter[int] = Counter()
    for event in events:
        place[event.partition] += 1
        if upto is None or place[event.partition] <= upto.get(event.partition, 0):
            repeated[event.schedule] += 1
            if not event.repeated:
                once[event.schedule] += 1
    return Sums(once, repeated)


async def fill(options: Mapping[str, Any], workload: Workload, partitions: int, count: int) -> Filled:
    """Create the topic of a workload and write all of it."""
    filled = await create(options, workload, partitions, count)
    await write(options, filled)
    return filled


async def create(options: Mapping[str, Any], workload: Workload, partitions: int, count: int) -> Filled:
    """Create the topic; it is empty until `write`."""
    filled = Filled(workload, f"peers-{workload.name}-{partitions}", partitions, count, int(time.time()))
    # Brokers delete by timestamp, and these lie in the past.
    await ensure_topic(TopicSpec(filled.topic, partitions, {"retention.ms": "-1"}), options)
    return filled


async def write(options: Mapping[str, Any], filled: Filled) -> None:
    """Write all records; their timestamps are their event times."""
    compression = filled.workload.compression
    producer = AIOKafkaProducer(**options, acks="all", max_batch_size=BATCH_BYTES, compression_type=compression)
    await producer.start()
    try:
        await _write(producer, filled)
    finally:
        await producer.stop()


async def _write(producer: AIOKafkaProducer, filled: Filled) -> None:
    builders = [producer.create_batch() for _ in range(filled.partitions)]
    waiting = []
    for event in filled.records():
        number = event.partition
        if builders[number].append(timestamp=event.at_ms, key=event.key, value=event.value) is None:
            waiting.append(await producer.send_batch(builders[number], filled.topic, partition=number))
            builders[number] = producer.create_batch()
            builders[number].append(timestamp=event.at_ms, key=event.key, value=event.value)
    for number, builder in enumerate(builders):
        if builder.record_count():
            waiting.append(await producer.send_batch(builder, filled.topic, partition=number))
    for future in waiting:
        await future
