"""How a curve is stored: columns with one row per source partition and second, in the order of seconds.

A few rows may share a second. Quantities and amounts are running sums, so that a total of any window is a
difference of two rows, found by bisection; a row's own numbers are its difference to the row before. A row
takes 26 bytes: a sold-out stadium of 60,000 seats at most 1.6 MB, a hall of 2,000 some 50 kB.
"""

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from operator import sub
from typing import Any, ClassVar, Self

from ranking_app.rankings.columns import Column, extended
from ranking_app.rankings.panes import MINUTE_S, Cell

FEW_CELLS = 4
"""Cells are kept as they were put until somebody asks: one settling then serves many puts. But a cell takes ten
times the memory of a row, and nobody asks while a worker loads: above this and a quarter of the rows, settle."""

SOME_CELLS = 64
"""As FEW_CELLS, of panes that are put together: a busy minute, which comes again and again before somebody asks."""

MANY_CELLS = 8
"""A minute with so many is a busy one and is put again and again, each time a little longer. Its cells are kept, so
that the next put can tell from which second on it differs; of fewer it is as quick to sum up the whole minute."""

_Row = tuple[int, int, int, int, int]
"""(second, index of the source, completed, cancelled, amount): its own numbers, not summed up"""

End = tuple[int, int, int, int, int]
"""Second of the last row, -1 for none; completed, cancelled and amount up to it, and the peak."""

NOT_TO_BE_EXTENDED: End = (2**62, 0, 0, 0, 0)
"""In place of an end: everything comes before it."""

_MOST_TO_EXTEND = 2**62
"""So large an amount is only put: more in one go might outgrow its column."""

_NOTHING_CHANGED_S = 2**63

_NOTHING: dict[Any, Any] = {}
"""For all that have nothing to keep, which are most: a dict of its own takes 64 bytes. Never changed."""


