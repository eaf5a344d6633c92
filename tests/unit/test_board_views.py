"""Boards of the same moment are computed once, live ones are kept up to date, and none outlives what it shows."""

import asyncio

import pytest

from ranking_app.rankings import live_board
from ranking_app.rankings.boards import board
from ranking_app.rankings.boards.sales import SalesBoard
from ranking_app.rankings.boards.sell_out import SellOutBoard
from ranking_app.rankings.live_board import LiveBoard
from ranking_app.rankings.slices import EVERYTHING, Slice
from ranking_app.read_model import board_views
from ranking_app.read_model.board_views import BoardViews
from tests.support.web import FakeReadModel, second

NOON = second("12:00:00")
HOUR = SalesBoard(3600)


@pytest.fixture
def shop():
    return FakeReadModel().list("A", 1).sell("A", "11:30:00", 2).sell("B", "11:31:00", 1)


def keys(ranked):
    return list(ranked.keys)


def test_the_same_board_of_the_same_instant_is_computed_once(shop):
    views = BoardViews(shop)
    assert views.at(HOUR, EVERYTHING, NOON) is views.at(SalesBoard(3600), Slice(), NOON)


def test_another_window_measure_status_slice_or_instant_is_another_board(shop):
    views = BoardViews(shop)
    different = [
        views.at(HOUR, EVERYTHING, NOON),
        views.at(SalesBoard(3600, "amount"), EVERYTHING, NOON),
        views.at(SalesBoard(None), EVERYTHING, NOON),
        views.at(HOUR, EVERYTHING, NOON + 1),
        views.at(HOUR, Slice(genre="dj"), NOON),
        views.at(SellOutBoard(None, "soldOut"), EVERYTHING, NOON),
        views.at(SellOutBoard(None, "any"), EVERYTHING, NOON),
    ]
    assert len({id(board) for board in different}) == len(different)


@pytest.mark.parametrize("way", ["live", "at"])
def test_a_change_shows_at_once(shop, way):
    views = BoardViews(shop)
    assert keys(getattr(views, way)(HOUR, EVERYTHING, NOON)) == [-2, -1]
    shop.sell("C", "11:59:59", 9)
    assert keys(getattr(views, way)(HOUR, EVERYTHING, NOON)) == [-9, -2, -1]
    shop.list("A", 5, genre="dj")
    assert keys(getattr(views, way)(HOUR, Slice(genre="dj"), NOON)) == [-2]
    shop.list("A", 5, genre="trot")
    assert keys(getattr(views, way)(HOUR, Slice(genre="dj"), NOON)) == []


async def test_what_happened_later_leaves_a_board_of_the_past_and_the_issues_as_they_are(shop):
    views, quarter = BoardViews(shop), second("11:45:00")
    past, book = views.at(HOUR, EVERYTHING, quarter), views.book(HOUR, EVERYTHING, quarter + 1, 900, 0)
    assert book.past(shop.schedules["B"]).peak_rank == 2
    shop.sell("C", "11:59:59", 9)
    assert views.at(HOUR, EVERYTHING, quarter) is past
    assert views.book(HOUR, EVERYTHING, quarter + 1, 900, 0) is book
    shop.sell("C", "11:40:00", 7)  # late
    assert keys(views.at(HOUR, EVERYTHING, quarter)) == [-7, -2, -1]
    assert views.book(HOUR, EVERYTHING, quarter + 1, 900, 0).past(shop.schedules["B"]).peak_rank == 3


async def test_issues_are_the_same_whether_they_are_prepared_in_steps_or_not(shop, monkeypatch):
    monkeypatch.setattr(board_views, "SLICE_SCHEDULES", 1)
    stepwise, at_once = BoardViews(shop), BoardViews(shop)
    await stepwise.prepare_book(HOUR, EVERYTHING, NOON, 600, 0)
    assert len(stepwise._charts) == 24
    for name in "AB":
        expected = at_once.book(HOUR, EVERYTHING, NOON, 600, 0).past(shop.schedules[name])
        assert stepwise.book(HOUR, EVERYTHING, NOON, 600, 0).past(shop.schedules[name]) == expected


async def test_what_changes_while_issues_are_prepared_is_not_half_in_them(shop, monkeypatch):
    monkeypatch.setattr(board_views, "SLICE_SCHEDULES", 1)
    views = BoardViews(shop)

    async def late() -> None:
        shop.sell("A", "11:35:00", 50).sell("B", "11:35:00", 60)

    await asyncio.gather(views.prepare_book(HOUR, EVERYTHING, NOON, 600, 0), late())
    expected = BoardViews(shop).book(HOUR, EVERYTHING, NOON, 600, 0)
    found = views.book(HOUR, EVERYTHING, NOON, 600, 0)
    for name in "AB":
        assert found.past(shop.schedules[name]) == expected.past(shop.schedules[name])


