"""Where one schedule stands on the boards that every schedule's answer names."""

from collections.abc import Callable
from dataclasses import dataclass

from ranking_app.rankings.boards.board import DAY_S, HOUR_S, Board, Ranked
from ranking_app.rankings.boards.sales import SalesBoard
from ranking_app.rankings.boards.sell_out import SellOutBoard
from ranking_app.rankings.schedule import Schedule

BOARDS: tuple[Board, ...] = (SalesBoard(HOUR_S), SalesBoard(DAY_S), SalesBoard(None), SellOutBoard(None))


@dataclass(frozen=True, slots=True)
class Ranks:
    """Where one schedule is on the boards, with standard ties; None: not on it. Sales are by quantity."""

    sales_1h: int | None
    sales_24h: int | None
    sales_all: int | None
    sell_out: int | None


def ranks_of(schedule: Schedule, ranked: Callable[[Board], Ranked]) -> Ranks:
    """The ranks of a schedule. ranked(board): all of a board, as of the same instant for each."""
    return Ranks(*(_rank(ranked(board), schedule) for board in BOARDS))


def _rank(ranked: Ranked, schedule: Schedule) -> int | None:
    place = ranked.place(schedule)
    return None if place is None else ranked.rank(place, "standard")
