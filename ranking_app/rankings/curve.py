"""The sales of one schedule, second by second, and what can be asked of them: all answers are made of this.

Each question is answered in O(log n) of the seconds with sales, except those that return a list.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterator
from operator import sub
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranking_app.rankings.panes import MINUTE_S
from ranking_app.rankings.rows import Rows
from ranking_app.rankings.windows import Window

Instants: TypeAlias = NDArray[np.int64]
"""Seconds since the epoch."""

Counts: TypeAlias = NDArray[np.int64]

MANY_ROWS = 50
"""From here on it is quicker to look at all rows at once than at one after the other."""

By = Literal["quantity", "amount"]
"""What a sales board is sorted by."""


class Totals(NamedTuple):
    """What happened in a window. completed and cancelled are quantities, amount is net."""

    completed: int
    cancelled: int
    amount: int

    @property
    def quantity(self) -> int:
        """Net quantity."""
        return self.completed - self.cancelled


class Spell(NamedTuple):
    """One time of being sold out: from a second whose end has sold >= capacity to the next below again.

    sold, reopened_sold: at the ends of these seconds. The last spell may not have ended: None.
    """

    sold_out_at_s: int
    sold: int
    reopened_at_s: int | None
    reopened_sold: int | None


class Point(NamedTuple):
    """One step of the curve: net quantity, net amount and cancelled quantity in it; sold is at its end."""

    start_s: int
    quantity: int
    amount: int
    cancelled: int
    sold: int


class Curve(Rows):
    """The sales of one schedule, merged over its source partitions; `put` (of Rows) changes them.

    Seconds are whole ones since the epoch; `before_s` is not included. The order of puts does not matter.
    """

    __slots__ = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all."""
        # Asked after every removal, so without settling where that can be told: each takes one minute at most.
        if self._unsettled_cells or len(self._second) > MINUTE_S * len(self._unsettled):
            return False
        self.settle()
        return not self._second

    @property
    def newest_s(self) -> int | None:
        """The newest second with anything in it."""
        self.settle()
        return self._second[-1] if self._second else None

    def first_second_from(self, from_s: int) -> int | None:
        """The first second with anything in it that is not before from_s; None without one."""
        self.settle()
        second = self._second
        if not second or second[-1] < from_s:
            return None
        return second[bisect_left(second, from_s)]

    def totals(self, window: Window) -> Totals:
        """What happened in the window."""
        low, high = self._rows(window)
        return Totals(
            self._completed[high] - self._completed[low],
            self._cancelled[high] - self._cancelled[low],
            self._amount[high] - self._amount[low],
        )

    def totals_by_pane(self, window: Window) -> dict[tuple[Hashable, int], Totals]:
        """What of each pane lies in the window, by source and minute since the epoch: together they are `totals`.

        In the order of minutes; a pane with nothing in the window is not in it. O(rows of the window).
        """
        low, high = self._rows(window)
        sums: dict[tuple[int, int], list[int]] = {}
        columns = (self._completed, self._cancelled, self._amount)
        numbers = (map(sub, column[low + 1 : high + 1], column[low:high]) for column in columns)
        rows = zip(self._second[low:high], self._source[low:high], *numbers, strict=True)
        for second, source, completed, cancelled, amount in rows:
            known = sums.get((source, second // MINUTE_S))
            if known is None:
                sums[source, second // MINUTE_S] = [completed, cancelled, amount]
            else:
                known[0] += completed
                known[1] += cancelled
                known[2] += amount
        return {(self._sources[source], minute): Totals(*pane) for (source, minute), pane in sums.items()}

    def quantities_before(self, instants: Instants) -> tuple[Counts, Counts] | None:
        """What was completed and what was cancelled before each of many instants, at once.

        None where the numbers have outgrown machine integers: then ask one by one.
        """
        self.settle()
        completed, cancelled = self._completed, self._cancelled
        if isinstance(completed, list) or isinstance(cancelled, list) or isinstance(self._second, list):
            return None
        rows = np.frombuffer(self._second, np.uint32).searchsorted(instants)
        return (
            np.frombuffer(completed, np.uint32)[rows].astype(np.int64),
            np.frombuffer(cancelled, np.uint32)[rows].astype(np.int64),
        )

    def quantity(self, window: Window) -> int:
        """Net quantity in the window."""
        low, high = self._rows(window)
        if low == high:
            return 0
        completed, cancelled = self._completed, self._cancelled
        return completed[high] - completed[low] - cancelled[high] + cancelled[low]

    def score(self, window: Window, by: By) -> tuple[int, int] | None:
        """Net quantity or net amount in the window, and the second of the last completed sale there.

        None where that is 0 or less: nothing for a sales board. Every board asks this of every schedule.
        """
        low, high = self._rows(window)
        if low == high:
            return None
        completed = self._completed
        if by == "quantity":
            score = completed[high] - completed[low] - self._cancelled[high] + self._cancelled[low]
        else:
            score = self._amount[high] - self._amount[low]
        if score <= 0:
            return None
        return score, self._second[self._last_completed(low, high)]

    def sold_before(self, before_s: int) -> int:
        """Net quantity of everything earlier."""
        return self.quantity(Window(None, before_s))

    def last_completed_s(self, window: Window) -> int | None:
        """The second of the last completed sale in the window; None without one."""
        low, high = self._rows(window)
        if self._completed[high] == self._completed[low]:
            return None
        return self._second[self._last_completed(low, high)]

    def last_sale_s(self, before_s: int) -> int | None:
        """The second of the last completed sale before; None without one."""
        return self.last_completed_s(Window(None, before_s))

    def first_sale_s(self, before_s: int) -> int | None:
        """The second of the first completed sale, if that is before; None otherwise."""
        _, high = self._rows(Window(None, before_s))
        row = bisect_right(self._completed, 0, 0, high + 1) - 1
        return self._second[row] if row < high else None

    def first_second_sold(self, at_least: int, before_s: int) -> int | None:
        """The first second at whose end at_least (1 or more) was sold, if that is before; None otherwise."""
        _, high = self._rows(Window(None, before_s))
        if self._peak[high] < at_least:
            return None
        return self._second[bisect_left(self._peak, at_least, 0, high) - 1]

    def spells(self, capacity: int, before_s: int) -> list[Spell]:
        """Every time of being sold out that began before, first one first. capacity: 1 or more."""
        _, high = self._rows(Window(None, before_s))
        spells: list[Spell] = []
        open_since: tuple[int, int] | None = None
        for at_s, sold in self._sold_at_ends(bisect_left(self._peak, capacity, 0, high + 1) - 1, high, capacity):
            if open_since is None and sold >= capacity:
                open_since = at_s, sold
            elif open_since is not None and sold < capacity:
                spells.append(Spell(*open_since, at_s, sold))
                open_since = None
        if open_since is not None:
            spells.append(Spell(*open_since, None, None))
        return spells

    def _sold_at_ends(self, low: int, high: int, capacity: int) -> Iterator[tuple[int, int]]:
        """(second, sold at its end) of rows [low, high), at least where it comes to capacity or falls below it."""
        second, completed, cancelled = self._second, self._completed, self._cancelled
        columns = second, completed, cancelled
        if high - low > MANY_ROWS and not any(isinstance(column, list) for column in columns):
            seconds = np.frombuffer(second, np.uint32)[low:high]  # type: ignore[arg-type]
            sold = np.frombuffer(completed, np.uint32)[low + 1 : high + 1].astype(np.int64)  # type: ignore[arg-type]
            sold -= np.frombuffer(cancelled, np.uint32)[low + 1 : high + 1]  # type: ignore[arg-type]
            # Only what stands at the end of a second counts.
            ends = np.append(seconds[1:] != seconds[:-1], True)
            seconds, sold = seconds[ends], sold[ends]
            turns = np.flatnonzero(np.diff(sold >= capacity, prepend=False))
            yield from zip(seconds[turns].tolist(), sold[turns].tolist(), strict=True)
            return
        for row in range(low, high):
            if row + 1 == high or second[row] != second[row + 1]:
                yield second[row], completed[row + 1] - cancelled[row + 1]

    def points(self, from_s: int, to_s: int, step_s: int) -> list[Point]:
        """The curve in steps of step_s from from_s to to_s (not in it); the last step may be short."""
        _, low = self._rows(Window(None, from_s))
        points: list[Point] = []
        for start_s in range(from_s, to_s, step_s):
            high = bisect_left(self._second, min(start_s + step_s, to_s), low)
            cancelled = self._cancelled[high] - self._cancelled[low]
            quantity = self._completed[high] - self._completed[low] - cancelled
            amount = self._amount[high] - self._amount[low]
            sold = self._completed[high] - self._cancelled[high]
            points.append(Point(start_s, quantity, amount, cancelled, sold))
            low = high
        return points

    def _last_completed(self, low: int, high: int) -> int:
        """The last row of [low, high) in which something completed; there must be one."""
        completed = self._completed
        if completed[high] != completed[high - 1]:
            return high - 1
        return bisect_left(completed, completed[high], low, high) - 1  # where the sum of today was reached

    def _rows(self, window: Window) -> tuple[int, int]:
        """The rows [low, high) of a window."""
        if self._unsettled:  # as settle(), without a call: every board asks this of every schedule
            self._settle()
        second, start_s, end_s = self._second, window.start_s, window.end_s
        # Most questions are live ones: they end after the last row, and of many schedules nothing is in them.
        high = len(second)
        if not high or end_s <= second[-1]:
            high = bisect_left(second, end_s)
        if start_s is None:
            return 0, high
        if not high or start_s > second[high - 1]:
            return high, high
        return bisect_left(second, start_s, 0, high), high
