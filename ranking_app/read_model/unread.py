"""Panes that an owner in this process has just written: they wait, by schedule, until somebody asks.

A busy one comes many times before that, and only its newest text is read (docs/decisions/0016-own-writes.md). Of a
backlog, panes of few cells wait as columns (docs/decisions/0018-panes-as-columns.md).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, ValuesView
from typing import Any, NamedTuple, TypeVar

from ranking_app.rankings.few_cells import FEW_CELLS_COMMAS
from ranking_app.rankings.panes import applied_of
from ranking_app.read_model.begun import (
    TAKEN_ROWS,
    TAKEN_SCHEDULES,
    BegunPanes,
    Columns,
    Taken,
    begun,
    begun_fresh,
)
from ranking_app.read_model.pane_offsets import Numbers
from tables.changed import Fresh
from tables.layout import PANE
from tables.store import Pair

T = TypeVar("T")


MANY_PAIRS = 500
"""From so many on in one go, panes of few cells wait as columns: a backlog is being read."""

MOST_BEGUN = 2_000_000
"""Rows of panes of few cells that wait, 64 bytes each; as many again may be there while those are read."""

_AS_COLUMNS: dict[bytes, bytes] = {}
"""For schedules of which no text waits. Never changed."""


class Waiting(NamedTuple):
    """What has come to wait as columns."""

    ids: list[str]
    """Of the schedule of each row: the same text for a schedule as long as something of it waits."""
    minutes: tuple[int, int]
    """The first and the last of them."""


class UnreadPanes:
    """What waits: the newest text of a pane, or a pane of few cells. Not thread-safe."""

    def __init__(self) -> None:
        self.by_schedule: dict[str, dict[bytes, bytes]] = {}
        """Key and text of what waits, by schedule, also where nothing waits as text. Changed by the methods only."""
        self._keys: set[bytes] = set()
        """Of all that wait as text."""
        self.ever_begun = 0
        """How many rows have ever come to wait as columns."""
        self._begun = BegunPanes()
        self._full = BegunPanes()
        """Those that came before, and are read because there are so many."""

    @property
    def panes(self) -> int:
        """How many wait as text, over all schedules."""
        return len(self._keys)

    def begin(self, partition: int, pairs: Sequence[Pair], fresh: Fresh) -> tuple[list[Waiting], Sequence[Pair]]:
        """Have those of many pairs that are panes of few cells wait as columns; what waits now, and all other pairs.

        fresh: the first pairs as numbers. A pane that waits as text goes on to do so: a newer text takes its place.
        """
        waiting = list[Waiting]()
        keys = [key for key, _ in pairs[: len(fresh)]]
        if keys and self._keys.isdisjoint(keys):
            minutes, columns = begun_fresh(partition, fresh)
            waiting.append(self._have_wait(self._begun.index_of_fresh(keys, fresh), minutes, columns))
            pairs = pairs[len(keys) :]
        others = dict(pairs)
        few = [
            (key, value)
            for key, value in pairs
            if value is not None and key[:1] == PANE and value.count(b",") in FEW_CELLS_COMMAS and key not in self._keys
        ]
        # One key twice, as no flush has it: which of them comes last is not told by two ways of waiting.
        found = begun(few) if few and len(others) == len(pairs) else None
        if found is None:
            return waiting, pairs
        waiting.append(self._have_wait(self._begun.index_of(found.of_rows), found.minutes, found.columns))
        for key, _ in few:
            del others[key]
        return waiting, list(others.items())

    def _have_wait(self, index: Numbers, minutes: tuple[int, int], columns: Columns) -> Waiting:
        ids, new = self._begun.add(index, columns)
        for schedule_id in new:
            self.by_schedule.setdefault(schedule_id, _AS_COLUMNS)
        self.ever_begun += len(ids)
        return Waiting(ids, minutes)

    def take(self, schedule_ids: Sequence[str]) -> list[Taken]:
        """What waits as columns of a few schedules, in the order in which it came, and is forgotten.

        Whoever takes it reads it before anything else is done.
        """
        return [*self._full.take(schedule_ids), *self._begun.take(schedule_ids)]

    @property
    def schedules_at_once(self) -> int:
        """So many are taken in one go: fewer, the more rows of each wait."""
        rows = len(self._full) + len(self._begun)
        return max(min(TAKEN_SCHEDULES, TAKEN_ROWS * len(self.by_schedule) // max(rows, 1)), 1)

    @property
    def is_full(self) -> bool:
        """Whether so much waits as columns that it has to be read."""
        return len(self._begun) >= MOST_BEGUN

    def take_full(self) -> tuple[int, Iterator[Taken]]:
        """All that waits as columns, to be read in so many steps while more comes. What was full before was taken."""
        if self._full:
            raise RuntimeError("more panes wait as columns, while those before them were not all taken")
        self._full, self._begun = self._begun, self._full
        ids = self._full.ids()
        return len(ids) // TAKEN_SCHEDULES + len(self._full) // TAKEN_ROWS + 1, self._full.take(ids)

    def keep(self, schedule_id: str, key: bytes, text: bytes) -> bool:
        """Have it wait in place of the text that does; False, and nothing is changed, where it is older than that."""
        panes = self.by_schedule.get(schedule_id, _AS_COLUMNS)
        if panes is _AS_COLUMNS:
            panes = self.by_schedule[schedule_id] = {}
        before = panes.get(key)
        if before is None:
            self._keys.add(key)
        elif applied_of(text) < applied_of(before):
            return False
        panes[key] = text
        return True

    def forget(self, schedule_id: str) -> None:
        """What waited of this schedule was read."""
        self._keys.difference_update(self.by_schedule.pop(schedule_id))

    def forget_taken(self, schedule_ids: Iterable[str]) -> None:
        """What was taken of these was read; whatever else waits of them goes on to wait."""
        for schedule_id in schedule_ids:
            if self.by_schedule.get(schedule_id) is _AS_COLUMNS and schedule_id not in self._begun:
                del self.by_schedule[schedule_id]

    def clear(self) -> None:
        """Forget everything."""
        self.by_schedule.clear()
        self._keys.clear()
        self._begun.clear()
        self._full.clear()


class ReadWhenAsked(Mapping[str, T]):
    """Schedules by id; of those that are asked for, what is unread is read first.

    read: reads what is unread of these schedules, which need not have anything.
    """

    def __init__(
        self,
        schedules: Mapping[str, T],
        unread: Mapping[str, object],
        read: Callable[[Iterable[str]], None],
    ) -> None:
        self._schedules = schedules
        self._unread = unread
        self._read = read

    def __getitem__(self, schedule_id: str) -> T:
        self._read((schedule_id,))
        return self._schedules[schedule_id]

    def get(self, schedule_id: str, default: Any = None) -> Any:
        """As of any mapping, and quick: boards ask for one after the other."""
        if schedule_id in self._unread:
            self._read((schedule_id,))
        return self._schedules.get(schedule_id, default)

    def __contains__(self, schedule_id: object) -> bool:
        # Nothing has to be read for that, either (see __iter__).
        return schedule_id in self._schedules or schedule_id in self._unread

    def __iter__(self) -> Iterator[str]:
        # Nothing has to be read for that: what waits of a schedule that is not there yet makes it one.
        # As of now: who looks at them one by one has them read, and there are more of them then.
        return iter([*self._schedules, *self._only_unread()])

    def __len__(self) -> int:
        return len(self._schedules) + len(self._only_unread())

    def values(self) -> ValuesView[T]:
        """All of them."""
        return self._all().values()

    def _only_unread(self) -> list[str]:
        return [schedule_id for schedule_id in self._unread if schedule_id not in self._schedules]

    def _all(self) -> Mapping[str, T]:
        self._read(list(self._unread))
        return self._schedules
