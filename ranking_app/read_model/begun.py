"""Panes of few cells that wait as columns, until somebody asks their schedule or there are many.

While a backlog of many schedules is read, nearly every event begins a pane of its own. Put into its curve at once, each
takes some 10 us; as columns, and many of a schedule together, a fifth of that.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking_app.rankings.few_cells import few_cells
from ranking_app.rankings.panes import MINUTE_S, Cell
from ranking_app.read_model.pane_offsets import MINUTE_SHIFT, SOURCE_BITS, pane_numbers
from tables.layout import parse_pane_keys

_NONE = -1

Columns = NDArray[np.int64]
"""Number (pane_offsets.pane_number), applied, first, second since the epoch, completed, cancelled, amount."""

COLUMNS = 7

FEWEST_ROWS = 16_384
"""Room is made for at least so many, a megabyte, and doubled when it is full."""

TAKEN_SCHEDULES, TAKEN_ROWS = 250, 4_000
"""Taken in one go, some milliseconds with what is done with them; the last schedule may have more rows."""


class Begun(NamedTuple):
    """Panes of few cells as they were written, at least one. ids: of their schedules; of_rows: of each row's."""

    ids: list[str]
    of_rows: list[str]
    minutes: tuple[int, int]
    """The first and the last of them."""
    columns: Columns


class Taken(NamedTuple):
    """Rows of some schedules, one schedule after the other, as they came; lengths: how many each has."""

    ids: list[str]
    lengths: list[int]
    columns: Columns


class Arranged(NamedTuple):
    """The same, each schedule's panes as they came last.

    went_back: indices of schedules of which each pane has to be looked at: one came with a lower offset than before.
    panes: (number, applied, first) of each, in the order of numbers, shape (panes, 3). pane_ends: of each schedule.
    lengths: how many rows each has. rows: second, source, completed, cancelled, amount, in the order of seconds.
    codes: what the numbers of sources stand for, as pane numbers have them.
    """

    went_back: set[int]
    panes: Columns
    pane_ends: list[int]
    lengths: list[int]
    rows: Columns
    codes: list[int]


def begun(panes: Sequence[tuple[bytes, bytes]]) -> Begun | None:
    """The panes with these keys and texts. None where each has to be looked at by itself (rankings.few_cells)."""
    keys, values = zip(*panes, strict=True)
    found = few_cells(values)
    if found is None:
        return None
    lengths, (applied, first, second, *counted) = found
    (role, partition, minute), ids = parse_pane_keys(keys)
    minutes = int(minute.min()), int(minute.max())
    number = np.repeat(pane_numbers(role, partition, minute), lengths)
    of_rows = list(chain.from_iterable(map(repeat, ids, lengths))) if len(number) > len(ids) else ids
    columns = np.array([number, applied, first, (number >> MINUTE_SHIFT) * MINUTE_S + second, *counted])
    return Begun(ids, of_rows, minutes, columns)


def versions(columns: Columns) -> Iterator[tuple[int, int, int, list[Cell]]]:
    """Of one schedule, in the order in which they came: number, applied and first of a pane, and its cells.

    A pane never has fewer seconds than before, so one that comes again begins where the seconds do not ascend.
    """
    pane: tuple[int, int, int] | None = None
    cells: list[Cell] = []
    for number, applied, first, *cell in columns.T.tolist():
        if pane != (number, applied, first) or cell[0] <= cells[-1][0]:
            if pane is not None:
                yield *pane, cells
            pane, cells = (number, applied, first), []
        cells.append(tuple(cell))
    if pane is not None:
        yield *pane, cells


def arranged(some: Taken) -> Arranged:
    """What was taken, in order."""
    schedule = np.repeat(np.arange(len(some.ids)), some.lengths)
    order = np.lexsort((some.columns[0], schedule))  # stable: a pane's rows stay as they came
    schedule, columns = schedule[order], some.columns[:, order]
    number, applied, _, second = columns[:4]
    same_pane = (number[1:] == number[:-1]) & (schedule[1:] == schedule[:-1])
    went_back = schedule[1:][same_pane & (applied[1:] < applied[:-1])]
    same_version = same_pane & (applied[1:] == applied[:-1]) & (second[1:] > second[:-1])  # as in `versions`
    version = np.cumsum(np.append(True, ~same_version))
    last = np.append(~same_pane, True)
    pane = np.cumsum(np.append(True, ~same_pane)) - 1
    newest = version == version[last][pane]
    panes, pane_ends = np.ascontiguousarray(columns[:3, last].T), np.cumsum(np.bincount(schedule[last])).tolist()
    schedule, columns = schedule[newest], columns[:, newest]
    codes, source = np.unique(columns[0] & SOURCE_BITS, return_inverse=True)
    rows = np.vstack((columns[3], source, columns[4:]))[:, np.lexsort((columns[3], schedule))]
    lengths = np.bincount(schedule).tolist()
    return Arranged(set(went_back.tolist()), panes, pane_ends, lengths, rows, codes.tolist())


class BegunPanes:
    """Those that wait, by schedule. Not thread-safe."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}
        """The newest row of each schedule."""
        self._before = array("q")
        """Of each row, the one before it of the same schedule."""
        self._columns: Columns = np.empty((COLUMNS, 0), np.int64)

    def __len__(self) -> int:
        """How many are in memory; some may have been taken already."""
        return len(self._before)

    def __contains__(self, schedule_id: str) -> bool:
        return schedule_id in self._newest

    def add(self, ids: Sequence[str], columns: Columns) -> None:
        """Have these wait; a schedule's panes are taken in the order in which they came."""
        newest, before, first = self._newest, self._before, len(self._before)
        for row, schedule_id in enumerate(ids, first):
            before.append(newest.get(schedule_id, _NONE))
            newest[schedule_id] = row
        if len(before) > self._columns.shape[1]:
            larger = np.empty((COLUMNS, max(2 * self._columns.shape[1], len(before), FEWEST_ROWS)), np.int64)
            larger[:, :first] = self._columns[:, :first]
            self._columns = larger
        self._columns[:, first : len(before)] = columns

    def take(self, ids: Iterable[str]) -> Iterator[Taken]:
        """What waits of these schedules, and is forgotten: of some schedules at a time.

        Whoever takes some reads them before anything else is done.
        """
        some, lengths, rows = list[str](), list[int](), list[int]()
        for schedule_id in ids:
            row = self._newest.pop(schedule_id, _NONE)
            if row == _NONE:
                continue
            own = [row]
            while (row := self._before[row]) != _NONE:
                own.append(row)
            own.reverse()
            some.append(schedule_id)
            lengths.append(len(own))
            rows += own
            if len(some) >= TAKEN_SCHEDULES or len(rows) >= TAKEN_ROWS:
                yield Taken(some, lengths, self._columns[:, rows])
                some, lengths, rows = [], [], []
        if some:
            yield Taken(some, lengths, self._columns[:, rows])
        if not self._newest:
            self.clear()

    def ids(self) -> list[str]:
        """Schedules of which something waits."""
        return list(self._newest)

    def clear(self) -> None:
        """Forget everything."""
        self._newest = {}
        self._before = array("q")
        self._columns = np.empty((COLUMNS, 0), np.int64)
