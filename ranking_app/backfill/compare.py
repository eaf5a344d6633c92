"""Compares two read models: every second of every curve, and how schedules and boards stand at many instants.

Pure: it reads what the models hold and waits for nothing. Boards follow from curves and listings, so equal curves mean
equal boards; they are compared all the same, because the boards are what is promised. Listings are not: both models
read them from one topic.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import zip_longest
from operator import sub

import numpy as np

from ranking_app.backfill.differences import (
    MAX_MINUTES,
    MAX_ROWS,
    BoardDifference,
    BoardRow,
    Compared,
    CurveDifference,
    Differences,
    MinuteDifference,
    RowDifference,
    Stand,
    StandDifference,
)
from ranking_app.rankings.boards.board import DAY_S, HOUR_S, Board
from ranking_app.rankings.boards.sales import SalesBoard
from ranking_app.rankings.boards.sell_out import SellOutBoard
from ranking_app.rankings.columns import Column
from ranking_app.rankings.curve import By, Counts, Curve, Totals
from ranking_app.rankings.milestones import milestones
from ranking_app.rankings.panes import MINUTE_S
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.status import standing
from ranking_app.rankings.ties import ranks
from ranking_app.read_model.state import ReadModel

TOP = 100
"""Rows of each board: a page of it."""

BYS: tuple[By, ...] = ("quantity", "amount")

BOARDS: tuple[Board, ...] = (
    *(SalesBoard(window_s, by) for window_s in (HOUR_S, DAY_S, None) for by in BYS),
    SellOutBoard(None, "soldOut"),
    SellOutBoard(None, "any"),
)

SLICE_SCHEDULES = 500
"""Compared in one step, some 10 ms: whoever follows the models live gets a turn between steps."""

FOREVER_S = 2**40
"""After every second that an event can name."""

NO_TOTALS = Totals(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Question:
    """What to compare. instants_s: ascending; top: rows of each board; until_s: see compare()."""

    instants_s: tuple[int, ...]
    top: int = TOP
    until_s: int | None = None

    @property
    def moments_s(self) -> tuple[int, ...]:
        """The instants that nothing later than until_s counts for."""
        return tuple(at_s for at_s in self.instants_s if self.until_s is None or at_s <= self.until_s)


def instants_between(first_s: int, last_s: int, count: int) -> list[int]:
    """A minute after first_s, and count instants spread evenly from there to last_s, which is the last; ascending.

    Fewer where the span has fewer seconds. ValueError if count < 1 or last_s < first_s.

    >>> instants_between(0, 1_000, 4), instants_between(5, 5, 10)
    ([60, 250, 500, 750, 1000], [5])
    """
    if count < 1 or last_s < first_s:
        raise ValueError(f"expected at least one instant from {first_s} to a later one, got {count} to {last_s}")
    spread = {first_s + (last_s - first_s) * number // count for number in range(1, count + 1)}
    return sorted({*spread, min(first_s + MINUTE_S, last_s)})


def compare(
    old: ReadModel, new: ReadModel, instants_s: Sequence[int], top: int = TOP, *, until_s: int | None = None
) -> Differences:
    """Everything in which two models differ.

    until_s: seconds from there on are not compared, and instants after it are left out: what is still arriving in both
    is no difference.
    """
    comparison = Comparison(old, new, Question(tuple(sorted(set(instants_s))), top, until_s))
    for _ in comparison.steps():
        pass
    return comparison.found()


class Comparison:
    """One comparison in steps, for models that go on following meanwhile; found() after the last one.

    again: only what differed there is looked at.
    """

    def __init__(self, old: ReadModel, new: ReadModel, question: Question, again: Differences | None = None) -> None:
        self._old = old
        self._new = new
        self._question = question
        self._end_s = FOREVER_S if question.until_s is None else question.until_s
        self._ids = sorted(old.schedules.keys() | new.schedules.keys() if again is None else again.schedule_ids)
        if again is None:
            self._boards = [(board, at_s) for at_s in question.moments_s for board in BOARDS]
        else:
            self._boards = [(found.board, found.as_of_s) for found in again.boards]
        self._seconds = self._rows = 0
        self._found_curves: list[CurveDifference] = []
        self._found_stands: list[StandDifference] = []
        self._found_boards: list[BoardDifference] = []

    def steps(self) -> Iterator[None]:
        """Compare. Within a step nothing else runs; between two the models may change."""
        for number, schedule_id in enumerate(self._ids, start=1):
            self._compare_schedule(schedule_id)
            if number % SLICE_SCHEDULES == 0:
                yield
        for board, as_of_s in self._boards:
            self._compare_board(board, as_of_s)
            yield

    def found(self) -> Differences:
        """What differs, as far as the steps have come."""
        instants = len(self._question.moments_s)
        compared = Compared(
            len(self._ids), self._seconds, instants, len(self._boards), self._rows, self._question.until_s
        )
        return Differences(compared, tuple(self._found_curves), tuple(self._found_stands), tuple(self._found_boards))

    def _compare_schedule(self, schedule_id: str) -> None:
        old, new = schedule_of(self._old, schedule_id), schedule_of(self._new, schedule_id)
        same_seconds = _seconds_if_same(old.curve, new.curve, self._end_s)
        if same_seconds is None:
            seconds, difference = _curve_difference(schedule_id, old.curve, new.curve, self._end_s)
            if difference is not None:
                self._found_curves.append(difference)
        else:
            seconds, difference = same_seconds, None
        self._seconds += seconds
        moments_s = self._question.moments_s
        # What stands at the last instant includes every milestone before it; the rest tells since when it differs.
        for as_of_s in moments_s if difference is not None else moments_s[-1:]:
            stands = _stand(old, as_of_s), _stand(new, as_of_s)
            if stands[0] != stands[1]:
                self._found_stands.append(StandDifference(schedule_id, as_of_s, *stands))

    def _compare_board(self, board: Board, as_of_s: int) -> None:
        old, new = (_first_rows(model, board, as_of_s, self._question.top) for model in (self._old, self._new))
        self._rows += max(len(old), len(new))
        if old == new:
            return
        pairs = enumerate(zip_longest(old, new))
        rows = [RowDifference(place, *pair) for place, pair in pairs if pair[0] != pair[1]]
        self._found_boards.append(BoardDifference(board, as_of_s, len(rows), tuple(rows[:MAX_ROWS])))


def seconds_of(curve: Curve, from_s: int, end_s: int) -> dict[int, Totals]:
    """What happened in each second of [from_s, end_s), added up over the sources; none where nothing did."""
    _, (second, _, completed, cancelled, amount, _) = curve.columns()
    numbers = (map(sub, column[1:], column) for column in (completed, cancelled, amount))
    found: dict[int, Totals] = {}
    for at_s, *row in zip(second, *numbers, strict=True):
        if from_s <= at_s < end_s:
            found[at_s] = added(found.get(at_s, NO_TOTALS), Totals(*row))
    return {at_s: totals for at_s, totals in found.items() if any(totals)}


def added(*parts: Totals) -> Totals:
    """The sum of several.

    >>> added(Totals(1, 0, 5), Totals(0, 1, -5))
    Totals(completed=1, cancelled=1, amount=0)
    """
    return Totals(*map(sum, zip(NO_TOTALS, *parts, strict=True)))


def schedule_of(model: ReadModel, schedule_id: str) -> Schedule:
    """A schedule of a model; an empty one where the model has none."""
    return model.schedules.get(schedule_id) or Schedule(schedule_id, Curve(), None)


def _seconds_if_same(old: Curve, new: Curve, end_s: int) -> int | None:
    """How many seconds both have, where a look at whole columns can tell that they are the same; else None.

    A hundred times quicker than second by second, and nearly all schedules are the same.
    """
    ours, theirs = _columns_by_second(old, end_s), _columns_by_second(new, end_s)
    if ours is None or theirs is None:
        return None
    same = all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))
    return len(ours[0]) if same else None


def _columns_by_second(curve: Curve, end_s: int) -> tuple[Counts, ...] | None:
    """The seconds, and what was completed, cancelled and taken by the end of each: copies, one row a second.

    None where numbers have outgrown machine integers.
    """
    _, (second, _, *sums) = curve.columns()
    sums = sums[:3]
    if any(isinstance(column, list) for column in (second, *sums)):
        return None
    seconds = _numbers(second)
    seconds = seconds[: seconds.searchsorted(end_s)]
    last_rows = np.flatnonzero(np.append(seconds[1:] != seconds[:-1], True)[: len(seconds)])
    return seconds[last_rows], *(_numbers(column)[1:][last_rows] for column in sums)


def _numbers(column: Column) -> Counts:
    return np.array(column, dtype=np.int64)


def _curve_difference(schedule_id: str, old: Curve, new: Curve, end_s: int) -> tuple[int, CurveDifference | None]:
    """How many seconds there are in either, and what differs."""
    sides = seconds_of(old, -FOREVER_S, end_s), seconds_of(new, -FOREVER_S, end_s)
    seconds = sorted(sides[0].keys() | sides[1].keys())
    differing = [at_s for at_s in seconds if sides[0].get(at_s) != sides[1].get(at_s)]
    if not differing:
        return len(seconds), None
    minutes = sorted({at_s // MINUTE_S for at_s in differing})
    listed = tuple(
        MinuteDifference(
            minute,
            sum(at_s // MINUTE_S == minute for at_s in differing),
            *(added(*(t for at_s, t in side.items() if at_s // MINUTE_S == minute)) for side in sides),
        )
        for minute in minutes[:MAX_MINUTES]
    )
    totals = (added(*side.values()) for side in sides)
    return len(seconds), CurveDifference(schedule_id, len(differing), len(minutes), listed, *totals)


def _stand(schedule: Schedule, as_of_s: int) -> Stand:
    found = standing(schedule.curve, schedule.listing, as_of_s)
    reached = milestones(schedule.curve, found.capacity, as_of_s)
    steps = tuple((milestone.percent, milestone.reached_at_s) for milestone in reached)
    return Stand(found.status, found.sold_out_at_s, found.sell_out_seconds, steps)


def _first_rows(model: ReadModel, board: Board, as_of_s: int, top: int) -> list[BoardRow]:
    key_of = board.key_at(as_of_s)
    keyed = ((key_of(schedule), schedule.id) for schedule in model.schedules.values())
    rows = nsmallest(top, ((*key, schedule_id) for key, schedule_id in keyed if key is not None))
    placed = ranks([row[0] for row in rows], "standard", 0, top)
    return [BoardRow(rank, row[2], board.score(row[0])) for rank, row in zip(placed, rows, strict=True)]
