"""The read model: all boards' raw material in memory, on any process, from the changelog and the catalogue.

It is fed records in the order of their partitions and asked by the web layer; it does no I/O of its own.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import islice
from typing import Literal, NamedTuple

from ranking_app.clock import Clock
from ranking_app.errors import BadRecord
from ranking_app.rankings.change_log import FOR_EVER_S, FROM_EVER_S, NOTHING, ChangeLog, Changes
from ranking_app.rankings.curve import Curve
from ranking_app.rankings.panes import MINUTE_S, ONE_CELL_COMMAS, parts_of
from ranking_app.rankings.schedule import Schedule
from ranking_app.read_model.own_panes import OwnPanes
from ranking_app.read_model.pane_offsets import (
    END_OF_TIME_MINUTE,
    PaneOffsets,
    PaneRange,
    pane_number,
)
from ranking_app.read_model.sources import Completeness, SourceActivity, SourceKey, Sources
from ranking_app.read_model.unread import MANY_PAIRS, ReadWhenAsked, UnreadPanes
from ranking_app.tasks import in_turns
from schemas.catalogue import Listing, decode_listing, latest_listing_ms
from tables.changed import NO_FRESH, Fresh
from tables.layout import (
    PANE,
    POSITION,
    pane_key,
    parse_pane_key,
    parse_position_key,
    position_key,
)
from tables.panes import LINE_ROLES
from tables.position import Position
from tables.store import Pair

SETTLE_TURN_S, SETTLE_REST_S = 0.001, 0.004
"""Settling many schedules takes a fifth of the time: an event that is being counted needs a dozen turns of the loop,
and would wait that long for each."""

ASKED_TURN_S = 0.004
"""The same for a question that waits, without a rest."""

MOST_UNREAD = 50_000
"""Panes kept as text until somebody asks, over all schedules: some 20 MB. What is more is read as it comes."""


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
    starts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """By source topic: where each partition begins to count, also where archives hold what the brokers deleted."""
    ends: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """By source topic: the offset, exclusive, up to which each partition counts; others are followed for ever."""


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
        self._changes = ChangeLog()
        self._changing: set[str] = set()
        self._changing_from_s, self._changing_until_s = NOTHING.from_s, NOTHING.until_s
        self._schedules: dict[str, Schedule] = {}
        self._unread = UnreadPanes()
        self._panes = PaneOffsets()
        self._own = OwnPanes(self._unread, self._panes, self._schedule, self._source_key, self._note_went_back)
        self.schedules: Mapping[str, Schedule] = ReadWhenAsked(
            self._schedules, self._unread.by_schedule, self._own.read_all
        )
        """By id."""
        self.touched: set[str] = set()
        """Ids changed since somebody last emptied the set (the notifier does)."""
        self.went_back: list[WentBack] = []
        """To be written again by the owners; emptied by whoever asks them to."""
        self._source_keys: dict[tuple[int, int], SourceKey] = {}
        self._sources = Sources(
            rules.topics, rules.partitions, grace_ms=rules.grace_ms, idle_ms=rules.idle_ms, clock=clock
        )

    @property
    def panes(self) -> int:
        """How many panes it holds, but for new ones that nobody has asked for yet."""
        return len(self._panes)

    @property
    def known_schedules(self) -> int:
        """How many schedules it holds, but for new ones that nobody has asked for yet."""
        return len(self._schedules)

    @property
    def counted(self) -> int:
        """How many events are in it."""
        return sum(position.counted for position in self._sources.positions().values())

    @property
    def lines_done(self) -> int:
        """How many events of NDJSON archives were looked at: counted, or found to be there twice."""
        known = self._sources.positions().items()
        return sum(at.counted + at.duplicates for source, at in known if source.role in LINE_ROLES)

    def sources(self) -> list[SourceKey]:
        """The reservation partitions that exist, completed first."""
        return self._sources.reservations()

    def topic_of(self, source: SourceKey) -> str:
        """The name of a source's topic."""
        return self._sources.topic_of(source)

    def position(self, source: SourceKey) -> Position:
        """The position of a reservation partition as the changelog has it."""
        return self._sources.position(source)

    def read(self, schedule_ids: Iterable[str]) -> None:
        """Have what waits of these schedules read: sooner than when each is asked for."""
        self._own.read_all(schedule_ids)

    def pane_keys(self, schedule_ids: set[str]) -> list[tuple[int, bytes]]:
        """(partition, key) of every pane of these schedules."""
        self._own.read_all(schedule_ids)
        return [
            (pane.partition, pane_key(pane.role, pane.partition, pane.minute, schedule_id))
            for schedule_id in schedule_ids
            for pane in self._panes.of(schedule_id, 0, END_OF_TIME_MINUTE)
        ]

    # --- what the follower brings ---

    def apply_change(self, partition: int, key: bytes, value: bytes | None) -> None:
        """One record of the changelog partition."""
        kind = key[:1]
        if kind == PANE:
            self._apply_pane(partition, key, value)
        elif kind == POSITION and value is not None:
            self._apply_position(partition, key, Position.decode(value))

    def apply_own(self, partition: int, pairs: Sequence[Pair], fresh: Fresh = NO_FRESH) -> None:
        """As apply_change of each, where an owner in this process has just encoded them.

        fresh: the first pairs as numbers. Panes are read when somebody asks their schedule.
        """
        if len(pairs) >= MANY_PAIRS:
            begun, pairs = self._unread.begin(partition, pairs, fresh)
            for its in begun:
                self._note_minutes(its.ids, its.minutes)
                self._own.make_room(len(its.ids))
        waiting, ids, minutes = self._unread.by_schedule, list[str](), set[int]()
        for key, value in pairs:
            if value is None or key[:1] != PANE:
                self.apply_change(partition, key, value)
                continue
            _, _, minute, schedule_id = parse_pane_key(key)
            sooner_read = schedule_id not in waiting and value.count(b",") == ONE_CELL_COMMAS
            if sooner_read or not self._unread.keep(schedule_id, key, value):
                self._apply_pane(partition, key, value)
                continue
            ids.append(self._known_id(schedule_id))
            minutes.add(minute)
        self._note_minutes(ids, minutes)
        if self._unread.panes > MOST_UNREAD:
            texts_wait = (schedule_id for schedule_id, texts in waiting.items() if texts)
            self._own.read_all(list(islice(texts_wait, len(pairs))))

    @property
    def ever_begun(self) -> int:
        """Grows while a backlog is read here, and nobody asks for what it brings."""
        return self._unread.ever_begun

    async def settle(self, ids: Collection[str] | None = None, somebody_waits: bool = False) -> None:
        """Read what own changes have brought of these schedules (None: of all), with turns for everybody else.

        Whoever asks a schedule has it read, too: a question about many of them takes less long after this.
        """
        turn_s, rest_s = (ASKED_TURN_S, 0.0) if somebody_waits else (SETTLE_TURN_S, SETTLE_REST_S)
        if ids is None:
            left = self._own.unsettled.union(self._unread.by_schedule)
        else:
            left = {id_ for id_ in ids if id_ in self._unread.by_schedule or id_ in self._own.unsettled}
        await self._settle_in_turns(left, turn_s, rest_s)

    async def settle_texts(self) -> None:
        """As settle, of what does not wait as columns: these are sooner read when there are more of each schedule."""
        left = self._own.unsettled.union([id_ for id_, texts in self._unread.by_schedule.items() if texts])
        await self._settle_in_turns(left, SETTLE_TURN_S, SETTLE_REST_S)

    async def _settle_in_turns(self, ids: Collection[str], turn_s: float, rest_s: float) -> None:
        await in_turns(self._own.put_begun(ids), turn_s, rest_s)
        await in_turns(map(self._settle, ids), turn_s, rest_s)

    def apply_listing(self, key: bytes | None, value: bytes | None, offset: int, written_at_ms: int) -> None:
        """One record of the catalogue topic; written_at_ms: its timestamp.

        Bad ones are left out here; the worker in charge dead-letters them.
        """
        self._sources.catalogue_read_to(offset + 1)
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
        self._sources.catalogue_read_to(offset)

    def changed(self) -> None:
        """Call after a run of apply_…: answers computed before are no longer the newest."""
        self._changes.add(Changes(self._changing, self._changing_from_s, self._changing_until_s))
        self._changing, self._changing_from_s, self._changing_until_s = set(), NOTHING.from_s, NOTHING.until_s

    def exist(self, role: int, count: int) -> None:
        """This many partitions the reservation topic of this role has now."""
        self._sources.exist(role, count)

    def set_end(self, source: SourceKey, begin: int, end: int) -> None:
        """The broker's first and next offset of a source partition, just asked."""
        topic = self.topic_of(source)
        starts, ends = self._rules.starts.get(topic, ()), self._rules.ends.get(topic)
        if source.partition < len(starts):
            begin = starts[source.partition]
        if ends is not None:  # a partition that was added later is after the end
            end = ends[source.partition] if source.partition < len(ends) else begin
        self._sources.set_end(source, begin, end)

    # --- what is saved, and built again from that (read_model.saved) ---

    def saved_panes(self) -> list[tuple[str, bytes]]:
        """The panes of every schedule, with the source offsets in them, as of this moment."""
        self._own.read_all(list(self._unread.by_schedule))
        return self._panes.saved()

    def positions(self) -> list[tuple[bytes, bytes]]:
        """Every known position, key and value as in the changelog."""
        return [(position_key(*source), position.encode()) for source, position in self._sources.positions().items()]

    def begin_anew(self) -> None:
        """Forget what was built from a saved state: it turned out to be unreadable further on."""
        self._panes.clear()
        self._own.forget()
        self._sources.forget_positions()
        self._schedules.clear()
        self.touched.clear()

    def restore_panes(self, saved: Iterable[tuple[str, bytes]]) -> None:
        """Panes that are in the curves of restore_curve."""
        self._panes.restore(saved)

    def restore_curve(self, schedule_id: str, curve: Curve) -> None:
        """A schedule's sales; its listing comes with the catalogue."""
        self._schedules[schedule_id] = Schedule(schedule_id, curve, None)
        self.touched.add(schedule_id)

    # --- what the web layer and the notifier ask ---

    def is_listed(self, schedule_id: str) -> bool:
        """Whether the catalogue has the schedule; nothing is read for that."""
        schedule = self._schedules.get(schedule_id)
        return schedule is not None and schedule.listing is not None

    @property
    def revision(self) -> int:
        """Grows with every change."""
        return self._changes.revision

    def changes_since(self, revision: int) -> Changes | None:
        """What changed after a revision; None where that is too long ago to say."""
        return self._changes.since(revision)

    def clock_ms(self) -> int:
        """Now, by RANKING_CLOCK: the wall clock, or the newest event time counted (wall clock before the first)."""
        newest_ms = self._sources.newest_ms  # once: live streams ask from another thread
        return newest_ms if self._rules.clock == "event" and newest_ms is not None else self._clock.now_ms()

    def live_as_of_s(self) -> int:
        """The clock's whole second plus one, so that what was just sold shows at once."""
        return self.clock_ms() // 1000 + 1

    def completeness(self, end_s: int) -> Completeness:
        """Of an answer whose window ends at end_s (exclusive)."""
        return self._sources.completeness(end_s, self.loaded and not self.rebalancing)

    def activity(self) -> list[SourceActivity]:
        """Every reservation partition that exists, as an operator looks at it, completed first."""
        return self._sources.activity()

    def panes_of(self, schedule_id: str, from_minute: int, to_minute: int) -> list[PaneRange]:
        """The panes of a schedule in the minutes [from, to), with the source offsets in them."""
        self._own.read_all((schedule_id,))
        return self._panes.of(schedule_id, from_minute, to_minute)

    def count_panes_of(self, schedule_id: str, from_minute: int, to_minute: int) -> int:
        """How many panes_of would return."""
        self._own.read_all((schedule_id,))
        return self._panes.count_of(schedule_id, from_minute, to_minute)

    def _apply_pane(self, partition: int, key: bytes, value: bytes | None) -> None:
        role, source_partition, minute, schedule_id = parse_pane_key(key)
        if schedule_id in self._unread.by_schedule:
            self._own.read_all((schedule_id,))
        number = pane_number(role, source_partition, minute)
        if value is None:
            # A schedule saved after this tombstone is not there, while its panes were noted before it.
            if self._panes.remove(schedule_id, number) and schedule_id in self._schedules:
                self._note(schedule_id, minute * MINUTE_S, (minute + 1) * MINUTE_S)
                self._schedules[schedule_id].curve.put(self._source_key(role, source_partition), minute, ())
                self._drop_if_unknown(schedule_id)
            return
        applied, first, cells = parts_of(value, minute)
        if not self._panes.put(schedule_id, number, applied, first):
            self.went_back.append(WentBack(partition, key))
            return
        schedule = self._schedules.get(schedule_id) or self._schedule(schedule_id)
        from_s = schedule.curve.put(self._source_key(role, source_partition), minute, cells)
        self._note(schedule.id, from_s, (minute + 1) * MINUTE_S)

    def _settle(self, schedule_id: str) -> None:
        if self._unread.by_schedule.get(schedule_id):  # what has come as columns meanwhile may wait
            self._own.read_all((schedule_id,))
        schedule = self._schedules.get(schedule_id)
        if schedule is not None:
            schedule.curve.settle()
        self._own.unsettled.discard(schedule_id)

    def _source_key(self, role: int, partition: int) -> SourceKey:
        """One object for each source: a curve finds it again by a look at its address."""
        found = self._source_keys.get((role, partition))
        if found is None:
            found = self._source_keys[role, partition] = SourceKey(role, partition)
        return found

    def _apply_position(self, partition: int, key: bytes, position: Position) -> None:
        if not self._sources.apply_position(SourceKey(*parse_position_key(key)), position):
            self.went_back.append(WentBack(partition, key))

    def _note(self, schedule_id: str, from_s: int, until_s: int) -> None:
        self.touched.add(schedule_id)
        self._changing.add(schedule_id)
        if from_s < self._changing_from_s:
            self._changing_from_s = from_s
        if until_s > self._changing_until_s:
            self._changing_until_s = until_s

    def _known_id(self, schedule_id: str) -> str:
        """One text for all that know the schedule."""
        known = self._schedules.get(schedule_id)
        return schedule_id if known is None else known.id

    def _note_went_back(self, partition: int, key: bytes) -> None:
        self.went_back.append(WentBack(partition, key))

    def _note_minutes(self, ids: Collection[str], minutes: Collection[int]) -> None:
        """As _note of each of these schedules, somewhere in these minutes."""
        if minutes:
            self.touched.update(ids)
            self._changing.update(ids)
            self._changing_from_s = min(self._changing_from_s, min(minutes) * MINUTE_S)
            self._changing_until_s = max(self._changing_until_s, (max(minutes) + 1) * MINUTE_S)

    def _schedule(self, schedule_id: str) -> Schedule:
        schedule = self._schedules.get(schedule_id)
        if schedule is None:
            schedule = self._schedules[schedule_id] = Schedule(schedule_id, Curve(), None)
        return schedule

    def _set_listing(self, schedule_id: str, listing: Listing | None) -> None:
        if listing is None and schedule_id not in self._schedules:
            return
        before = self._schedule(schedule_id)
        # With the id that it had: one text for all that know the schedule.
        self._schedules[schedule_id] = Schedule(before.id, before.curve, listing)
        self._note(before.id, FROM_EVER_S, FOR_EVER_S)  # a listing counts for every asOf
        self._drop_if_unknown(schedule_id)

    def _drop_if_unknown(self, schedule_id: str) -> None:
        schedule = self._schedules[schedule_id]
        if schedule.listing is None and schedule.curve.is_empty:
            del self._schedules[schedule_id]
