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
from ranking_app.rankings.numbering import NO_NUMBER
from ranking_app.rankings.panes import MINUTE_S, Cell
from ranking_app.read_model.pane_offsets import MINUTE_SHIFT, SOURCE_BITS, Numbers, pane_numbers
from tables.changed import Fresh
from tables.layout import parse_pane_keys, schedules_of

_NONE = -1

Columns = NDArray[np.int64]
"""Number (pane_offsets.pane_number), applied, first, second since the epoch, completed, cancelled, amount."""

COLUMNS = 7

FEWEST_ROWS, ROOM_ROWS = 16_384, 2**21
"""Room is made for so many, a megabyte, and then for so many at once: nothing has to be moved again, and what nobody
has written to takes no memory. Should more come, it is doubled."""

TAKEN_SCHEDULES, TAKEN_ROWS = 250, 4_000
"""Taken in one go, some milliseconds with what is done with them; a schedule may have more rows by itself."""


FEW_LEFT = 8
"""Of fewer schedules, rows are sooner found one by one."""


class Begun(NamedTuple):
    """Panes of few cells as they were written, at least one. of_rows: the schedule of each row."""

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
    return Begun(of_rows, minutes, columns)


def begun_fresh(partition: int, fresh: Fresh) -> tuple[tuple[int, int], Columns]:
    """Minutes and columns, as of Begun, of panes of one cell whose numbers are known."""
    role, applied, first, second, *counted = fresh.columns
    minute = second // MINUTE_S
    numbers = pane_numbers(role, np.full(len(fresh), partition), minute)
    minutes = int(minute.min()), int(minute.max())
    return minutes, np.array([numbers, applied, first, second, *counted])


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
    order = _order(schedule, some.columns[0])  # a pane's rows stay as they came
    schedule, columns = schedule[order], some.columns.take(order, axis=1)
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
    rows = np.vstack((columns[3], source, columns[4:])).take(_order(schedule, columns[3]), axis=1)
    lengths = np.bincount(schedule).tolist()
    return Arranged(set(went_back.tolist()), panes, pane_ends, lengths, rows, codes.tolist())


def _order(schedule: Numbers, within: Numbers) -> Numbers:
    """The order of schedules, and within each of these numbers; equals stay as they are."""
    least = int(within.min())
    apart = int(within.max()) - least + 1
    if apart * (int(schedule[-1]) + 1) < 2**63:
        # One number tells both. They are nearly in order: a tenth of the time.
        return np.argsort(schedule * apart + (within - least), kind="stable")
    return np.lexsort((within, schedule))


