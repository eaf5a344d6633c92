"""Record batches that no well-behaved producer sends, as bytes and onto a topic."""

import struct
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBase, _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
LARGEST_BYTES = 16 * 1024 * 1024

Mangle = Callable[[bytearray], bytearray]


class RawName(str):
    """A header name of any bytes, for aiokafka's builder in Python."""

    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> "RawName":
        name = cls("raw")
        name.raw = raw
        return name

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self.raw


class OddBatch(BatchBuilder):  # type: ignore[misc]
    """A batch that is changed after it was built, and then given the right length and checksum again."""

    def __init__(self, codec: int = 0, mangle: Mangle | None = None) -> None:
        super().__init__(LARGEST_BYTES, codec)
        self._buffer: bytearray | None = None
        self._builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, 0, LARGEST_BYTES)
        self._mangle = mangle

    def add(self, value: bytes | None, key: bytes | None = None, headers: list[tuple[str, Any]] | None = None) -> None:
        assert self.append(timestamp=None, key=key, value=value, headers=headers or []) is not None

    def _build(self) -> bytearray:
        self.close()
        if self._buffer is None:
            data = bytearray(self._builder.build())
            if self._mangle is not None:
                data = self._mangle(data)
                struct.pack_into(">i", data, 8, len(data) - 12)
                checksum = calc_crc32c(bytes(data[DefaultRecordBase.ATTRIBUTES_OFFSET :]))
                struct.pack_into(">I", data, DefaultRecordBase.CRC_OFFSET, checksum)
            self._buffer = data
            del self._builder
        return self._buffer


def with_junk_behind(data: bytearray) -> bytearray:
    """Bytes after the end of a compressed frame; brokers take them after gzip and lz4."""
    return data + b"junk behind the frame"


async def send_odd(producer: AIOKafkaProducer, topic: str, partition: int, batch: BatchBuilder) -> None:
    """Send one batch and wait. producer: not idempotent, since these batches carry no sequence number."""
    batch.close()
    await (await producer.send_batch(batch, topic, partition=partition))
