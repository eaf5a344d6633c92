"""A board that is kept up to date: only what changed, or what time brought in or out, is looked at again.

A live board of 10,000 schedules is asked for hundreds of times a second while thousands of sales come in; sorting all
of it each time would leave no time for anything else. Its rows are always those of Board.rows.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush

from ranking_app.rankings.boards.board import STEP_SCHEDULES, Board, KeyOf, Ranked, Row, merged_in_steps
from ranking_app.rankings.change_log import Changes
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.slices import Slice

ONE_BY_ONE = 100
"""Up to one change in so many rows is put in its place by itself; of more, all rows are gone through once: as quick."""

STEP_CHANGES = 50
"""A schedule takes 5 us, or up to 100 where much of it has to be settled first."""


class LiveBoard:
    """One board of one slice; asOf only moves forward, else it is built anew."""

    def __init__(self, board: Board, part: Slice) -> None:
        self._board = board
        self._slice = part
        self._holds_all = part.is_everything
        self._as_of_s = 0
        self._row_of: dict[str, Row] = {}
        self._next_s: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        # Of those that were looked at and are not in their place yet: the row that `ranked` has of them.
        self._outdated: dict[str, Row | None] = {}
        self.ranked = Ranked(board, 0, [])

    @property
    def as_of_s(self) -> int:
        """The newest instant as of which anything in it was looked at."""
        return self._as_of_s

    def build(self, schedules: Mapping[str, Schedule], as_of_s: int) -> Ranked:
        """From nothing."""
        for _ in self.build_in_steps(schedules, as_of_s):
            pass
        return self.ranked

    def build_in_steps(self, schedules: Mapping[str, Schedule], as_of_s: int) -> Iterator[None]:
        """As build, some schedules in a step. What changes between two is on the board after an `advance` by it.

        Until the last step it is the board that it was.
        """
        everything, runs = list(schedules.values()), list[list[Row]]()
        row_of, next_s, heap = dict[str, Row](), dict[str, int](), list[tuple[int, str]]()
        for start in range(0, len(everything), STEP_SCHEDULES):
            inside = list(self._slice.of(everything[start : start + STEP_SCHEDULES]))
            runs.append(self._board.rows(inside, as_of_s))
            row_of |= {row[2]: row for row in runs[-1]}
            for schedule in inside:  # in the same step: both are of the same sales
                at_s = self._board.next_change_s(schedule, as_of_s)
                if at_s is not None:
                    next_s[schedule.id] = at_s
                    heappush(heap, (at_s, schedule.id))
            yield
        rows = yield from merged_in_steps(runs)
        self._row_of, self._next_s, self._heap = row_of, next_s, heap
        self._as_of_s, self._outdated = as_of_s, {}
        self.ranked = Ranked(self._board, as_of_s, rows)

    def advance(self, schedules: Mapping[str, Schedule], changes: Changes, as_of_s: int) -> Ranked:
        """After these changes, as of the same instant as before or a later one."""
        if as_of_s < self._as_of_s:
            return self.build(schedules, as_of_s)
        self.prepare(schedules, changes, as_of_s)
        ids: set[str] = set()
        while self._heap and self._heap[0][0] <= as_of_s:
            at_s, id_ = heappop(self._heap)
            if self._next_s.get(id_) == at_s:
                ids.add(id_)
        self._look_at(ids, schedules, as_of_s)
        if not self._outdated and as_of_s == self.ranked.as_of_s:
            return self.ranked
        self.ranked = self.ranked.mended(as_of_s, self._replace_outdated(self.ranked.rows))
        return self.ranked

    def prepare(self, schedules: Mapping[str, Schedule], changes: Changes, as_of_s: int) -> None:
        """Look at what changed without putting it in its place: part of the next `advance`, to be done in steps.

        as_of_s: no earlier than the board's. What is not in its place yet is nothing to be seen in `ranked`.
        """
        if self._need_not_look_at(changes, as_of_s):
            return
        if changes.from_s < as_of_s:
            self._look_at(changes.ids, schedules, as_of_s)
        else:  # a board of an hour ago: what happens now concerns it in an hour
            self._look_later(changes.ids, changes.from_s + 1)

    def prepare_in_steps(self, schedules: Mapping[str, Schedule], changes: Changes, as_of_s: int) -> Iterator[None]:
        """As prepare, some changes in a step; between two of them the board may be moved on to later instants."""
        if self._need_not_look_at(changes, as_of_s):
            return
        ids = list(changes.ids)
        for start in range(0, len(ids), STEP_CHANGES):
            some = Changes(set(ids[start : start + STEP_CHANGES]), changes.from_s, changes.until_s)
            self.prepare(schedules, some, max(as_of_s, self._as_of_s))
            yield

    def _need_not_look_at(self, changes: Changes, as_of_s: int) -> bool:
        """A board of the last minute while a backlog of yesterday is read: nothing of it counts from now on."""
        if changes.until_s > self._board.counts_from_s(as_of_s):
            return False
        self._as_of_s = max(self._as_of_s, as_of_s)  # as of an earlier one it may count: then the board is built anew
        return True

    def _look_at(self, ids: Iterable[str], schedules: Mapping[str, Schedule], as_of_s: int) -> None:
        """See where these stand now; those that are not where they were are noted, to be replaced."""
        key_of, row_of, outdated = self._board.key_at(as_of_s), self._row_of, self._outdated
        self._as_of_s = as_of_s
        for id_ in ids:
            before, row = row_of.get(id_), self._look(schedules.get(id_), id_, as_of_s, key_of)
            if row is None:
                if before is None:
                    continue
                del row_of[id_]
            elif before is None or before[0] != row[0] or before[1] != row[1] or before[3] is not row[3]:
                row_of[id_] = row
            else:
                continue
            outdated.setdefault(id_, before)

    def _look_later(self, ids: Iterable[str], at_s: int) -> None:
        for id_ in ids:
            known_s = self._next_s.get(id_)
            if known_s is None or known_s > at_s:
                self._next_s[id_] = at_s
                heappush(self._heap, (at_s, id_))

    def _look(self, schedule: Schedule | None, id_: str, as_of_s: int, key_of: KeyOf) -> Row | None:
        """The schedule's row as it is now; notes when it may change by itself."""
        if schedule is None or not (self._holds_all or self._slice.holds(schedule)):
            self._next_s.pop(id_, None)
            return None
        key = key_of(schedule)
        at_s = self._board.next_change_s(schedule, as_of_s)
        if at_s is None:
            self._next_s.pop(id_, None)
        elif self._next_s.get(id_) != at_s:
            self._next_s[id_] = at_s
            heappush(self._heap, (at_s, id_))
        return None if key is None else (key[0], key[1], id_, schedule)

    def _replace_outdated(self, rows: list[Row]) -> int:
        """Returns how much the sum of the rows' keys has grown."""
        outdated, self._outdated = self._outdated, {}
        fresh = [row for id_ in outdated if (row := self._row_of.get(id_)) is not None]
        gained = sum([new[0] for new in fresh]) - sum([old[0] for old in outdated.values() if old is not None])
        if len(outdated) * ONE_BY_ONE > len(rows):
            # By address, without a look into rows that stay where they are.
            replaced = {id(row) for row in outdated.values()}
            fresh.sort()
            rows[:] = _merged([row for row in rows if id(row) not in replaced], fresh)
            return gained
        for old in outdated.values():
            if old is not None:
                del rows[bisect_left(rows, old[:3])]
        for new in fresh:
            insort(rows, new)
        return gained


def _merged(rows: list[Row], fresh: list[Row]) -> list[Row]:
    """Both in one, all in order as each of them is.

    A search for the place of each fresh one takes half of the time of sorting: it compares fewer.
    """
    merged: list[Row] = []
    at = 0
    for row in fresh:
        before, at = at, bisect_left(rows, row, at)
        merged += rows[before:at]
        merged.append(row)
    merged += rows[at:]
    return merged
