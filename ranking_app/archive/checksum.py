"""The checksum of records: xxh3_64 over all that a reader gets of them, independent of Parquet and of compression.

Each record is framed, numbers big-endian: offset and timestamp (8 bytes each), length of key, length of value (4 bytes
each, -1 for null), number of headers (4 bytes), the key, the value, and for each header the two lengths, the name in
UTF-8 and the value. So no two sequences of records have the same bytes.
"""

import struct
from collections.abc import Iterable

from xxhash import xxh3_64

from schemas.record import Record

_HEAD = struct.Struct(">qqiii").pack
_HEADER = struct.Struct(">ii").pack


def framed(records: Iterable[Record]) -> bytes:
    """The bytes that are summed: those of a sequence are those of its parts, joined."""
    parts: list[bytes] = []
    append = parts.append
    for record in records:
        key, value, headers = record.key, record.value, record.headers
        append(_HEAD(record.offset, record.timestamp, _length(key), _length(value), len(headers)))
        append(key or b"")
        append(value or b"")
        for name, content in headers:
            encoded = name.encode()
            append(_HEADER(len(encoded), _length(content)))
            append(encoded)
            append(content or b"")
    return b"".join(parts)


def checksum_text(summed: xxh3_64) -> str:
    """
    >>> checksum_text(xxh3_64())
    'xxh3_64:2d06800538d394c2'
    """
    return f"xxh3_64:{summed.hexdigest()}"


def _length(content: bytes | None) -> int:
    return -1 if content is None else len(content)
