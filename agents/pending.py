"""What waits to be applied: batches of source records, each with the way to acknowledge it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.record import Record


class Batch(NamedTuple):
    """Consecutive records of one source partition. role: 0 completed topic, 1 cancelled topic."""

    role: int
    records: Sequence[Record]
    acknowledge: Callable[[], None]
