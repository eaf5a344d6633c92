"""Bringing a local store up to its changelog: a plain reader, large fetches, one RocksDB write per fetch."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from ranking_app.rankings.panes import applied_of
from ranking_app.topics import DAY_MS
from tables.layout import PANE, POSITION
from tables.position import Position
from tables.store import Pair, PartitionStore

FETCH_RECORDS = 50_000


STORE_MAX_AGE_MS = DAY_MS - 3_600_000
"""A store last written longer ago than this is read anew. A changelog keeps tombstones for a day after compaction
(delete.retention.ms): an older store could miss one and keep what was deleted."""


async def restore(
    consumer: AIOKafkaConsumer, stores: dict[TopicPartition, PartitionStore], now_ms: int, log: Any
) -> int:
    """Read each changelog partition from where its store stands to the end it has now; returns the record count.

    consumer: without a group, not yet assigned. now_ms: wall clock. A store that cannot be caught up (too old, or
    ahead of the changelog, which was another topic of the same name) is emptied and read from the beginning.
    """
    if not stores:
        return 0
    started = time.monotonic()
    partitions = list(stores)
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    begins = await consumer.beginning_offsets(partitions)
    for tp, store in stores.items():
        reason = why_anew(store, ends[tp], now_ms)
        if reason is not None:
            log.warning("store_read_anew", partition=tp.partition, reason=reason)
            store.clear()
        last = store.changelog_offset
        consumer.seek(tp, begins[tp] if last is None else max(last + 1, begins[tp]))
    count = await _read_to(consumer, stores, ends)
    for tp, store in stores.items():
        if store.changelog_offset != ends[tp] - 1 and ends[tp] > 0:
            store.write([], ends[tp] - 1)  # the last records of a compacted topic may be gone: no gap for the writer
        store.write_waiting()
    log.info(
        "tables_restored",
        partitions=[tp.partition for tp in partitions],
        records=count,
        seconds=round(time.monotonic() - started, 3),
    )
    return count


def why_anew(store: PartitionStore, end: int, now_ms: int) -> str | None:
    """Why a store cannot be caught up with a changelog that ends (exclusive) at `end`; None if it can."""
    last = store.changelog_offset
    if last is None:
        return None
    if last >= end:
        return f"it stands at changelog offset {last}, the changelog ends at {end}"
    if last == end - 1:
        return None  # it has every record, so it has missed no tombstone, however long ago that was
    written = (Position.decode(value).written_at_ms for _, value in store.scan(POSITION))
    # Without a position, or with one that only names an owner, it holds nothing that could be deleted.
    written_at_ms = max(filter(None, written), default=now_ms)
    if written_at_ms < now_ms - STORE_MAX_AGE_MS:
        return f"it was last written {(now_ms - written_at_ms) // 3_600_000} hours ago"
    return None


async def _read_to(
    consumer: AIOKafkaConsumer, stores: dict[TopicPartition, PartitionStore], ends: dict[TopicPartition, int]
) -> int:
    count = 0
    left = {tp for tp in stores if await consumer.position(tp) < ends[tp]}
    while left:
        for tp, records in (await consumer.getmany(*left, timeout_ms=1000, max_records=FETCH_RECORDS)).items():
            stores[tp].write(newest_pairs(records, stores[tp].get), records[-1].offset)
            count += len(records)
        left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    return count


def newest_pairs(records: Sequence[Any], stored: Callable[[bytes], bytes | None]) -> list[Pair]:
    """The last value of each key, except where a stale owner wrote an older one over it (invariant 4)."""
    newest: dict[bytes, bytes | None] = {}
    for record in records:
        key, value = record.key, record.value
        if value is not None and key[:1] in (PANE, POSITION):
            before = newest[key] if key in newest else stored(key)
            if before is not None and _progress(key, before) > _progress(key, value):
                continue
        newest[key] = value
    return list(newest.items())


def _progress(key: bytes, value: bytes) -> int:
    """How far the source was applied when this value was written: it never goes down."""
    return applied_of(value) if key[:1] == PANE else Position.decode(value).next_offset
