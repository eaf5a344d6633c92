"""Panes that an owner in this process has just written: they wait as text, by schedule, until somebody asks.

A busy one comes many times before that, and only its newest text is read (docs/decisions/0016-own-writes.md).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, ValuesView
from typing import Any, TypeVar

from ranking_app.rankings.panes import applied_of

T = TypeVar("T")


class UnreadPanes:
    """The newest text of each pane that waits. Not thread-safe."""

    def __init__(self) -> None:
        self.by_schedule: dict[str, dict[bytes, bytes]] = {}
        """Key and text of what waits, by schedule. Changed by the methods only."""
        self.panes = 0
        """How many wait, over all schedules."""

    def keep(self, schedule_id: str, key: bytes, text: bytes) -> bool:
        """Have it wait in place of the text that does; False, and nothing is changed, where it is older than that."""
        panes = self.by_schedule.setdefault(schedule_id, {})
        before = panes.get(key)
        if before is None:
            self.panes += 1
        elif applied_of(text) < applied_of(before):
            return False
        panes[key] = text
        return True

    def forget(self, schedule_id: str) -> None:
        """What waited of this schedule was read."""
        self.panes -= len(self.by_schedule.pop(schedule_id))

    def clear(self) -> None:
        """Forget everything."""
        self.by_schedule.clear()
        self.panes = 0


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

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        self._read([schedule_id for schedule_id in self._unread if schedule_id not in self._schedules])
        return len(self._schedules)

    def values(self) -> ValuesView[T]:
        """All of them."""
        return self._all().values()

    def _all(self) -> Mapping[str, T]:
        self._read(list(self._unread))
        return self._schedules
