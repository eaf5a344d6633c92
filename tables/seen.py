"""The memory of event ids: which ids of a source partition have been counted within RANKING_DEDUPE_HOURS.

Exact (128-bit digests), bounded in memory, and as durable as the panes:

- the changelog gets one packed record per flush (20 bytes an id), in the same record batch as the panes;
- in memory, the newest ids are in a dict (tables.hot_ids); when these are many they are frozen into a sorted run in the
  store, and a Bloom filter (tables.bloom) keeps nearly every new id from being looked up there;
- ids expire by whole segments of half the memory's length: their records get tombstones, their runs go.

Runs exist only in the local store: they are derived from the packed records, and made again when those are restored.
Measured per id on the development machine: digest 0.3 us, dict 0.3 us, Bloom 0.5 us, against 2.7 us for one RocksDB
key per id (docs/decisions/0005).

Freezing 131,072 ids takes some 60 ms, and all partitions of a topic come to it at the same time. So it is done in
steps, as the ids that follow come; until the last of them, the ids are found where they were.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ranking_app.rankings.event_ids import DIGEST_BYTES, split_digests
from tables.bloom import BloomFilter
from tables.hot_ids import PARTS, Column, HotIds, Rows
from tables.layout import parse_seen_segment, seen_key, seen_prefix

HOT_IDS = 131_072
"""Ids kept in the dict: retries come within seconds. About 20 MiB per source partition at the most, and as much again
while they are frozen."""

FREEZE_STEPS = 150
"""So many steps of freezing, of some half a millisecond, are done while as many ids come again. It takes 65 for each
segment that the ids are of; where they are of more than two, the rest is done at once."""

CHUNK_IDS = 1024
"""A run is stored in chunks of this many ids (32 KiB): one look-up reads one chunk."""

SEGMENTS_IN_MEMORY_LENGTH = 2
"""A segment is half the memory's length, so that ids are kept for at most one and a half times that long."""

NO_PART = 255
"""In place of the part of an id that is of another segment."""

NO_ROWS: Rows = np.empty((0, 4), np.uint64)

_HEAD = struct.Struct("<QI")
_RUN_HEAD = struct.Struct(">cBHQQI")


class IdStore(Protocol):
    """What the memory needs of the local store of its partition."""

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All pairs whose key begins with prefix, in the order of keys."""
        ...

    def put_many(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Write local pairs (not to the changelog)."""
        ...

    def delete_prefix(self, prefix: bytes) -> None:
        """Delete local pairs whose key begins with prefix."""
        ...


@dataclass(frozen=True, slots=True)
class SeenBatch:
    """What one batch did to the memory; nothing is remembered until `SeenIds.remember` takes it."""

    duplicates: frozenset[int]
    """Source offsets that repeat an id."""
    key: bytes | None
    """The changelog record with the new ids; None where there are none."""
    value: bytes
    digests: list[bytes]
    offsets: list[int]
    arrival_ms: int


@dataclass(slots=True)
class _Run:
    """A sorted run in the store: the first half-digest of each chunk, in memory, tells which chunk to read."""

    number: int
    fences: npt.NDArray[np.uint64]


class _Segment:
    """The frozen ids of one segment: its runs and their filter."""

    def __init__(self) -> None:
        self.filter = BloomFilter()
        self.runs: list[_Run] = []