class Rows:
    """The rows of one schedule; rankings.curve asks the questions. Seconds are whole ones since the epoch, UTC."""

    __slots__ = (
        "_amount",  # n + 1 running sums, from 0: net amount
        "_cancelled",  # the same of cancelled quantities
        "_changed_from_s",  # of what is unsettled: nothing before this second differs from the columns
        "_completed",  # as _cancelled, of completed quantities
        "_latest",  # index of the source -> (minute, cells) of its newest minute, if these are many
        "_peak",  # n + 1: the most that was sold at the end of any second so far, from 0
        "_second",  # n: the second of each row
        "_source",  # n: index into _sources
        "_sources",
        "_unsettled",  # (minute, index of the source) -> its cells, not yet in the columns
        "_unsettled_cells",
    )

    STARTS_AT_ZERO: ClassVar = (False, False, True, True, True, True)
    """Of columns(): the running sums and maxima have a 0 before the first row's."""

    def __init__(self) -> None:
        self._sources: tuple[Hashable, ...] = ()
        self._latest: dict[int, tuple[int, Sequence[Cell]]] = _NOTHING
        self._unsettled: dict[tuple[int, int], Sequence[Cell]] = _NOTHING
        self._unsettled_cells = 0
        self._changed_from_s = _NOTHING_CHANGED_S
        self._second: Column = array("I")
        self._source: Column = array("H")
        self._completed: Column = array("I", (0,))
        self._cancelled: Column = array("I", (0,))
        self._amount: Column = array("q", (0,))
        self._peak: Column = array("I", (0,))

    def columns(self) -> tuple[tuple[Hashable, ...], tuple[Column, ...]]:
        """The sources, and every column: second, source, completed, cancelled, amount, peak. Not to be changed."""
        self.settle()
        sums = (self._completed, self._cancelled, self._amount, self._peak)
        return self._sources, (self._second, self._source, *sums)

    @classmethod
    def of_columns(cls, sources: tuple[Hashable, ...], columns: Sequence[Column]) -> Self:
        """The inverse of columns(); takes them over."""
        rows = cls()
        rows._sources = sources
        rows._second, rows._source, rows._completed, rows._cancelled, rows._amount, rows._peak = columns
        return rows

    def put(self, source: Hashable, minute: int, cells: Sequence[Cell]) -> int:
        """From now on source has these cells, and no others, in a minute since the epoch; there may be none.

        cells: seconds of that minute, ascending; not to be changed afterwards. What other sources have in the same
        minute or second is added to it. Cheap: one cell behind all others is added to the columns, which the next
        question brings up to date with everything else.
        """
        changed_from_s = self._put(self._index(source), minute, cells)
        self._settle_many(FEW_CELLS)
        return changed_from_s

    @property
    def sources(self) -> tuple[Hashable, ...]:
        """Those that it may have rows of."""
        return self._sources

    @property
    def end(self) -> End:
        """Its last row; NOT_TO_BE_EXTENDED where rows behind it can only be put."""
        columns = self._second, self._source, self._completed, self._cancelled, self._amount, self._peak
        amount = self._amount[-1]
        if self._unsettled or list in map(type, columns) or not -_MOST_TO_EXTEND < amount < _MOST_TO_EXTEND:
            return NOT_TO_BE_EXTENDED
        last_s = self._second[-1] if self._second else -1
        return last_s, self._completed[-1], self._cancelled[-1], amount, self._peak[-1]

    def extend(self, sources: tuple[Hashable, ...], *columns: bytes) -> None:
        """Put rows behind `end`, as columns() has them, whose numbers of sources are indices of these.

        sources: the own ones first. columns: as the machine holds them.
        """
        self._sources = sources
        self._latest = _NOTHING
        second, source, completed, cancelled, amount, peak = columns
        self._second.frombytes(second)  # type: ignore[union-attr]
        self._source.frombytes(source)  # type: ignore[union-attr]
        self._completed.frombytes(completed)  # type: ignore[union-attr]
        self._cancelled.frombytes(cancelled)  # type: ignore[union-attr]
        self._amount.frombytes(amount)  # type: ignore[union-attr]
        self._peak.frombytes(peak)  # type: ignore[union-attr]

    def put_all(self, panes: Iterable[tuple[Hashable, int, Sequence[Cell]]]) -> None:
        """As put of each, with its source and minute; somebody settles them soon."""
        for source, minute, cells in panes:
            self._put(self._index(source), minute, cells)
        self._settle_many(SOME_CELLS)

    def _put(self, index: int, minute: int, cells: Sequence[Cell]) -> int:
        changed_from_s = minute * MINUTE_S
        place = minute, index
        seconds = self._second
        if len(cells) == 1 and (not seconds or seconds[-1] < changed_from_s) and place not in self._unsettled:
            # Behind all rows, which is what mostly happens with many schedules: nothing is to be replaced.
            if self._latest:
                self._latest.pop(index, None)
            ((second, completed, cancelled, amount),) = cells
            self._add_one(second, index, completed, cancelled, amount)
            return changed_from_s
        latest = self._latest.get(index)
        if latest is not None and latest[0] == minute:
            changed_from_s = _first_difference_s(latest[1], cells)
        if latest is None or latest[0] <= minute:
            if len(cells) >= MANY_CELLS:
                self._latest = self._latest or {}
                self._latest[index] = minute, cells
            elif latest is not None:
                del self._latest[index]
        if changed_from_s < self._changed_from_s:
            self._changed_from_s = changed_from_s
        self._unsettled_cells += len(cells) - len(self._unsettled.get(place, ()))
        self._unsettled = self._unsettled or {}
        self._unsettled[place] = cells
        return changed_from_s

    def _settle_many(self, few: int) -> None:
        if self._unsettled_cells > few + len(self._second) // 4:
            self._settle()

    def settle(self) -> None:
        """What was put is in the columns then, as after any question."""
        if self._unsettled:
            self._settle()

    @property
    def completed_at_most(self) -> int:
        """No more than this was completed in all: told without settling, which counts some cells twice."""
        unsettled = self._unsettled.values()
        return self._completed[-1] + sum([completed for cells in unsettled for _, completed, _, _ in cells])

    def may_reach(self, from_s: int) -> bool:
        """Whether there may be anything at from_s or later; told without settling, and never wrongly denied."""
        if self._second and self._second[-1] >= from_s:
            return True
        return any(cells[-1][0] >= from_s for cells in self._unsettled.values() if cells)

    def _index(self, source: Hashable) -> int:
        try:
            return self._sources.index(source)
        except ValueError:
            self._sources += (source,)
            return len(self._sources) - 1

    def _settle(self) -> None:
        """Bring the columns up to date: everything from the first changed second on is summed up anew."""
        changed, from_s = self._unsettled, self._changed_from_s
        self._unsettled, self._unsettled_cells, self._changed_from_s = _NOTHING, 0, _NOTHING_CHANGED_S
        old, rows = self._cut(bisect_left(self._second, from_s)), list[_Row]()
        behind = list[_Row]()
        if old:
            # Behind the last changed minute, rows only get new sums: after a late sale that is most of them.
            last_minute = max([minute for minute, _ in changed])
            end = bisect_left(old, ((last_minute + 1) * MINUTE_S,))
            rows = [row for row in old[:end] if (row[0] // MINUTE_S, row[1]) not in changed]
            behind = old[end:]
        for (_, source), cells in changed.items():
            later = cells[bisect_left(cells, (from_s,)) :]
            rows += [(s, source, completed, cancelled, amount) for s, completed, cancelled, amount in later]
        rows.sort()
        rows += behind
        if len(rows) == 1:
            self._add_one(*rows[0])
        elif rows:
            self._add(rows)

    def _cut(self, first: int) -> list[_Row]:
        """Take the rows from `first` on out of the columns."""
        if first == len(self._second):
            return []
        sums = (self._completed, self._cancelled, self._amount)
        numbers = [map(sub, column[first + 1 :], column[first:]) for column in sums]
        rows = list(zip(self._second[first:], self._source[first:], *numbers, strict=True))
        del self._second[first:], self._source[first:]
        for column in (*sums, self._peak):
            del column[first + 1 :]
        return rows

    def _add_one(self, second: int, source: int, completed: int, cancelled: int, amount: int) -> None:
        """As _add of one row, and five times as fast: with many schedules, one more sale is what each mostly gets."""
        of_completed, of_cancelled, of_amount, of_peak = self._completed, self._cancelled, self._amount, self._peak
        all_completed, all_cancelled = of_completed[-1] + completed, of_cancelled[-1] + cancelled
        peak, rows = of_peak[-1], len(self._second)
        if all_completed - all_cancelled > peak:
            peak = all_completed - all_cancelled
        try:
            self._second.append(second)
            self._source.append(source)
            of_completed.append(all_completed)
            of_cancelled.append(all_cancelled)
            of_amount.append(of_amount[-1] + amount)
            of_peak.append(peak)
        except OverflowError:  # some columns have the row, one has to become a list
            for column in (self._second, self._source):
                del column[rows:]
            for column in (of_completed, of_cancelled, of_amount, of_peak):
                del column[rows + 1 :]
            self._add([(second, source, completed, cancelled, amount)])

    def _add(self, rows: list[_Row]) -> None:
        """Put rows at the end of the columns: at least one, in order, and all in later seconds."""
        completed, cancelled, amount = self._completed[-1], self._cancelled[-1], self._amount[-1]
        peak, last = self._peak[-1], len(rows) - 1
        sums = list[tuple[int, int, int, int]]()
        for number, (second, _, its_completed, its_cancelled, its_amount) in enumerate(rows):
            completed += its_completed
            cancelled += its_cancelled
            amount += its_amount
            # Sources follow one another within a second by chance: a sum amid it never was and makes no peak.
            if completed - cancelled > peak and (number == last or rows[number + 1][0] != second):
                peak = completed - cancelled
            sums.append((completed, cancelled, amount, peak))
        seconds, sources, *_ = zip(*rows, strict=True)
        self._second = extended(self._second, seconds)
        self._source = extended(self._source, sources)
        of_completed, of_cancelled, of_amount, of_peak = zip(*sums, strict=True)
        self._completed = extended(self._completed, of_completed)
        self._cancelled = extended(self._cancelled, of_cancelled)
        self._amount = extended(self._amount, of_amount)
        self._peak = extended(self._peak, of_peak)


def _first_difference_s(before: Sequence[Cell], after: Sequence[Cell]) -> int:
    """The first second in which two lists of cells of the same minute differ."""
    same = max(len(before) - 1, 0)
    if before[:same] != after[:same]:  # mostly only the newest second has changed: all others are compared at once
        same = 0
    for old, new in zip(before[same:], after[same:], strict=False):
        if old != new:
            return min(old[0], new[0])
    if len(before) == len(after):
        return _NOTHING_CHANGED_S
    longer, shorter = (before, after) if len(before) > len(after) else (after, before)
    return longer[len(shorter)][0]
