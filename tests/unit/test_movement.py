"""Movement, with issues to follow by hand."""

from ranking_app.rankings.boards.sales import SalesBoard
from ranking_app.rankings.movement import ISSUES, Movement, issues_before, movement
from tests.support.boards import book_of, ranked
from tests.unit.test_boards import schedule
from tests.unit.test_curve import T as MINUTE_S

HOUR = 3_600
T = MINUTE_S - MINUTE_S % HOUR
"""A whole hour."""

BOARD = SalesBoard(HOUR)


def moved(schedules, wanted, as_of_s):
    """The movement of one schedule on the hourly board, as an answer has it."""
    issues = issues_before(as_of_s, HOUR, 0)
    now, before = ranked(BOARD, schedules, as_of_s), ranked(BOARD, schedules, as_of_s - HOUR)
    past = book_of(BOARD, schedules, issues).past(wanted)
    rank, previous = rank_of(now, wanted), rank_of(before, wanted)
    assert rank is not None
    return movement(past, rank, rank, previous, as_of_s, issues[0])


def rank_of(board, wanted):
    place = board.place(wanted)
    return None if place is None else board.rank(place, "standard")


def hours(*quantities):
    """One sale in the middle of each hour from T on; 0 is none."""
    return [
        (T - MINUTE_S + number * HOUR + 1_800, quantity, 0, 0) for number, quantity in enumerate(quantities) if quantity
    ]


def test_an_entry_on_no_earlier_board_is_new():
    only = schedule("A", *hours(0, 0, 5))
    assert moved([only], only, T + 3 * HOUR) == Movement(None, "new", 1, T + 3 * HOUR, 1, 0)


def test_an_entry_that_was_on_an_issue_but_not_on_the_board_before_is_a_reentry():
    back = schedule("A", *hours(5, 0, 0, 5))
    found = moved([back], back, T + 4 * HOUR)
    assert (found.previous_rank, found.move, found.streak) == (None, "reentry", 1)


def test_up_is_towards_rank_1():
    rising, falling, level = (
        schedule("rising", *hours(1, 9)), schedule("falling", *hours(9, 1)), schedule("level", *hours(5, 5))
    )  # fmt: skip
    found = {one.id: moved([rising, falling, level], one, T + 2 * HOUR) for one in (rising, falling, level)}
    assert {id_: (m.previous_rank, m.move) for id_, m in found.items()} == {
        "rising": (3, "up"), "falling": (1, "down"), "level": (2, "same")
    }  # fmt: skip


def test_the_peak_is_the_best_rank_of_issues_and_now_with_the_first_time_of_it():
    other, one = schedule("other", *hours(5, 5, 5, 5)), schedule("one", *hours(1, 9, 9, 1))
    found = moved([other, one], one, T + 4 * HOUR)
    assert (found.peak_rank, found.peak_at_s) == (1, T + 2 * HOUR), "the issue at 2 h is the first with 9 in its hour"
    assert (found.move, found.previous_rank, found.streak) == ("down", 1, 4)


def test_a_best_rank_that_is_reached_now_has_its_time_now():
    other, one = schedule("other", *hours(5, 5)), schedule("one", *hours(1, 9))
    assert moved([other, one], one, T + 2 * HOUR - 60).peak_at_s == T + 2 * HOUR - 60


def test_time_at_the_top_runs_from_issue_to_issue():
    other, one = schedule("other", *hours(5, 5, 5, 5)), schedule("one", *hours(1, 9, 9, 9))
    assert moved([other, one], one, T + 2 * HOUR).seconds_at_top == 0, "no issue before now had it there"
    assert moved([other, one], one, T + 2 * HOUR + 600).seconds_at_top == 600
    assert moved([other, one], one, T + 4 * HOUR).seconds_at_top == 2 * HOUR


def test_the_streak_counts_issues_in_a_row_and_now():
    one = schedule("one", *hours(1, 0, 1, 1, 1))
    assert moved([one], one, T + 5 * HOUR).streak == 3
    assert moved([one], one, T + 5 * HOUR - 1).streak == 3, "now is one more issue"


def test_the_history_has_a_bounded_number_of_issues_and_none_before_time_began():
    assert issues_before(T, HOUR, 0) == [T - number * HOUR for number in range(1, ISSUES + 1)]
    assert issues_before(T, HOUR, T - HOUR) == [T - HOUR]
    assert issues_before(T, HOUR, T) == []
