"""The first rows of a board of a past instant, mended by what comes late, without keeping or sorting all of it."""

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping
from heapq import nsmallest
from itertools import chain

from ranking_app.rankings.boards.board import STEP_SCHEDULES, Board, Row
from ranking_app.rankings.schedule import Schedule

SPARE = 32
"""More rows than are wanted: so many may leave before all schedules have to be looked at again."""


class LeadingRows:
    """At least the first `wanted` rows of a board as of an instant, all of them where it has no more."""

    def __init__(self, board: Board, as_of_s: int, wanted: int) -> None:
        self._key_of = board.key_at(as_of_s)
        self._wanted = wanted
        self._most = wanted + SPARE
        self._whole = True
        self.rows: list[Row] = []

    def build(self, schedules: Mapping[str, Schedule]) -> None:
        """From nothing."""
        for _ in self.build_in_steps(schedules):
            pass

    def build_in_steps(self, schedules: Mapping[str, Schedule]) -> Iterator[None]:
        """As build, some schedules in a step. What changes between two of them is in the rows once it is mended.

        Until the last step they are the rows that they were.
        """
        inside, rows = list(schedules.values()), list[Row]()
        for start in range(0, len(inside), STEP_SCHEDULES):
            some = inside[start : start + STEP_SCHEDULES]
            found = (row for schedule in some if (row := self._row(schedule)) is not None)
            rows = nsmallest(self._most, chain(rows, found))
            yield
        self.rows = rows
        self._whole = len(rows) < self._most

    def mend(self, schedules: Mapping[str, Schedule], changed: Iterable[str]) -> None:
        """After changes of these schedules."""
        ids = set(changed)
        # Rows behind the last one kept are not known: what comes to stand there is left out again.
        last = None if self._whole else self.rows[-1]
        rows = [row for row in self.rows if row[2] not in ids]
        for id_ in ids:
            schedule = schedules.get(id_)
            row = None if schedule is None else self._row(schedule)
            if row is not None and (last is None or row[:3] <= last[:3]):
                insort(rows, row)
        if len(rows) > self._most:
            self._whole = False
        self.rows = rows[: self._most]
        if not self._whole and len(self.rows) < self._wanted:
            self.build(schedules)

    def _row(self, schedule: Schedule) -> Row | None:
        key = self._key_of(schedule)
        return None if key is None else (*key, schedule.id, schedule)
