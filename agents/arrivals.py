"""When records arrived: the clock of the duplicate rule and of the limit on future times (contract, Identity).

A partition that is followed live goes by the wall clock. One that is rebuilt from history goes by the timestamps that
the records got when they were published: by the wall clock an event that was a duplicate only for a day would be one
for ever, and one that was too far in the future then would not be any more.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from ranking_app.clock import Clock

SPAN_MS = 60_000
"""Records that arrived within so long of each other count as having arrived together, at the time of the last."""


class Stamped(Protocol):
    """What is used of a record."""

    @property
    def timestamp(self) -> int:
        """When it was published, in milliseconds; below 0: unknown."""


R = TypeVar("R", bound=Stamped)


class Arrivals(Protocol):
    """The clock of one source of an owned partition."""

    def now_ms(self) -> int:
        """When the newest of the records so far arrived."""
        ...

    def together_ms(self, records: Sequence[Stamped]) -> int | None:
        """When records that are still to come will have arrived, within SPAN_MS; None: not yet known, or not together.

        Nothing is kept of it.
        """
        ...

    def slices(self, records: Sequence[R]) -> Iterator[tuple[int, Sequence[R]]]:
        """The records in their order, with the time at which they arrived."""
        ...


class WallArrivals:
    """Records arrive when they are counted, or begun with for that."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now_ms(self) -> int:
        """The wall clock."""
        return self._clock.now_ms()

    def together_ms(self, records: Sequence[Stamped]) -> int:
        """Soon is now."""
        return self._clock.now_ms()

    def slices(self, records: Sequence[R]) -> Iterator[tuple[int, Sequence[R]]]:
        """All together, now."""
        yield self._clock.now_ms(), records


class RecordArrivals:
    """Records arrived when they were published, and never before those that came before them.

    >>> from collections import namedtuple; from ranking_app.clock import ManualClock
    >>> R = namedtuple("R", "timestamp")
    >>> arrivals = RecordArrivals(ManualClock(10**9))
    >>> [(at, len(part)) for at, part in arrivals.slices([R(0), R(59_000), R(61_000), R(30_000), R(200_000)])]
    [(59000, 2), (61000, 2), (200000, 1)]
    >>> arrivals.together_ms([R(200_000), R(260_000)]), arrivals.together_ms([R(200_000), R(260_001)])
    (260000, None)
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest_ms = 0

    def now_ms(self) -> int:
        """The newest timestamp so far; it is never ahead of the wall clock."""
        return self._newest_ms

    def together_ms(self, records: Sequence[Stamped]) -> int | None:
        """The newest timestamp, where all of them are in one minute."""
        return self._together([record.timestamp for record in records], self._clock.now_ms())

    def slices(self, records: Sequence[R]) -> Iterator[tuple[int, Sequence[R]]]:
        """Cut where the time moves on by more than SPAN_MS."""
        wall_ms = self._clock.now_ms()
        if (together_ms := self._together([record.timestamp for record in records], wall_ms)) is not None:
            self._newest_ms = together_ms
            yield together_ms, records
            return
        start, began_ms = 0, 0
        for index, record in enumerate(records):
            known_ms = record.timestamp if record.timestamp >= 0 else wall_ms
            at_ms = max(min(known_ms, wall_ms), self._newest_ms)
            if index == 0:
                began_ms = at_ms
            elif at_ms - began_ms > SPAN_MS:
                yield self._newest_ms, records[start:index]
                start, began_ms = index, at_ms
            self._newest_ms = at_ms
        if records:
            yield self._newest_ms, records[start:]

    def _together(self, times_ms: Sequence[int], wall_ms: int) -> int | None:
        """The usual case, in which nothing is to be cut: when all arrived. None: look at each."""
        if not times_ms or min(times_ms) < 0:
            return None
        newest_ms = max(*times_ms, self._newest_ms)
        within = newest_ms - max(times_ms[0], self._newest_ms) <= SPAN_MS
        return newest_ms if within and newest_ms <= wall_ms else None