def test_time_alone_brings_sales_in_and_out_of_a_live_board(shop):
    views = BoardViews(shop)
    assert keys(views.live(HOUR, EVERYTHING, NOON)) == [-2, -1]
    assert keys(views.live(HOUR, EVERYTHING, second("12:30:00"))) == [-2, -1], "11:30:00 is in [11:30:00, 12:30:00)"
    assert keys(views.live(HOUR, EVERYTHING, second("12:30:01"))) == [-1]
    assert keys(views.live(HOUR, EVERYTHING, second("12:31:01"))) == []
    assert keys(views.live(HOUR, EVERYTHING, second("11:30:30"))) == [-2], "a clock of event time may be set back"


def test_who_missed_too_many_changes_begins_anew(shop, monkeypatch):
    views = BoardViews(shop)
    views.live(HOUR, EVERYTHING, NOON)
    views.at(HOUR, EVERYTHING, NOON)
    monkeypatch.setattr(FakeReadModel, "changes_since", lambda self, revision: None)
    shop.sell("C", "11:59:59", 9)
    assert keys(views.live(HOUR, EVERYTHING, NOON)) == [-9, -2, -1]
    assert keys(views.at(HOUR, EVERYTHING, NOON)) == [-9, -2, -1]


def test_it_keeps_a_bounded_number_of_rows_those_asked_for_last(shop, monkeypatch):
    monkeypatch.setattr(board_views, "MAX_ROWS", 6)
    views = BoardViews(shop)
    kept = views.at(HOUR, EVERYTHING, NOON)
    views.at(SalesBoard(60), EVERYTHING, NOON - 1)
    assert views.at(HOUR, EVERYTHING, NOON) is kept
    for end_s in range(NOON + 1, NOON + 10):
        assert len(views.at(SalesBoard(None), EVERYTHING, end_s)) == 2
    assert len(views._fixed) == 2
    assert views.at(HOUR, EVERYTHING, NOON) is not kept


def test_a_board_beyond_the_bound_is_answered_and_not_kept(shop, monkeypatch):
    monkeypatch.setattr(board_views, "MAX_ROWS", 1)
    views = BoardViews(shop)
    assert len(views.at(HOUR, EVERYTHING, NOON)) == 2
    assert (len(views._fixed), views._fixed._kept) == (0, 0)


def test_it_keeps_a_bounded_number_of_live_boards(shop, monkeypatch):
    monkeypatch.setattr(board_views, "MAX_LIVE_SCHEDULES", 6)
    views = BoardViews(shop)
    for window_s in range(1, 20):
        views.live(SalesBoard(window_s), EVERYTHING, NOON)
    assert len(views._live) == 2


def test_what_happened_before_the_window_of_a_live_board_is_not_looked_at(shop, monkeypatch):
    views, looked_at = BoardViews(shop), list[set[str]]()
    views.live(HOUR, EVERYTHING, NOON)
    look_at = LiveBoard._look_at

    def noting(self, ids, schedules, as_of_s):
        looked_at.append(set(ids))
        look_at(self, ids, schedules, as_of_s)

    monkeypatch.setattr(LiveBoard, "_look_at", noting)
    shop.sell("C", "10:59:59", 9)
    assert keys(views.live(HOUR, EVERYTHING, NOON)) == [-2, -1]
    assert looked_at == [set()]
    shop.sell("D", "11:00:00", 3)
    assert keys(views.live(HOUR, EVERYTHING, NOON)) == [-3, -2, -1]
    assert {"D"} in looked_at


async def test_what_was_not_looked_at_counts_when_the_clock_is_set_back(shop):
    views, minute = BoardViews(shop), SalesBoard(60)
    views.live(minute, EVERYTHING, NOON - 1)
    shop.sell("C", "11:58:59", 3)  # its minute is over at 11:59:00, where the board of noon begins
    await views.prepare_live(minute, EVERYTHING, NOON)
    assert keys(views.live(minute, EVERYTHING, NOON - 1)) == [-3]


@pytest.fixture
def in_small_steps(monkeypatch):
    monkeypatch.setattr(board_views, "TURN_S", -1.0)
    monkeypatch.setattr(live_board, "STEP_SCHEDULES", 1)
    monkeypatch.setattr(board, "STEP_SCHEDULES", 1)


