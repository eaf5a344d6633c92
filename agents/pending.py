"""What waits to be applied: batches of source records, each with the way to acknowledge it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol


class Record(Protocol):
    """A Kafka record as aiokafka gives it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int


class Batch(NamedTuple):
    """Consecutive records of one source partition. role: 0 completed topic, 1 cancelled topic."""

    role: int
    records: Sequence[Record]
    acknowledge: Callable[[], None]
