"""Reads a topic to its end, and dead letters with their headers decoded as Spring Kafka wrote them."""

import asyncio
import struct
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

READ_TIMEOUT_S = 60.0


class DeadLetter(NamedTuple):
    """A record of a dead-letter topic and what its headers say of the original."""

    partition: int
    key: bytes | None
    value: bytes | None
    original_topic: str
    original_partition: int
    original_offset: int
    original_timestamp_ms: int
    original_group: str
    exception: str
    message: str
    other_headers: tuple[tuple[str, bytes], ...]

    @property
    def position(self) -> tuple[str, int, int]:
        """Topic, partition and offset of the original: the identity of a dead letter."""
        return self.original_topic, self.original_partition, self.original_offset


def read_dead_letters(bootstrap: str, topics: Sequence[str]) -> list[DeadLetter]:
    """All dead letters of these source topics."""
    return [dead_letter(record) for topic in topics for record in read_topic(bootstrap, f"{topic}-dlt")]


def dead_letter(record: "ConsumerRecord[bytes, bytes]") -> DeadLetter:
    """KeyError for a header that is missing, struct.error for one that is encoded in another way."""
    headers = dict(record.headers)
    (partition,) = struct.unpack(">i", headers.pop("kafka_dlt-original-partition"))
    (offset,) = struct.unpack(">q", headers.pop("kafka_dlt-original-offset"))
    (timestamp_ms,) = struct.unpack(">q", headers.pop("kafka_dlt-original-timestamp"))
    return DeadLetter(
        record.partition,
        record.key,
        record.value,
        headers.pop("kafka_dlt-original-topic").decode(),
        partition,
        offset,
        timestamp_ms,
        headers.pop("kafka_dlt-original-consumer-group").decode(),
        headers.pop("kafka_dlt-exception-fqcn").decode(),
        headers.pop("kafka_dlt-exception-message").decode(),
        tuple(headers.items()),
    )


def read_topic(bootstrap: str, topic: str) -> "list[ConsumerRecord[bytes, bytes]]":
    """Every committed record of a topic, in order per partition."""
    return asyncio.run(asyncio.wait_for(_read_topic(bootstrap, topic), READ_TIMEOUT_S))


async def _read_topic(bootstrap: str, topic: str) -> "list[ConsumerRecord[bytes, bytes]]":
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()  # without a group it has all partitions of the topic from here on
    records: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = {}
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        for partition, end in sorted(ends.items()):
            while await consumer.position(partition) < end:
                for source, found in (await consumer.getmany(timeout_ms=200)).items():
                    records.setdefault(source, []).extend(found)
    finally:
        await consumer.stop()
    return [record for partition in sorted(records) for record in records[partition]]