async def prepared(preparing, meanwhile):
    """Something happens after each turn; how many turns there were."""
    task = asyncio.ensure_future(preparing)
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
        meanwhile(turns)
    await task
    return turns


@pytest.mark.usefixtures("in_small_steps")
async def test_a_board_is_built_with_turns_for_others_and_what_sells_meanwhile_is_on_it(shop, monkeypatch):
    views = BoardViews(shop)
    sold = []

    def sell(turn):
        if turn < 4:
            shop.sell("ABC"[turn - 1], "11:40:00", 10 * turn)
            sold.append(turn)

    assert await prepared(views.prepare_live(HOUR, EVERYTHING, NOON), sell) > 3 == len(sold)
    monkeypatch.setattr(LiveBoard, "build", None)  # only what changed is looked at
    assert keys(views.live(HOUR, EVERYTHING, NOON)) == [-30, -21, -12]


@pytest.mark.usefixtures("in_small_steps")
@pytest.mark.parametrize(("sells_at", "is_kept"), [("11:40:00", False), ("11:45:00", True)])
async def test_a_board_of_the_past_is_kept_when_nothing_came_to_lie_in_it_while_it_was_built(
    shop, monkeypatch, sells_at, is_kept
):
    views, quarter = BoardViews(shop), second("11:45:00")
    await prepared(
        views.prepare_at(HOUR, EVERYTHING, quarter), lambda turn: shop.sell("C", sells_at, 5) if turn == 2 else None
    )
    computed = []
    rows = SalesBoard.rows

    def noting(*args):
        computed.append(1)
        return rows(*args)

    monkeypatch.setattr(SalesBoard, "rows", noting)
    found = keys(views.at(HOUR, EVERYTHING, quarter))
    assert (found, computed) == (([-2, -1], []) if is_kept else ([-5, -2, -1], [1]))


@pytest.mark.usefixtures("in_small_steps")
async def test_a_board_that_several_wait_for_is_built_once(shop, monkeypatch):
    views, looked_at, rows = BoardViews(shop), list[str](), SalesBoard.rows

    def noting(self, schedules, as_of_s):
        some = list(schedules)
        looked_at.extend(schedule.id for schedule in some)
        return rows(self, some, as_of_s)

    monkeypatch.setattr(SalesBoard, "rows", noting)
    await asyncio.gather(*[views.prepare_live(HOUR, EVERYTHING, NOON) for _ in range(5)])
    assert looked_at == ["A", "B"]
    await asyncio.gather(*[views.prepare_at(HOUR, EVERYTHING, NOON) for _ in range(5)])
    assert looked_at == ["A", "B"] * 2


async def test_what_there_is_no_room_for_is_not_built_before_it_is_asked_for(shop, monkeypatch):
    monkeypatch.setattr(board_views, "MAX_LIVE_SCHEDULES", 1)
    monkeypatch.setattr(board_views, "MAX_ROWS", 2)
    views, windows = BoardViews(shop), [60, 600, 3600]
    for window_s in windows:
        await views.prepare_live(SalesBoard(window_s), EVERYTHING, NOON)
    assert [board.window_s for board, *_ in views._live] == windows[: board_views.FEWEST_LIVE]
    await views.prepare_at(HOUR, EVERYTHING, NOON)
    assert not views._fixed
    assert keys(views.live(HOUR, EVERYTHING, NOON)) == keys(views.at(HOUR, EVERYTHING, NOON)) == [-2, -1]


@pytest.mark.usefixtures("in_small_steps")
@pytest.mark.parametrize("comes", [True, False])
def test_a_sale_that_came_or_went_while_its_board_was_built_has_left_when_its_time_is_over(shop, comes):
    def sell(quantity):
        shop.sell("B", "11:58:50", quantity)

    minute, as_of_s = LiveBoard(SalesBoard(60), EVERYTHING), second("11:59:40")
    if not comes:
        sell(5)
    revision = shop.revision
    for step, _ in enumerate(minute.build_in_steps(shop.schedules, as_of_s)):
        if step == (0 if comes else 1):  # before B is looked at, or after that
            sell(5 if comes else -5)
    assert keys(minute.ranked) == [-5]
    changes = shop.changes_since(revision)
    assert changes.until_s <= SalesBoard(60).counts_from_s(NOON), "else it is looked at again"
    assert keys(minute.advance(shop.schedules, changes, NOON)) == []
