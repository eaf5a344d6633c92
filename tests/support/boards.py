"""Boards of a few schedules, as tests like to ask for them."""

from collections.abc import Iterable, Sequence

from ranking_app.rankings.boards.board import Board, Ranked
from ranking_app.rankings.boards.sales import SalesBoard
from ranking_app.rankings.boards.sell_out import SellOutBoard, SellOutStatus
from ranking_app.rankings.curve import By
from ranking_app.rankings.movement import Book, Charts
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.windows import Window


def ranked(board: Board, schedules: Iterable[Schedule], as_of_s: int) -> Ranked:
    """All of a board."""
    return Ranked(board, as_of_s, board.rows(schedules, as_of_s))


def book_of(board: Board, schedules: Sequence[Schedule], issues: Sequence[int]) -> Book:
    """The issues of a board. issues: newest first."""
    charts = Charts(board, issues[::-1])
    charts.take(schedules)
    return Book(board, issues, charts.finished()[::-1])


def sales_board(schedules: Iterable[Schedule], window: Window, by: By) -> Ranked:
    """The best sellers of a window."""
    return ranked(SalesBoard(window.length_s, by), schedules, window.end_s)


def sell_out_board(schedules: Iterable[Schedule], window: Window, status: SellOutStatus) -> Ranked:
    """The fastest sell-outs of a window."""
    return ranked(SellOutBoard(window.length_s, status), schedules, window.end_s)