class SeenIds:
    """The ids of one source partition. One owner, one writer; not thread-safe.

    keep_ms: how long an id is remembered from its first arrival.
    """

    def __init__(self, store: IdStore, role: int, partition: int, keep_ms: int, hot_ids: int = HOT_IDS) -> None:
        self._store = store
        self._role = role
        self._partition = partition
        self._keep_ms = keep_ms
        self._segment_ms = max(keep_ms // SEGMENTS_IN_MEMORY_LENGTH, 1)
        self._hot_limit = hot_ids
        self._hot = HotIds()
        self._cooling = HotIds()
        """Those that are being frozen."""
        self._freezing: Iterator[None] = iter(())
        """The steps that are left."""
        self._steps_due = 0.0
        """Earned by the ids that came; below 1 between two batches."""
        self._segments: dict[int, _Segment] = {}
        self._next_run = 0
        self._load()

    def check(self, offsets: list[int], digests: list[bytes], arrival_ms: int) -> SeenBatch:
        """Which of these ids (rankings.event_ids), at these source offsets, repeat one of the batch or before it.

        An id seen at the same offset is that event again, not a duplicate. arrival_ms: wall clock of the batch.
        """
        suspects = self._suspects(digests)
        if len(set(digests)) == len(digests) and not any(
            self._known(digests[index], offsets[index], arrival_ms) for index in suspects
        ):
            return self._batch(frozenset(), digests, offsets, arrival_ms)
        return self._check_one_by_one(offsets, digests, suspects, arrival_ms)

    def remember(self, batch: SeenBatch) -> None:
        """Take over what check() found, after the changelog has it."""
        self._hot.add(batch.digests, batch.offsets, batch.arrival_ms)
        self._steps_due += len(batch.digests) * FREEZE_STEPS / self._hot_limit
        steps = int(self._steps_due)
        self._steps_due -= steps
        self._freeze_some(steps)

    def expired_records(self, now_ms: int) -> list[bytes]:
        """Keys of packed records whose whole segment is too old; call forget() once their tombstones are written."""
        oldest = self._oldest_segment(now_ms)
        keys = []
        for key, _ in self._store.scan(seen_prefix(self._role, self._partition)):
            if parse_seen_segment(key) >= oldest:
                break  # keys are sorted by segment
            keys.append(key)
        return keys

    def forget(self, now_ms: int) -> None:
        """Drop the runs and filters of segments that are too old."""
        gone = [number for number in self._segments if number < self._oldest_segment(now_ms)]
        if gone:
            self._freeze_some(None)  # what is being frozen may be of one of these
        for number in gone:
            del self._segments[number]
            self._store.delete_prefix(self._run_prefix(number))

    @property
    def size_bytes(self) -> int:
        """Memory of the filters, in bytes."""
        return sum(segment.filter.size_bytes for segment in self._segments.values())

    def _suspects(self, digests: list[bytes]) -> set[int]:
        """Indices that may be known: those in memory, and those that a filter cannot rule out."""
        suspects = set(self._hot.among(digests))
        if self._cooling:
            suspects.update(self._cooling.among(digests))
        if self._segments and digests:
            hashes = np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 2)
            for segment in self._segments.values():
                suspects.update(segment.filter.perhaps_seen(hashes).tolist())
        return suspects

    def _check_one_by_one(
        self, offsets: list[int], digests: list[bytes], suspects: set[int], arrival_ms: int
    ) -> SeenBatch:
        duplicates: set[int] = set()
        fresh: dict[bytes, int] = {}
        for index, (offset, digest) in enumerate(zip(offsets, digests, strict=True)):
            known = self._known(digest, offset, arrival_ms) if index in suspects else False
            if known or digest in fresh:
                duplicates.add(offset)
            else:
                fresh[digest] = offset
        return self._batch(frozenset(duplicates), list(fresh), list(fresh.values()), arrival_ms)

    def _known(self, digest: bytes, offset: int, arrival_ms: int) -> bool:
        stamps = [*self._hot.stamps(digest)] or [*self._cooling.stamps(digest)] or self._in_runs(digest)
        return any(at != offset and arrival_ms - came_ms <= self._keep_ms for at, came_ms in stamps)

    def _in_runs(self, digest: bytes) -> Iterator[tuple[int, int]]:
        first, second = np.frombuffer(digest, dtype="<u8")
        for number, segment in self._segments.items():
            for run in segment.runs:
                # Equal first halves may straddle chunks: start with the last chunk that begins below.
                chunk = max(int(np.searchsorted(run.fences, first, side="left")) - 1, 0)
                while chunk < len(run.fences) and run.fences[chunk] <= first:
                    rows = self._chunk(number, run.number, chunk)
                    for row in rows[(rows[:, 0] == first) & (rows[:, 1] == second)]:
                        yield int(row[2]), int(row[3])
                    chunk += 1

    def _batch(
        self, duplicates: frozenset[int], digests: list[bytes], offsets: list[int], arrival_ms: int
    ) -> SeenBatch:
        if not digests:
            return SeenBatch(duplicates, None, b"", [], [], arrival_ms)
        segment = arrival_ms // self._segment_ms
        key = seen_key(self._role, self._partition, segment, offsets[0], offsets[-1])
        return SeenBatch(duplicates, key, pack_ids(digests, offsets, arrival_ms), digests, offsets, arrival_ms)

    def _freeze_some(self, steps: int | None) -> None:
        """Do some of the steps that are left, None: all; begin anew where there are enough ids."""
        for _ in islice(self._freezing, steps):
            pass
        if len(self._hot) >= self._hot_limit:
            for _ in self._freezing:
                pass
            if self._cooling:
                raise RuntimeError("ids were not frozen: a step before has failed, and somebody went on")
            self._hot, self._cooling = HotIds(), self._hot
            self._freezing = self._freeze()

    def _freeze(self) -> Iterator[None]:
        """Move what is cooling into sorted runs in the store, one per segment."""
        parts = self._cooling.parts()
        segments = self._cooling.arrivals_ms() // np.uint64(self._segment_ms)
        several = (segments != segments[0]).any()
        yield
        for number in np.unique(segments).tolist() if several else [int(segments[0])]:
            yield from self._write_run(number, np.where(segments == number, parts, NO_PART) if several else parts)
        self._cooling = HotIds()

    def _write_run(self, number: int, parts: npt.NDArray[np.uint8]) -> Iterator[None]:
        """Those that are in a part, part by part: sorting all at once has everybody wait."""
        run, chunks = self._next_run, 0
        self._next_run += 1
        segment = self._segments.setdefault(number, _Segment())
        fences, rows = list[Column](), NO_ROWS
        for part in range(PARTS):
            more = self._cooling.sorted_rows(np.flatnonzero(parts == part))
            segment.filter.add(more[:, :2])
            rows = np.vstack((rows, more))
            end = len(rows) if part == PARTS - 1 else len(rows) // CHUNK_IDS * CHUNK_IDS
            written = [rows[at : min(at + CHUNK_IDS, end)] for at in range(0, end, CHUNK_IDS)]
            keys = (self._run_key(number, run, chunks + n) for n in range(len(written)))
            self._store.put_many(zip(keys, (chunk.tobytes() for chunk in written), strict=True))
            fences.append(rows[:end:CHUNK_IDS, 0].copy())
            rows, chunks = rows[end:], chunks + len(written)
            yield
        segment.runs.append(_Run(run, np.concatenate(fences)))

    def _load(self) -> None:
        """Make dict, runs and filters again from the packed records, after a restart or a restore.

        Runs are made anew rather than read: they cost a sort, and nothing has to be kept consistent with a crash.
        """
        self._store.delete_prefix(self._own_runs())
        for _, value in self._store.scan(seen_prefix(self._role, self._partition)):
            arrival_ms, digests, offsets = unpack_ids(value)
            self._hot.add(digests, offsets, arrival_ms)
            self._freeze_some(FREEZE_STEPS)

    def _chunk(self, segment: int, run: int, index: int) -> Rows:
        value = self._store.get(self._run_key(segment, run, index))
        if value is None:
            raise LookupError(f"run {run} of segment {segment} has no chunk {index}: the local store is damaged")
        return np.frombuffer(value, dtype=np.uint64).reshape(-1, 4)

    def _oldest_segment(self, now_ms: int) -> int:
        """The first segment that may still hold an id young enough to matter."""
        return (now_ms - self._keep_ms) // self._segment_ms

    def _own_runs(self) -> bytes:
        return struct.pack(">cBH", b"r", self._role, self._partition)

    def _run_prefix(self, segment: int) -> bytes:
        return struct.pack(">cBHQ", b"r", self._role, self._partition, segment)

    def _run_key(self, segment: int, run: int, chunk: int) -> bytes:
        return _RUN_HEAD.pack(b"r", self._role, self._partition, segment, run, chunk)


def pack_ids(digests: Sequence[bytes], offsets: Sequence[int], arrival_ms: int) -> bytes:
    """The changelog value of the ids of one flush: arrival, count, digests, then offsets from the first one.

    >>> unpack_ids(pack_ids([b"0123456789abcdef"], [7], 1000))
    (1000, [b'0123456789abcdef'], [7])
    """
    return b"".join((_HEAD.pack(arrival_ms, len(digests)), *digests, np.asarray(offsets, dtype="<u8").tobytes()))


def unpack_ids(value: bytes) -> tuple[int, list[bytes], list[int]]:
    """(arrival in ms, digests, source offsets): the inverse of pack_ids."""
    arrival_ms, count = _HEAD.unpack_from(value)
    end = _HEAD.size + DIGEST_BYTES * count
    return arrival_ms, split_digests(value[_HEAD.size : end]), np.frombuffer(value, dtype="<u8", offset=end).tolist()
