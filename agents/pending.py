"""What waits to be applied: batches of source records, each with the way to acknowledge it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol


class Record(Protocol):
    """A Kafka record as aiokafka gives it."""

    @property
    def offset(self) -> int:
        """Place in its partition."""

    @property
    def key(self) -> bytes | None:
        """As it was published."""

    @property
    def value(self) -> bytes | None:
        """What the publisher sent."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """As they were published."""

    @property
    def timestamp(self) -> int:
        """When it was published, in milliseconds; below 0: unknown."""


class Batch(NamedTuple):
    """Consecutive records of one source partition. role: 0 completed topic, 1 cancelled topic."""

    role: int
    records: Sequence[Record]
    acknowledge: Callable[[], None]
