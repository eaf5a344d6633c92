"""The panes table as its owner sees it: one partition's panes, positions and ids, read from RocksDB and written
through the changelog.

Order of a write (invariants 2 and 3): the changelog acknowledges first, then the store takes the same pairs and the
changelog offset, for one write batch of RocksDB, then the caller acknowledges its source records.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from ranking_app.errors import RankingError
from tables.changed import NO_FRESH, Changed, Fresh
from tables.changelog import ChangelogWriter
from tables.layout import position_key
from tables.pane_cache import PaneCache, SourcePanes
from tables.position import Position
from tables.seen import SeenBatch, SeenIds
from tables.store import Pair, PartitionStore

ROLES = (0, 1)
"""Completed topic, cancelled topic: the index in Settings.source_topics."""

LINE_ROLES = (3, 4)
"""The same, of events that a backfill took from NDJSON files; their offsets are made of file and line. 2 is the
catalogue's, which has no panes."""


OnWritten = Callable[[int, int, Sequence[Pair], Fresh], Awaitable[None]]
"""Told what the changelog and the store have: partition, offset of the first pair, pairs at offsets without a gap, and
the first ones, which are fresh, as numbers. No pairs, and the offset after them, where somebody else's are between
them."""


class ChangelogDiverged(RankingError):
    """Somebody else wrote to this partition's changelog after the store was restored; the store was left as it is.

    Another owner, or this one was stopped for so long that another took over. Whoever gets this restores the store
    again and applies what is left. Operator: nothing, unless it goes on: then look for two apps with one
    RANKING_APP_ID.
    """

    retriable = True


class OwnedPartition:
    """One partition of the panes table in the hands of its owner. One writer at a time; not thread-safe.

    owner: the worker's name, which every position that it writes says; None leaves the names as they are.
    on_written: None where nobody wants to know.
    """

    def __init__(
        self,
        number: int,
        store: PartitionStore,
        changelog: ChangelogWriter,
        keep_ids_ms: int,
        owner: str | None = None,
        on_written: OnWritten | None = None,
    ) -> None:
        self.number = number
        self._owner = owner
        self._on_written = on_written
        self.taken_over = False
        """Whether the changelog says that this owner has the partition."""
        self._store = store
        self._changelog = changelog
        self._cache = PaneCache(
            store.get, store.last_key, lambda reason: store.damaged(f"partition {number} holds {reason}")
        )
        self.panes = {role: SourcePanes(self._cache, role, number) for role in (*ROLES, *LINE_ROLES)}
        """By role: its panes as they stand. Whoever changes some writes them, too."""
        self.positions = {role: self._load_position(role) for role in (*ROLES, *LINE_ROLES)}
        self.seen = {role: SeenIds(store, role, number, keep_ids_ms) for role in (*ROLES, *LINE_ROLES)}

    async def write(
        self,
        panes: Changed,
        positions: Mapping[int, Position],
        seen: Sequence[tuple[int, SeenBatch]],
    ) -> None:
        """Make one flush durable: touched panes, new positions by role, and new ids by role.

        ChangelogNotAcknowledged; nothing has changed in the store then, but panes have in
        memory: the caller must not go on.
        """
        positions = {role: self._named(position) for role, position in positions.items()}
        pairs = panes.pairs()
        pairs += [(batch.key, batch.value) for _, batch in seen if batch.key is not None]
        # Positions last: should a flush ever need two record batches, the guard in the panes covers the first one.
        pairs += [(position_key(role, self.number), position.encode()) for role, position in positions.items()]
        await self._write(pairs, panes.numbers)
        for role, position in positions.items():
            self.positions[role] = position
        for role, batch in seen:
            self.seen[role].remember(batch)
        self._cache.trim()

    async def take_over(self) -> None:
        """Say in the changelog who owns the partition from now on, also of one that brings nothing."""
        if self._owner is not None:
            owner = self._owner
            await self.write(Changed(), {role: self.positions[role].taken_over_by(owner) for role in ROLES}, ())
        self.taken_over = True

    async def retire(self, keys: Sequence[bytes]) -> None:
        """Delete panes, in changelog and store."""
        await self._write([(key, None) for key in keys])
        self._cache.clear()

    async def expire_ids(self, now_ms: Mapping[int, int]) -> int:
        """Delete the ids that are too old to matter; returns how many records went. now_ms: by role, by its clock."""
        keys = [key for role, seen in self.seen.items() for key in seen.expired_records(now_ms[role])]
        if keys:
            await self._write([(key, None) for key in keys])
        for role, seen in self.seen.items():
            seen.forget(now_ms[role])
        return len(keys)

    def write_waiting(self) -> None:
        """Have RocksDB hold all that was written. StoreNotWritable, StoreDamaged."""
        self._store.write_waiting()

    async def rewrite(self, key: bytes) -> None:
        """Write a pane or position again as it stands here: a stale owner wrote an older one over it (invariant 4)."""
        value = self._store.get(key)
        if value is not None:
            await self._write([(key, value)])

    async def _write(self, pairs: Sequence[Pair], fresh: Fresh = NO_FRESH) -> None:
        if not pairs:
            return
        first, last = await self._changelog.append(self.number, pairs)
        # Offsets of a changelog have no gaps. Were the store to take this write, the records of whoever wrote in
        # between would never be read: a restore begins after the store's offset.
        before = self._store.changelog_offset
        expected = 0 if before is None else before + 1
        if first != expected:
            raise ChangelogDiverged(f"partition {self.number}: expected changelog offset {expected}, got {first}")
        self._store.write(pairs, last)
        if self._on_written is not None:
            if last - first + 1 == len(pairs):
                await self._on_written(self.number, first, pairs, fresh)
            else:  # in several batches, and somebody else wrote in between
                await self._on_written(self.number, last + 1, (), NO_FRESH)

    def _named(self, position: Position) -> Position:
        """The position with this owner's name: it may have been another's before the store was restored."""
        if self._owner is None or position.owner == self._owner:
            return position
        return position.taken_over_by(self._owner)

    def _load_position(self, role: int) -> Position:
        value = self._store.get(position_key(role, self.number))
        return Position() if value is None else Position.decode(value)
