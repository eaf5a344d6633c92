"""What is read of a Kafka record, whoever gives it: the brokers through aiokafka, an archive, or a test."""

from collections.abc import Sequence
from typing import Protocol


class Record(Protocol):
    """A record as it is on its topic; the topic and the partition are known to whoever holds it."""

    @property
    def offset(self) -> int:
        """Place in its partition."""
        ...

    @property
    def key(self) -> bytes | None:
        """As it was published; None where there is none."""
        ...

    @property
    def value(self) -> bytes | None:
        """What the publisher sent; None: a tombstone."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """In the publisher's order; Kafka lets a value be null, too."""
        ...

    @property
    def timestamp(self) -> int:
        """When it was published, in milliseconds since the epoch; below 0: unknown."""
        ...
