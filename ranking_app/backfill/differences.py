"""What two generations can differ in, as values. `old` is the generation that answers now, `new` the rebuilt one."""

from dataclasses import dataclass
from typing import NamedTuple

from ranking_app.rankings.boards.board import Board
from ranking_app.rankings.curve import Totals
from ranking_app.rankings.status import Status

MAX_MINUTES = 10
"""Of one schedule, and rows of one board: the first ones lead to the cause, the totals say how far it reaches."""

MAX_ROWS = 10


class MinuteDifference(NamedTuple):
    """A minute (since the epoch) of a schedule in which at least one second differs; its totals in both."""

    minute: int
    seconds: int
    old: Totals
    new: Totals


@dataclass(frozen=True, slots=True)
class CurveDifference:
    """A schedule that did not sell the same in both. seconds: how many of its seconds differ.

    minutes: the first MAX_MINUTES of minutes_count. old, new: totals of everything that was compared.
    """

    schedule_id: str
    seconds: int
    minutes_count: int
    minutes: tuple[MinuteDifference, ...]
    old: Totals
    new: Totals


class Stand(NamedTuple):
    """How a schedule stands at an instant, without what it sold. milestones: percent, second reached (None: not)."""

    status: Status
    sold_out_at_s: int | None
    sell_out_seconds: int | None
    milestones: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True, slots=True)
class StandDifference:
    """A schedule that does not stand the same at an instant."""

    schedule_id: str
    as_of_s: int
    old: Stand
    new: Stand


class BoardRow(NamedTuple):
    """A row of a board, with standard ties."""

    rank: int
    schedule_id: str
    score: int


class RowDifference(NamedTuple):
    """A place of a board (0 is first) with other rows on it; None where a board ends before it."""

    place: int
    old: BoardRow | None
    new: BoardRow | None


@dataclass(frozen=True, slots=True)
class BoardDifference:
    """A board that differs at an instant. rows: the first MAX_ROWS of rows_count."""

    board: Board
    as_of_s: int
    rows_count: int
    rows: tuple[RowDifference, ...]


class Compared(NamedTuple):
    """How much was looked at. seconds: with sales, over all schedules; boards: each at each instant.

    until_s: seconds from there on were not compared; None: all were.
    """

    schedules: int
    seconds: int
    instants: int
    boards: int
    rows: int
    until_s: int | None


@dataclass(frozen=True, slots=True)
class Differences:
    """All that differs between two generations: schedules by id, then instants and boards in their order."""

    compared: Compared
    curves: tuple[CurveDifference, ...]
    stands: tuple[StandDifference, ...]
    boards: tuple[BoardDifference, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.curves or self.stands or self.boards)

    @property
    def schedule_ids(self) -> set[str]:
        """Of the schedules that differ themselves, not only in the place that others leave them."""
        return {found.schedule_id for found in self.curves} | {found.schedule_id for found in self.stands}

    def same_rows(self, other: "Differences") -> bool:
        """Whether another look found exactly the same, however much it looked at."""
        return (self.curves, self.stands, self.boards) == (other.curves, other.stands, other.boards)
