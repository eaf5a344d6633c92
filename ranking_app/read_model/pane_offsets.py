"""Which source offsets are in which pane, found by schedule: the guard of a reader, and what an audit is made of.

Three machine integers a pane, in one array a schedule, sorted by the pane's number: 26 to 40 bytes a pane, where a dict
by key took 156. Panes come nearly in the order of time, that is at the end of the array.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]

UNKNOWN = -1
"""In place of a lowest offset that was not kept when its pane was begun."""

END_OF_TIME_MINUTE = 2**32
"""After every minute that a pane's key can hold."""

WIDTH = 3
"""Numbers of a pane in the array of its schedule: the pane's own, its highest offset, its lowest offset."""

PANE_BYTES = WIDTH * array("q").itemsize
"""Of one pane in what `saved` returns."""


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
        self._by_schedule: dict[str, array[int]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, schedule_id: str, number: int, applied: int, first: int | None) -> bool:
        """Note what a pane holds. False, and nothing is changed, where it is known to hold a higher offset."""
        lowest = UNKNOWN if first is None else first
        panes = self._by_schedule.get(schedule_id)
        if panes is None:
            self._by_schedule[schedule_id] = array("q", (number, applied, lowest))
        elif number > panes[-WIDTH]:
            panes.fromlist([number, applied, lowest])
        else:
            at = _place(panes, number)
            if panes[at] == number:
                if applied < panes[at + 1]:
                    return False
                panes[at + 1], panes[at + 2] = applied, lowest
                return True
            panes[at:at] = array("q", (number, applied, lowest))
        self._count += 1
        return True

    def extend(self, schedule_id: str, first_number: int, panes: bytes) -> bool:
        """As put of many: number, applied and first of each, in the order of numbers, as the machine holds them.

        False, and nothing is changed, where the first one does not come behind all that are known.
        """
        known = self._by_schedule.get(schedule_id)
        if known is None:
            self._by_schedule[schedule_id] = array("q", panes)
        elif first_number <= known[-WIDTH]:
            return False
        else:
            known.frombytes(panes)
        self._count += len(panes) // PANE_BYTES
        return True

    def remove(self, schedule_id: str, number: int) -> bool:
        """Forget a pane; False if it was not known."""
        panes = self._of(schedule_id)
        at = _place(panes, number)
        if at == len(panes) or panes[at] != number:
            return False
        del panes[at : at + WIDTH]
        self._count -= 1
        if not panes:
            del self._by_schedule[schedule_id]
        return True

    def of(self, schedule_id: str, from_minute: int, to_minute: int) -> list[PaneRange]:
        """The panes of a schedule in the minutes [from, to), in the order of minute, role and partition."""
        panes = self._of(schedule_id)
        found = panes[_first_of(panes, from_minute) : _first_of(panes, to_minute)]
        return [_pane_range(*found[at : at + WIDTH]) for at in range(0, len(found), WIDTH)]

    def count_of(self, schedule_id: str, from_minute: int, to_minute: int) -> int:
        """How many `of` would return."""
        panes = self._of(schedule_id)
        return max(_first_of(panes, to_minute) - _first_of(panes, from_minute), 0) // WIDTH

    def clear(self) -> None:
        """Forget everything."""
        self._by_schedule.clear()
        self._count = 0

    def saved(self) -> list[tuple[str, bytes]]:
        """Every schedule with its panes as the machine holds them, as of this moment."""
        return [(schedule_id, panes.tobytes()) for schedule_id, panes in self._by_schedule.items()]

    def restore(self, saved: Iterable[tuple[str, bytes]]) -> None:
        """Take schedules as they were saved; none of them is known yet."""
        for schedule_id, body in saved:
            self._by_schedule[schedule_id] = array("q", body)
            self._count += len(body) // PANE_BYTES

    def _of(self, schedule_id: str) -> "array[int]":
        return self._by_schedule.get(schedule_id) or array("q")


def pane_number(role: int, partition: int, minute: int) -> int:
    """Which pane of a schedule, as a number that sorts by minute, role and partition; as wide as in a pane's key."""
    return minute << MINUTE_SHIFT | role << 16 | partition


def pane_numbers(role: Numbers, partition: Numbers, minute: Numbers) -> Numbers:
    """As pane_number of each."""
    return minute << MINUTE_SHIFT | role << 16 | partition


MINUTE_SHIFT = 24
SOURCE_BITS = 2**MINUTE_SHIFT - 1
"""Of a pane's number: those that tell its source partition; the minute is above them."""


def minute_of(number: int) -> int:
    """Minute since the epoch of the pane with this number."""
    return number >> MINUTE_SHIFT


def source_of(number: int) -> tuple[int, int]:
    """Role and partition of the pane with this number."""
    return number >> 16 & 0xFF, number & 0xFFFF


def _pane_range(number: int, highest: int, lowest: int) -> PaneRange:
    first = None if lowest == UNKNOWN else lowest
    return PaneRange(*source_of(number), minute_of(number), first, highest)


def _place(panes: "array[int]", number: int) -> int:
    """Where in the array of a schedule the pane with this number begins, or would."""
    return WIDTH * bisect_left(memoryview(panes)[::WIDTH], number)


def _first_of(panes: "array[int]", minute: int) -> int:
    """Where the panes of this minute and later ones begin."""
    return _place(panes, pane_number(0, 0, minute))
