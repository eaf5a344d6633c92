"""The source partitions as the read model sees them: how far each is applied, by whom, how fast, how far behind.

Fed by the follower with positions from the changelog and the ends that the brokers tell; does no I/O of its own.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from ranking_app.clock import Clock
from ranking_app.read_model.rates import Rate
from ranking_app.settings import BASE
from tables.position import Position

STALE_AFTER_MS = 3_000
"""A partition that has lag and does not move for this long, or whose end is not known for this long, is stale."""


class SourceKey(NamedTuple):
    """A source partition by role (0 completed, 1 cancelled, 2 catalogue) and number."""

    role: int
    partition: int


CATALOGUE = SourceKey(2, 0)

LINE_TOPICS = ("archived lines (completed)", "archived lines (cancelled)")
"""In place of topics, for what a backfill took from NDJSON files (tables.panes.LINE_ROLES)."""


@dataclass(frozen=True, slots=True)
class PartitionState:
    """How far one source partition is in this answer. offset: next to be applied; lag: records behind the end."""

    topic: str
    partition: int
    offset: int
    lag: int
    watermark_ms: int | None


@dataclass(frozen=True, slots=True)
class Completeness:
    """What an answer covers, and whether it can still change (contract, HTTP)."""

    complete: bool
    final: bool
    late: int
    duplicates: int
    dead_letters: int
    partitions: tuple[PartitionState, ...]
    generation: str = BASE
    """Which tables it was answered from."""


class SourceActivity(NamedTuple):
    """One reservation partition as an operator looks at it: where it stands, its last position, its speed."""

    state: PartitionState
    position: Position
    events_per_second: float


class Sources:
    """All source partitions. topics: completed, cancelled, catalogue; times in milliseconds.

    partitions: of the tables. A reservation topic counts as having as many until `exist` says otherwise.
    """

    def __init__(
        self, topics: tuple[str, str, str], partitions: int, *, grace_ms: int, idle_ms: int, clock: Clock
    ) -> None:
        self._topics = topics
        self._grace_ms = grace_ms
        self._idle_ms = idle_ms
        self._clock = clock
        self._partitions = partitions
        self._existing: dict[int, int] = {}
        self._reservations = self._listed()
        self._positions: dict[SourceKey, Position] = {}
        self._rates: defaultdict[SourceKey, Rate] = defaultdict(Rate)
        self._ends: dict[SourceKey, tuple[int, int]] = {}
        self._moved_at_ms: dict[SourceKey, int] = {}
        self._ends_at_ms: dict[SourceKey, int] = {}
        self._catalogue_offset = 0
        self.newest_ms: int | None = None
        """The newest event time counted."""

    def reservations(self) -> list[SourceKey]:
        """The reservation partitions that exist, completed first."""
        return list(self._reservations)

    def topic_of(self, source: SourceKey) -> str:
        """The name of a source's topic."""
        return (*self._topics, *LINE_TOPICS)[source.role]

    def position(self, source: SourceKey) -> Position:
        """The position of a reservation partition as the changelog has it."""
        return self._positions.get(source) or Position()

    def positions(self) -> dict[SourceKey, Position]:
        """Every known position, as of this moment."""
        return dict(self._positions)

    # --- what comes in ---

    def apply_position(self, source: SourceKey, position: Position) -> bool:
        """A position from the changelog. False, and nothing is changed, if it is behind the one known."""
        before = self.position(source)
        if position.next_offset < before.next_offset:
            return False
        now_ms = self._clock.now_ms()
        self._positions[source] = position
        if position.next_offset and source.role in (0, 1) and source not in self._reservations:
            # Somebody counts a partition that was not asked for yet: what is in answers is listed in them.
            self.exist(source.role, source.partition + 1)
            self.set_end(source, 0, position.next_offset)
        if position.next_offset > before.next_offset:  # one that only names a new owner moves nothing
            self._moved_at_ms[source] = now_ms
        if position.watermark_ms is not None:
            self.newest_ms = max(self.newest_ms or position.watermark_ms, position.watermark_ms)
        self._rates[source].saw(position.counted, position.written_at_ms)
        return True

    def exist(self, role: int, count: int) -> None:
        """This many partitions a reservation topic has. Topics only grow: a smaller number than before is ignored.

        What does not exist yet is in no answer, and holds up none. More than the tables have are listed as well:
        what comes to them is not counted, and the lag says so.
        """
        if count > self._existing.get(role, 0):
            self._existing[role] = count
            self._reservations = self._listed()

    def catalogue_read_to(self, offset: int) -> None:
        """The catalogue has been read up to this offset (exclusive), also where no record stood there."""
        self._catalogue_offset = max(self._catalogue_offset, offset)

    def set_end(self, source: SourceKey, begin: int, end: int) -> None:
        """The broker's first and next offset of a source partition, just asked."""
        now_ms = self._clock.now_ms()
        self._ends[source] = (begin, end)
        self._ends_at_ms[source] = now_ms
        if self._next_offset(source) >= end:
            self._moved_at_ms[source] = now_ms

    def forget_positions(self) -> None:
        """As if none had come yet."""
        self._positions.clear()
        self._rates.clear()
        self.newest_ms = None

    # --- what is asked ---

    def completeness(self, end_s: int, settled: bool) -> Completeness:
        """Of an answer whose window ends at end_s (exclusive). settled: loaded, and no partition is handed round."""
        now_ms = self._clock.now_ms()
        sources = self._reservations
        everything = [*sources, CATALOGUE]
        positions = [self.position(source) for source in sources]
        return Completeness(
            complete=settled and not any(self._stale(source, now_ms) for source in everything),
            final=all(self._final(source, end_s * 1000, now_ms) for source in sources),
            late=sum(p.late for p in positions),
            duplicates=sum(p.duplicates for p in positions),
            dead_letters=sum(p.dead_letters for p in positions),
            partitions=tuple(self._state(source) for source in everything),
        )

    def activity(self) -> list[SourceActivity]:
        """Every reservation partition that exists, completed first."""
        now_ms = self._clock.now_ms()
        return [
            SourceActivity(self._state(source), self.position(source), self._rates[source].per_second(now_ms))
            for source in self._reservations
        ]

    def _listed(self) -> list[SourceKey]:
        counts = ((role, self._existing.get(role, self._partitions)) for role in (0, 1))
        return [SourceKey(role, number) for role, count in counts for number in range(count)]

    def _state(self, source: SourceKey) -> PartitionState:
        watermark_ms = None if source == CATALOGUE else self.position(source).watermark_ms
        offset = self._next_offset(source)
        return PartitionState(self.topic_of(source), source.partition, offset, self._lag(source), watermark_ms)

    def _next_offset(self, source: SourceKey) -> int:
        begin, _ = self._ends.get(source, (0, 0))
        known = self._catalogue_offset if source == CATALOGUE else self.position(source).next_offset
        return max(known, begin)

    def _lag(self, source: SourceKey) -> int:
        _, end = self._ends.get(source, (0, 0))
        return max(end - self._next_offset(source), 0)

    def _stale(self, source: SourceKey, now_ms: int) -> bool:
        if now_ms - self._ends_at_ms.get(source, 0) > STALE_AFTER_MS:
            return True
        return self._lag(source) > 0 and now_ms - self._moved_at_ms.get(source, 0) > STALE_AFTER_MS

    def _final(self, source: SourceKey, end_ms: int, now_ms: int) -> bool:
        position = self.position(source)
        if position.watermark_ms is not None and position.watermark_ms >= end_ms + self._grace_ms:
            return True
        caught_up = source in self._ends and self._lag(source) == 0
        return caught_up and now_ms - position.written_at_ms >= self._idle_ms