class BegunPanes:
    """Those that wait, by schedule. Not thread-safe."""

    def __init__(self) -> None:
        self._index: dict[str, int] = {}
        """Of every schedule that has come since all was forgotten; `_ids` the other way round."""
        self._ids: list[str] = []
        self._newest = array("q")
        """By index, the newest row of each schedule."""
        self._waiting = array("q")
        """By index, how many rows of each wait."""
        self._numbering, self._of_number = "", np.empty(0, np.int64)
        """By number in this numbering, the index of each schedule; _NONE where it is not known yet."""
        self._schedules = 0
        """How many have something that waits."""
        self._rows = 0
        self._columns: Columns = np.empty((COLUMNS, 0), np.int64)
        """There is room for more rows; and in `_before`, too."""
        self._before: Numbers = np.empty(0, np.int64)
        """Of each row, the one before it of the same schedule."""

    def __len__(self) -> int:
        """How many rows are in memory; some may have been taken already."""
        return self._rows

    def __contains__(self, schedule_id: str) -> bool:
        index = self._index.get(schedule_id)
        return index is not None and self._newest[index] != _NONE

    def index_of_fresh(self, keys: Sequence[bytes], fresh: Fresh) -> Numbers:
        """As index_of the schedules of these panes, which are looked up once for each of their numbers."""
        if fresh.numbering and fresh.numbering != self._numbering:
            self._numbering, self._of_number = fresh.numbering, np.empty(0, np.int64)
        numbers = fresh.schedules
        if (room := max(int(numbers.max()), 0) + 1) > len(self._of_number):
            self._of_number = np.append(self._of_number, np.full(room + room // 2 - len(self._of_number), _NONE))
        index = np.where(numbers == NO_NUMBER, _NONE, self._of_number[numbers])
        unknown = np.flatnonzero(index == _NONE)
        if len(unknown):
            index[unknown] = self.index_of(schedules_of([keys[row] for row in unknown.tolist()]))
            numbered = unknown[numbers[unknown] != NO_NUMBER]
            self._of_number[numbers[numbered]] = index[numbered]
        return index

    def add(self, index: Numbers, columns: Columns) -> tuple[list[str], list[str]]:
        """Have these rows of schedules with these indices wait; a schedule's are taken in the order in which they came.

        Returns the ids, one text for each schedule, and those of which nothing waited.
        """
        first, self._rows = self._rows, self._rows + len(index)
        self._make_room()
        self._columns[:, first : self._rows] = columns
        order = np.argsort(index, kind="stable")
        schedule, row = index[order], first + order
        begins = np.flatnonzero(np.append(True, schedule[1:] != schedule[:-1]))
        newest = np.frombuffer(self._newest, np.int64)
        before = np.append(_NONE, row[:-1])
        before[begins] = waited = newest[schedule[begins]]
        self._before[row] = before
        ends = np.append(begins[1:], len(row))
        newest[schedule[begins]] = row[ends - 1]
        np.frombuffer(self._waiting, np.int64)[schedule[begins]] += ends - begins
        new = schedule[begins[waited == _NONE]].tolist()
        self._schedules += len(new)
        of_index = self._ids.__getitem__
        return list(map(of_index, index.tolist())), list(map(of_index, new))

    def take(self, ids: Iterable[str]) -> Iterator[Taken]:
        """What waits of these schedules, and is forgotten: of some schedules at a time.

        Whoever takes some reads them before anything else is done.
        """
        ids = list(dict.fromkeys(ids))
        start = 0
        while start < len(ids) and self._schedules:
            some = ids[start : start + TAKEN_SCHEDULES]
            index = np.fromiter(map(self._index.get, some, repeat(_NONE)), np.int64, len(some))
            lengths = np.where(index == _NONE, 0, np.frombuffer(self._waiting, np.int64)[index])
            count = max(int(np.searchsorted(np.cumsum(lengths), TAKEN_ROWS, "right")), 1)
            start += count
            index = index[:count][lengths[:count] > 0]
            if len(index):
                yield self._taken(index)
        if self._rows and not self._schedules:
            self.clear()

    def ids(self) -> list[str]:
        """Schedules of which something waits."""
        return [schedule_id for schedule_id, row in zip(self._ids, self._newest, strict=False) if row != _NONE]

    def clear(self) -> None:
        """Forget everything."""
        self.__init__()  # type: ignore[misc]

    def index_of(self, ids: Sequence[str]) -> Numbers:
        """Of each of these schedules, until all is forgotten."""
        index = self._index
        found: list[int | None] = list(map(index.get, ids))
        if None in found:
            for at, known in enumerate(found):
                if known is None:
                    found[at] = new = index.setdefault(ids[at], len(index))
                    if new == len(self._ids):
                        self._ids.append(ids[at])
                        self._newest.append(_NONE)
                        self._waiting.append(0)
        return np.array(found, np.int64)

    def _taken(self, index: Numbers) -> Taken:
        """What waits of these schedules, each of which has some, in the order in which it came; it waits no more."""
        newest, waiting = np.frombuffer(self._newest, np.int64), np.frombuffer(self._waiting, np.int64)
        lengths, row = waiting[index], newest[index]
        self._schedules -= len(index)
        newest[index], waiting[index] = _NONE, 0
        place = np.cumsum(lengths) - 1
        rows = np.empty(lengths.sum(), np.int64)
        # From the newest of each to the ones before them; with few left, one by one.
        while len(row) > FEW_LEFT:
            rows[place] = row
            before = self._before[row]
            more = before != _NONE
            place, row = place[more] - 1, before[more]
        for its_place, its_row in zip(place.tolist(), row.tolist(), strict=True):
            left = self._and_before(its_row)
            rows[its_place - len(left) + 1 : its_place + 1] = left
        ids = list(map(self._ids.__getitem__, index.tolist()))
        return Taken(ids, lengths.tolist(), self._columns.take(rows, axis=1))

    def _and_before(self, row: int) -> list[int]:
        """A row and those before it of the same schedule, in the order in which they came."""
        rows, before = [row], self._before.data  # of which an integer is read in half the time
        while (row := before[row]) != _NONE:
            rows.append(row)
        rows.reverse()
        return rows

    def _make_room(self) -> None:
        room = self._columns.shape[1]
        if self._rows > room:
            larger = max(ROOM_ROWS if room else FEWEST_ROWS, 2 * room if room >= ROOM_ROWS else 0, self._rows)
            columns, before = np.empty((COLUMNS, larger), np.int64), np.empty(larger, np.int64)
            columns[:, :room], before[:room] = self._columns, self._before
            self._columns, self._before = columns, before
