"""The headers of a dead letter, named and encoded as Spring Kafka does, so that its tools can read them."""

import struct

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
