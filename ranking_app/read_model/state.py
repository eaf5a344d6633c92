"""The read model: all boards' raw material in memory, on any process, from the changelog and the catalogue.

It is fed records in the order of their partitions and asked by the web layer; it does no I/O of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal, NamedTuple

from ranking_app.clock import Clock
from ranking_app.errors import BadRecord
from ranking_app.rankings.boards import Schedule
from ranking_app.rankings.curve import Curve
from ranking_app.rankings.panes import cells_of
from schemas.catalogue import Listing, decode_listing, latest_listing_ms
from tables.layout import PANE, POSITION, parse_pane_key, parse_position_key, position_key
from tables.position import Position

STALE_AFTER_MS = 3_000
"""A partition that has lag and does not move for this long, or whose end is not known for this long, is stale."""


class SourceKey(NamedTuple):
    """A source partition by role (0 completed, 1 cancelled, 2 catalogue) and number."""

    role: int
    partition: int


CATALOGUE = SourceKey(2, 0)


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


@dataclass(frozen=True, slots=True)
class ReadRules:
    """What the read model needs of the settings. topics: completed, cancelled, catalogue."""

    topics: tuple[str, str, str]
    partitions: int
    clock: Literal["wall", "event"]
    timezone: tzinfo
    grace_ms: int
    idle_ms: int
    max_record_bytes: int
    max_future_ms: int


class WentBack(NamedTuple):
    """A stale owner wrote an older pane or position over a newer one: the owner has to write it again."""

    partition: int
    key: bytes


class ReadModel:
    """Schedules with their curves, positions and listings. Not thread-safe: lives on one event loop."""

    def __init__(self, rules: ReadRules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self.loaded = False
        self.rebalancing = False
        """True on a worker whose partitions are being handed round: what it serves is the last good state."""
        self.revision = 0
        self.schedules: dict[str, Schedule] = {}
        self.touched: set[str] = set()
        """Ids changed since somebody last emptied the set (the notifier does)."""
        self.went_back: list[WentBack] = []
        """To be written again by the owners; emptied by whoever asks them to."""
        self._applied: dict[bytes, int] = {}
        self._positions: dict[SourceKey, Position] = {}
        self._ends: dict[SourceKey, tuple[int, int]] = {}
        self._moved_at_ms: dict[SourceKey, int] = {}
        self._ends_at_ms: dict[SourceKey, int] = {}
        self._catalogue_offset = 0
        self._newest_ms: int | None = None

    @property
    def panes(self) -> int:
        """How many panes it holds."""
        return len(self._applied)

    def sources(self) -> list[SourceKey]:
        """The reservation partitions, completed first."""
        return [SourceKey(role, number) for role in (0, 1) for number in range(self._rules.partitions)]

    def topic_of(self, source: SourceKey) -> str:
        """The name of a source's topic."""
        return self._rules.topics[source.role]

    def position(self, source: SourceKey) -> Position:
        """The position of a reservation partition as the changelog has it."""
        return self._positions.get(source) or Position()

    def pane_keys(self, schedule_ids: set[str]) -> list[tuple[int, bytes]]:
        """(partition, key) of every pane of these schedules. Looks at every pane: for retirement, not for answers."""
        return [
            (parsed.partition, key)
            for key in self._applied
            if (parsed := parse_pane_key(key)).schedule_id in schedule_ids
        ]

    # --- what the follower brings ---

    def apply_change(self, partition: int, key: bytes, value: bytes | None) -> None:
        """One record of the changelog partition."""
        kind = key[:1]
        if kind == PANE:
            self._apply_pane(partition, key, value)
        elif kind == POSITION and value is not None:
            self._apply_position(partition, key, Position.decode(value))

    def apply_listing(self, key: bytes | None, value: bytes | None, offset: int, written_at_ms: int) -> None:
        """One record of the catalogue topic; written_at_ms: its timestamp.

        Bad ones are left out here; the worker in charge dead-letters them.
        """
        self._catalogue_offset = offset + 1
        if value is None:
            if key is not None:
                self._set_listing(key.decode(errors="replace"), None)
            return
        try:
            latest_ms = latest_listing_ms(written_at_ms, self._rules.max_future_ms)
            listing = decode_listing(value, self._rules.timezone, self._rules.max_record_bytes, latest_ms)
        except BadRecord:
            return
        self._set_listing(listing.concert_schedule_id, listing)

    def catalogue_read_to(self, offset: int) -> None:
        """The catalogue has been read up to this offset (exclusive), also where no record stood there."""
        self._catalogue_offset = max(self._catalogue_offset, offset)

    def changed(self) -> None:
        """Call after a run of apply_…: answers computed before are no longer the newest."""
        self.revision += 1

    def set_end(self, source: SourceKey, begin: int, end: int) -> None:
        """The broker's first and next offset of a source partition, just asked."""
        now_ms = self._clock.now_ms()
        self._ends[source] = (begin, end)
        self._ends_at_ms[source] = now_ms
        if self._next_offset(source) >= end:
            self._moved_at_ms[source] = now_ms

    # --- what is saved, and built again from that (read_model.saved) ---

    def applied(self) -> tuple[list[bytes], list[int]]:
        """The key of every pane, and the highest source offset in it, as of this moment."""
        return list(self._applied), list(self._applied.values())

    def positions(self) -> list[tuple[bytes, bytes]]:
        """Every known position, key and value as in the changelog."""
        return [(position_key(*source), position.encode()) for source, position in self._positions.items()]

    def begin_anew(self) -> None:
        """Forget what was built from a saved state: it turned out to be unreadable further on."""
        self._applied.clear()
        self._positions.clear()
        self.schedules.clear()
        self.touched.clear()
        self._newest_ms = None

    def restore_applied(self, applied: Iterable[tuple[bytes, int]]) -> None:
        """Panes that are in the curves of restore_curve."""
        self._applied.update(applied)

    def restore_curve(self, schedule_id: str, curve: Curve) -> None:
        """A schedule's sales; its listing comes with the catalogue."""
        self.schedules[schedule_id] = Schedule(schedule_id, curve, None)
        self.touched.add(schedule_id)

    # --- what the web layer and the notifier ask ---

    def clock_ms(self) -> int:
        """Now, by RANKING_CLOCK: the wall clock, or the newest event time counted (wall clock before the first)."""
        if self._rules.clock == "event" and self._newest_ms is not None:
            return self._newest_ms
        return self._clock.now_ms()

    def live_as_of_s(self) -> int:
        """The clock's whole second plus one, so that what was just sold shows at once."""
        return self.clock_ms() // 1000 + 1

    def completeness(self, end_s: int) -> Completeness:
        """Of an answer whose window ends at end_s (exclusive)."""
        now_ms = self._clock.now_ms()
        sources = self.sources()
        everything = [*sources, CATALOGUE]
        positions = [self.position(source) for source in sources]
        return Completeness(
            complete=self.loaded and not self.rebalancing and not any(self._stale(s, now_ms) for s in everything),
            final=all(self._final(source, end_s * 1000, now_ms) for source in sources),
            late=sum(p.late for p in positions),
            duplicates=sum(p.duplicates for p in positions),
            dead_letters=sum(p.dead_letters for p in positions),
            partitions=tuple(self._state(source) for source in everything),
        )

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
        if position.watermark_ms is not None and position.watermark_ms >= end_ms + self._rules.grace_ms:
            return True
        caught_up = source in self._ends and self._lag(source) == 0
        return caught_up and now_ms - position.written_at_ms >= self._rules.idle_ms

    def _apply_pane(self, partition: int, key: bytes, value: bytes | None) -> None:
        role, source_partition, minute, schedule_id = parse_pane_key(key)
        source = tuple.__new__(SourceKey, (role, source_partition))  # as in parse_pane_key
        if value is None:
            # A schedule saved after this tombstone is not there, while its panes were noted before it.
            if self._applied.pop(key, None) is not None and schedule_id in self.schedules:
                self.schedules[schedule_id].curve.put(source, minute, ())
                self._drop_if_unknown(schedule_id)
            return
        applied, cells = cells_of(value, minute)
        if applied < self._applied.get(key, -1):
            self.went_back.append(WentBack(partition, key))
            return
        self._applied[key] = applied
        schedule = self.schedules.get(schedule_id) or self._schedule(schedule_id)
        schedule.curve.put(source, minute, cells)
        self.touched.add(schedule_id)

    def _apply_position(self, partition: int, key: bytes, position: Position) -> None:
        source = SourceKey(*parse_position_key(key))
        if position.next_offset < self.position(source).next_offset:
            self.went_back.append(WentBack(partition, key))
            return
        self._positions[source] = position
        self._moved_at_ms[source] = self._clock.now_ms()
        if position.watermark_ms is not None:
            self._newest_ms = max(self._newest_ms or position.watermark_ms, position.watermark_ms)

    def _schedule(self, schedule_id: str) -> Schedule:
        schedule = self.schedules.get(schedule_id)
        if schedule is None:
            schedule = self.schedules[schedule_id] = Schedule(schedule_id, Curve(), None)
        return schedule

    def _set_listing(self, schedule_id: str, listing: Listing | None) -> None:
        if listing is None and schedule_id not in self.schedules:
            return
        before = self._schedule(schedule_id)
        self.schedules[schedule_id] = Schedule(schedule_id, before.curve, listing)
        self.touched.add(schedule_id)
        self._drop_if_unknown(schedule_id)

    def _drop_if_unknown(self, schedule_id: str) -> None:
        schedule = self.schedules[schedule_id]
        if schedule.listing is None and schedule.curve.is_empty:
            del self.schedules[schedule_id]
