"""The headers of a dead letter, named and encoded as Spring Kafka does, so that its tools can read them."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

PREFIX = "kafka_dlt-"

MAX_MESSAGE_CHARS = 1_000
"""Our own messages are far shorter. A dead-letter topic takes only so much more than its source topic."""


def dead_letter_headers(
    topic: str, partition: int, offset: int, timestamp_ms: int, group: str, error_fqcn: str, message: str
) -> list[tuple[str, bytes]]:
    """To be added to the headers of the original record, which topic, partition, offset and timestamp_ms describe.

    Integers are big-endian, the partition 4 bytes, offset and timestamp 8 (signed: a record may have no timestamp,
    -1); everything else is UTF-8.

    >>> dict(dead_letter_headers("t", 1, 2, 3, "g", "ranking_app.errors.NotJson", "m"))["kafka_dlt-original-partition"]
    b'\\x00\\x00\\x00\\x01'
    """
    return [
        (PREFIX + "original-topic", topic.encode()),
        (PREFIX + "original-partition", struct.pack(">i", partition)),
        (PREFIX + "original-offset", struct.pack(">q", offset)),
        (PREFIX + "original-timestamp", struct.pack(">q", timestamp_ms)),
        (PREFIX + "original-consumer-group", group.encode()),
        (PREFIX + "exception-fqcn", error_fqcn.encode()),
        (PREFIX + "exception-message", message[:MAX_MESSAGE_CHARS].encode(errors="backslashreplace")),
    ]


CUT_FROM = PREFIX + "original-value-bytes"
"""Only on a letter that was cut because its topic takes no larger one: how long the value was. Signed, 8 bytes."""

_OWN = frozenset(name for name, _ in dead_letter_headers("", 0, 0, 0, "", "", "")) | {CUT_FROM}

Header = tuple[str, bytes | None]


class Origin(NamedTuple):
    """What the headers of a dead letter say of its original. cut_from: bytes of a value that was cut, else None."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    group: str
    error: str
    message: str
    cut_from: int | None


def cut_header(value_bytes: int) -> tuple[str, bytes]:
    """The header of a letter whose value had value_bytes and had to be cut; it comes before the others."""
    return CUT_FROM, struct.pack(">q", value_bytes)


def read_dead_letter_headers(headers: Sequence[Header]) -> tuple[Origin, list[Header]] | None:
    """What the headers say, and those that the original had itself. None where they are not a dead letter's.

    The original may have been a dead letter, too, with headers of the same names: the last of each name is ours.

    >>> origin, others = read_dead_letter_headers([("a", b"1"), *dead_letter_headers("t", 1, 2, 3, "g", "e", "m")])
    >>> origin.topic, origin.offset, others
    ('t', 2, [('a', b'1')])
    """
    last = {name: index for index, (name, _) in enumerate(headers) if name in _OWN}
    found = {name.removeprefix(PREFIX): headers[index][1] or b"" for name, index in last.items()}
    try:
        origin = Origin(
            topic=found["original-topic"].decode(errors="replace"),
            partition=struct.unpack(">i", found["original-partition"])[0],
            offset=struct.unpack(">q", found["original-offset"])[0],
            timestamp_ms=struct.unpack(">q", found["original-timestamp"])[0],
            group=found["original-consumer-group"].decode(errors="replace"),
            error=found["exception-fqcn"].decode(errors="replace"),
            message=found["exception-message"].decode(errors="replace"),
            cut_from=struct.unpack(">q", found["original-value-bytes"])[0] if CUT_FROM in last else None,
        )
    except (KeyError, struct.error):
        return None
    own = set(last.values())
    return origin, [header for index, header in enumerate(headers) if index not in own]
