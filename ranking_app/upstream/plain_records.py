"""Fetched records as aiokafka's parser makes them, without a second object around each.

aiokafka 0.14.0 copies every parsed record into a ConsumerRecord of eleven fields. That copy was an eighth of a busy
worker's time (docs/benchmarks.md), and what it adds is known to whoever asked: getmany gives the records by partition.
A consumer made with `key_deserializer=plain_records` gets the parser's own records: offset, timestamp in ms,
timestamp_type, key, value and headers. Every other consumer of the process gets what it always got.

Replaces a private method, PartitionRecords._consumer_record; tests/upstream fails when it changes.
"""

from typing import Any

from aiokafka.consumer.fetcher import PartitionRecords

_with_topic_and_sizes = PartitionRecords._consumer_record


def plain_records(key: bytes | None) -> bytes | None:
    """Marks a consumer whose records shall be plain; never called for one."""
    return key


def _consumer_record(self: Any, tp: Any, record: Any) -> Any:
    return record if self._key_deserializer is plain_records else _with_topic_and_sizes(self, tp, record)


PartitionRecords._consumer_record = _consumer_record
