"""A board that is kept up to date: only what changed, or what time brought in or out, is looked at again.

A live board of 10,000 schedules is asked for hundreds of times a second while thousands of sales come in; sorting all
of it each time would leave no time for anything else. Its rows are always those of Board.rows.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush

from ranking_app.rankings.boards.board import Board, KeyOf, Ranked, Row
from ranking_app.rankings.change_log import Changes
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.slices import Slice

ONE_BY_ONE = 50
"""Up to one change in so many rows is put in its place by bisection; of more, all are sorted again: as quick."""


class LiveBoard:
    """One board of one slice; asOf only moves forward, else it is built anew."""

    def __init__(self, board: Board, part: Slice) -> None:
        self._board = board
        self._slice = part
        self._row_of: dict[str, Row] = {}
        self._next_s: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self.ranked = Ranked(board, 0, [])

    @property
    def as_of_s(self) -> int:
        """Of the board as it is."""
        return self.ranked.as_of_s

    def build(self, schedules: Mapping[str, Schedule], as_of_s: int) -> Ranked:
        """From nothing."""
        inside = list(self._slice.of(schedules.values()))
        rows = self._board.rows(inside, as_of_s)
        self._row_of = {row[2]: row for row in rows}
        moments = ((s.id, self._board.next_change_s(s, as_of_s)) for s in inside)
        self._next_s = {id_: at_s for id_, at_s in moments if at_s is not None}
        self._heap = [(at_s, id_) for id_, at_s in self._next_s.items()]
        heapify(self._heap)
        self.ranked = Ranked(self._board, as_of_s, rows)
        return self.ranked

    def advance(self, schedules: Mapping[str, Schedule], changes: Changes, as_of_s: int) -> Ranked:
        """After these changes, as of the same instant as before or a later one."""
        if as_of_s < self.ranked.as_of_s:
            return self.build(schedules, as_of_s)
        ids: set[str] = set()
        if changes.from_s < as_of_s:
            ids |= changes.ids
        else:  # a board of an hour ago: what happens now concerns it in an hour
            self._look_later(changes.ids, changes.from_s + 1)
        while self._heap and self._heap[0][0] <= as_of_s:
            at_s, id_ = heappop(self._heap)
            if self._next_s.get(id_) == at_s:
                ids.add(id_)
        if not ids and as_of_s == self.ranked.as_of_s:
            return self.ranked
        rows, key_of = self.ranked.rows, self._board.key_at(as_of_s)
        looks = [(self._row_of.get(id_), self._look(schedules.get(id_), id_, as_of_s, key_of)) for id_ in ids]
        self._replace(rows, looks)
        self.ranked = Ranked(self._board, as_of_s, rows)
        return self.ranked

    def _look_later(self, ids: Iterable[str], at_s: int) -> None:
        for id_ in ids:
            known_s = self._next_s.get(id_)
            if known_s is None or known_s > at_s:
                self._next_s[id_] = at_s
                heappush(self._heap, (at_s, id_))

    def _look(self, schedule: Schedule | None, id_: str, as_of_s: int, key_of: KeyOf) -> Row | None:
        """The schedule's row as it is now."""
        if schedule is None or not self._slice.holds(schedule):
            self._next_s.pop(id_, None)
            self._row_of.pop(id_, None)
            return None
        key = key_of(schedule)
        row = None if key is None else (*key, id_, schedule)
        if row is None:
            self._row_of.pop(id_, None)
        else:
            self._row_of[id_] = row
        at_s = self._board.next_change_s(schedule, as_of_s)
        if at_s is None:
            self._next_s.pop(id_, None)
        elif self._next_s.get(id_) != at_s:
            self._next_s[id_] = at_s
            heappush(self._heap, (at_s, id_))
        return row

    def _replace(self, rows: list[Row], changes: list[tuple[Row | None, Row | None]]) -> None:
        if len(changes) * ONE_BY_ONE > len(rows):
            gone = {old[2] for old, _ in changes if old is not None}
            rows[:] = [row for row in rows if row[2] not in gone]
            rows.extend(new for _, new in changes if new is not None)
            rows.sort()
            return
        for old, new in changes:
            if old is new or (old is not None and new is not None and old[:2] == new[:2] and old[3] is new[3]):
                continue
            if old is not None:
                del rows[bisect_left(rows, old[:3])]
            if new is not None:
                insort(rows, new)
