"""Reads partitions of topics from an offset to an end that was named before."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from ranking_app.archive.errors import ArchiveGap, ArchiveInterrupted
from ranking_app.archive.ranges import Span
from ranking_app.errors import TopicMissing
from ranking_app.kafka_client import partitions_of, reader, started
from ranking_app.topics import partition_counts
from ranking_app.upstream.odd_batches import read_odd_batches
from schemas.record import Record

POLL_MS = 1_000
POLL_RECORDS = 5_000
SILENT_POLLS = 30
"""So many empty polls before the end that was named: the brokers do not give what they said they have."""


class Bounds(NamedTuple):
    """What a partition has now. end: all below is committed; where a transaction is open, it ends before that."""

    begin: int
    end: int


class TopicReader:
    """Made by topic_reader()."""

    def __init__(self, consumer: AIOKafkaConsumer, tps: Sequence[TopicPartition]) -> None:
        self._consumer = consumer
        self._tps = tps

    async def bounds(self) -> dict[TopicPartition, Bounds]:
        """Of every partition, in order."""
        tps = list(self._tps)
        begins, ends = await self._consumer.beginning_offsets(tps), await self._consumer.end_offsets(tps)
        return {tp: Bounds(begins[tp], ends[tp]) for tp in tps}

    async def batches(self, tp: TopicPartition, begin: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records of [begin, end). ArchiveInterrupted; ArchiveGap if the brokers delete them meanwhile."""
        consumer, silent = self._consumer, 0
        consumer.assign([tp])
        consumer.seek(tp, begin)
        while (position := await consumer.position(tp)) < end:
            try:
                fetched = await consumer.getmany(tp, timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            except OffsetOutOfRangeError as exc:
                first = (await consumer.beginning_offsets([tp]))[tp]
                raise ArchiveGap(
                    f"{tp.topic} partition {tp.partition}: the brokers deleted offsets {Span(position, first)} while "
                    "they were to be archived; what came before is archived; run the command again"
                ) from exc
            silent = 0 if fetched else silent + 1
            if silent >= SILENT_POLLS:
                raise ArchiveInterrupted(
                    f"{tp.topic} partition {tp.partition} ends at offset {end}, but nothing comes from {position} on"
                )
            records = fetched.get(tp, [])
            if records and records[-1].offset >= end:  # written since: the next run's
                records = [record for record in records if record.offset < end]
            if records:
                yield records


@asynccontextmanager
async def topic_reader(options: Mapping[str, Any], topics: Sequence[str]) -> AsyncIterator[TopicReader]:
    """A reader of all partitions of these topics, closed at the end. TopicMissing, ArchiveInterrupted."""
    read_odd_batches()  # a batch that cannot be read is archived as the worker would see it
    try:
        counts = await partition_counts(topics, options)
        for topic in topics:
            if topic not in counts:
                raise TopicMissing(f"topic {topic!r} does not exist, so there is nothing to archive")
        tps = [tp for topic in topics for tp in partitions_of(topic, counts[topic])]
        # "none": aiokafka would otherwise go on silently behind records that the brokers deleted.
        consumer = reader(options, isolation_level="read_committed", auto_offset_reset="none")
        async with started(consumer):
            yield TopicReader(consumer, tps)
    except KafkaError as exc:
        raise ArchiveInterrupted(f"the brokers at {options['bootstrap_servers']} stopped answering: {exc!r}") from exc
