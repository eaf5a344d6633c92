"""Sorted boards are computed once for all pages and tie modes of one moment, and never outlive it."""

import pytest

from ranking_app.rankings.windows import Window
from ranking_app.web import ranked
from ranking_app.web.ranked import RankedBoards
from tests.support.web import FakeReadModel, second

NOON = second("12:00:00")
WINDOW = Window(NOON - 3600, NOON)


@pytest.fixture
def shop():
    return FakeReadModel().list("A", 1).sell("A", "11:30:00", 2).sell("B", "11:31:00", 1)


def test_the_same_board_of_the_same_moment_is_computed_once(shop):
    boards = RankedBoards(shop)
    assert boards.sales(WINDOW, "quantity") is boards.sales(Window(NOON - 3600, NOON), "quantity")
    assert boards.sell_out(WINDOW, "any") is boards.sell_out(WINDOW, "any")


def test_another_window_measure_status_or_board_is_another_board(shop):
    boards = RankedBoards(shop)
    different = [
        boards.sales(WINDOW, "quantity"),
        boards.sales(WINDOW, "amount"),
        boards.sales(Window(None, NOON), "quantity"),
        boards.sales(Window(NOON - 3600, NOON + 1), "quantity"),
        boards.sell_out(WINDOW, "soldOut"),
        boards.sell_out(WINDOW, "any"),
    ]
    assert len({id(board) for board in different}) == len(different)


def test_a_change_shows_at_once(shop):
    boards = RankedBoards(shop)
    assert boards.sales(WINDOW, "quantity").keys == [-2, -1]
    shop.sell("C", "11:59:59", 9)
    assert boards.sales(WINDOW, "quantity").keys == [-9, -2, -1]


def test_it_keeps_a_bounded_number_of_boards_those_asked_for_last(shop, monkeypatch):
    monkeypatch.setattr(ranked, "MAX_BOARDS", 2)
    boards = RankedBoards(shop)
    kept = boards.sales(WINDOW, "quantity")
    boards.sell_out(WINDOW, "any")
    assert boards.sales(WINDOW, "quantity") is kept
    boards.sell_out(WINDOW, "soldOut")  # one too many: the board of `any` was asked for longest ago
    assert boards.sales(WINDOW, "quantity") is kept
    assert len(boards._boards) == 2


def test_it_keeps_a_bounded_number_of_rows(shop, monkeypatch):
    monkeypatch.setattr(ranked, "MAX_ROWS", 3)
    boards = RankedBoards(shop)
    for end_s in range(NOON, NOON + 10):
        assert len(boards.sales(Window(None, end_s), "quantity")) == 2
    assert len(boards._boards) == 1
    monkeypatch.setattr(ranked, "MAX_ROWS", 1)
    assert len(boards.sales(WINDOW, "quantity")) == 2, "a board beyond the bound is answered, and not kept"
    assert (len(boards._boards), boards._rows) == (0, 0)
