"""Which source offsets are in which pane, found by schedule: the guard of a reader, and what an audit is made of.

Three machine integers a pane, in three arrays a schedule, sorted by the pane's number: 26 to 40 bytes a pane, where
a dict by key took 156. Panes come nearly in the order of time, that is at the end of the arrays.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

UNKNOWN = -1
"""In place of a lowest offset that was not kept when its pane was begun."""

END_OF_TIME_MINUTE = 2**32
"""After every minute that a pane's key can hold."""

PANE_BYTES = 3 * array("q").itemsize
"""Of one pane in what `saved` returns."""


_Columns: TypeAlias = "tuple[array[int], array[int], array[int]]"


class PaneRange(NamedTuple):
    """One pane: its source partition by role and number, its minute since the epoch, the source offsets in it.

    first: None where it was not kept when the pane was begun.
    """

    role: int
    partition: int
    minute: int
    first: int | None
    applied: int


class PaneOffsets:
    """The panes of all schedules. Not thread-safe."""

    def __init__(self) -> None:
        # Of each schedule the numbers of its panes, ascending, their highest and their lowest offsets.
        self._by_schedule: dict[str, _Columns] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, schedule_id: str, number: int, applied: int, first: int | None) -> bool:
        """Note what a pane holds. False, and nothing is changed, where it is known to hold a higher offset."""
        try:
            numbers, highest, lowest = self._by_schedule[schedule_id]
        except KeyError:
            numbers, highest, lowest = self._by_schedule[schedule_id] = array("q"), array("q"), array("q")
        at = bisect_left(numbers, number)
        if at != len(numbers) and numbers[at] == number:
            if applied < highest[at]:
                return False
            highest[at] = applied
            lowest[at] = UNKNOWN if first is None else first
        else:
            numbers.insert(at, number)
            highest.insert(at, applied)
            lowest.insert(at, UNKNOWN if first is None else first)
            self._count += 1
        return True

    def remove(self, schedule_id: str, number: int) -> bool:
        """Forget a pane; False if it was not known."""
        columns = self._of(schedule_id)
        numbers = columns[0]
        at = bisect_left(numbers, number)
        if at == len(numbers) or numbers[at] != number:
            return False
        for column in columns:
            del column[at]
        self._count -= 1
        if not numbers:
            del self._by_schedule[schedule_id]
        return True

    def of(self, schedule_id: str, from_minute: int, to_minute: int) -> list[PaneRange]:
        """The panes of a schedule in the minutes [from, to), in the order of minute, role and partition."""
        columns = self._of(schedule_id)
        start, end = _bounds(columns[0], from_minute, to_minute)
        return [_pane_range(*parts) for parts in zip(*(column[start:end] for column in columns), strict=True)]

    def count_of(self, schedule_id: str, from_minute: int, to_minute: int) -> int:
        """How many `of` would return."""
        start, end = _bounds(self._of(schedule_id)[0], from_minute, to_minute)
        return max(end - start, 0)

    def clear(self) -> None:
        """Forget everything."""
        self._by_schedule.clear()
        self._count = 0

    def saved(self) -> list[tuple[str, bytes]]:
        """Every schedule with its panes as the machine holds them, as of this moment."""
        return [
            (schedule_id, numbers.tobytes() + highest.tobytes() + lowest.tobytes())
            for schedule_id, (numbers, highest, lowest) in self._by_schedule.items()
        ]

    def restore(self, saved: Iterable[tuple[str, bytes]]) -> None:
        """Take schedules as they were saved; none of them is known yet."""
        for schedule_id, body in saved:
            size = len(body) // 3
            numbers, highest, lowest = (array("q", body[start : start + size]) for start in (0, size, 2 * size))
            self._by_schedule[schedule_id] = numbers, highest, lowest
            self._count += len(numbers)

    def _of(self, schedule_id: str) -> "_Columns":
        return self._by_schedule.get(schedule_id) or (array("q"), array("q"), array("q"))


def pane_number(role: int, partition: int, minute: int) -> int:
    """Which pane of a schedule, as a number that sorts by minute, role and partition; as wide as in a pane's key."""
    return minute << 24 | role << 16 | partition


def _pane_range(number: int, highest: int, lowest: int) -> PaneRange:
    first = None if lowest == UNKNOWN else lowest
    return PaneRange(number >> 16 & 0xFF, number & 0xFFFF, number >> 24, first, highest)


def _bounds(numbers: "array[int]", from_minute: int, to_minute: int) -> tuple[int, int]:
    return bisect_left(numbers, pane_number(0, 0, from_minute)), bisect_left(numbers, pane_number(0, 0, to_minute))
