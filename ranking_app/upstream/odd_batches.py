"""Record batches that brokers take and aiokafka 0.14.0 cannot read: one of them would stop a partition for ever.

Brokers do not look into everything that they store. Two kinds were found by sending them (tests/e2e/test_poison.py):

- header names that are not UTF-8, which librdkafka sends as they are given to it: read as Java does, with U+FFFD;
- bytes after the end of a gzip or lz4 frame: left out, as Java does.

A batch that cannot be read even so becomes one record at its first offset, whose value is the batch as it stands on
the broker: no event, so it goes to the dead-letter topic, and what comes after it is read.

Replaces `MemoryRecords` in aiokafka.consumer.fetcher; tests/upstream fails when its use changes.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

from aiokafka.codec import lz4_decode
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBase, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint_py

UNREADABLE_HEADER = ("kafka-unreadable-batch", b"1")
"""On the record that stands for a batch that cannot be read."""

_LENGTH_AT, _LENGTH_OF_HEAD = 8, 12
_MAGIC_AT = 16
_LZ4_END = b"\x00\x00\x00\x00"


class TolerantRecords:
    """aiokafka's MemoryRecords, whose batches fall back to a careful way of reading."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._records = MemoryRecords(data)
        self._at = 0

    def size_in_bytes(self) -> int:
        """Of the whole fetched data."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether another whole batch follows."""
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        """The next batch, readable in either way."""
        batch, start = self._records.next_batch(), self._at
        (length,) = struct.unpack_from(">i", self._data, start + _LENGTH_AT)
        self._at = start + _LENGTH_OF_HEAD + length
        return TolerantBatch(batch, self._data, start, self._at)


class TolerantBatch:
    """One batch: as aiokafka reads it, or, where that raises, as carefully as can be."""

    def __init__(self, batch: Any, data: bytes, start: int, end: int) -> None:
        self._batch = batch
        self._data = data
        self._span = start, end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except Exception:  # whatever it is: it would come again at every attempt
            start, end = self._span
            return iter(read_carefully(bytes(self._data[start:end])))


def read_carefully(data: bytes) -> list[Any]:
    """The records of one batch; or the one that stands for it where it cannot be read. Raises nothing."""
    batch = _CarefulBatch(data)
    try:  # decode_varint_py: the compiled one reads past the end of its buffer
        batch._maybe_uncompress()
        batch._buffer = _Buffer(batch._buffer)
        return [batch._read_msg(decode_varint_py) for _ in range(batch._num_records)]
    except Exception:
        first = _DefaultRecordPy(batch.base_offset, batch.max_timestamp, 0, None, data, [UNREADABLE_HEADER])
        return [first]


class _CarefulBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    def _maybe_uncompress(self) -> None:
        frame = bytes(self._buffer[self._pos :])
        if self.compression_type == DefaultRecordBase.CODEC_GZIP:
            self._replace(zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(frame))
        elif self.compression_type == DefaultRecordBase.CODEC_LZ4:
            self._replace(_lz4(frame))
        else:
            super()._maybe_uncompress()

    def _replace(self, uncompressed: bytes) -> None:
        self._buffer, self._pos, self._decompressed = bytearray(uncompressed), 0, True


def _lz4(frame: bytes) -> bytes:
    """The first frame. Its end is found by its blocks: each has its length before it, the last one is 0."""
    flags = frame[4]
    at = 7 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
    while frame[at : at + 4] != _LZ4_END:
        (length,) = struct.unpack_from("<I", frame, at)
        at += 4 + (length & 0x7FFFFFFF) + (4 if flags & 0x10 else 0)
    return bytes(lz4_decode(frame[: at + 4 + (4 if flags & 0x04 else 0)]))


class _Buffer(bytearray):
    """Its slices decode to text whatever is in them; everything else is a bytearray's."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _Name(found) if isinstance(index, slice) else found


class _Name(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, "replace")


def read_odd_batches() -> None:
    """From here on every consumer of this process reads them."""
    fetcher.MemoryRecords = TolerantRecords
