"""Hot, trending, nearly sold out, cancellations: with numbers to check by hand."""

import pytest

from ranking_app.rankings.boards.cancellations import CancellationsBoard
from ranking_app.rankings.boards.hot import HotBoard, parse_blend
from ranking_app.rankings.boards.kinds import KINDS
from ranking_app.rankings.boards.nearly_sold_out import NearlySoldOutBoard
from ranking_app.rankings.boards.trending import TrendingBoard
from ranking_app.rankings.entries import page
from schemas.times import format_s
from tests.support.boards import ranked
from tests.unit.test_boards import schedule
from tests.unit.test_curve import T

HOUR, DAY = 3_600, 86_400
NOW = T + DAY
DEFAULT = HotBoard(parse_blend("1h:50,24h:50"))


def board(rule, *schedules, as_of_s=NOW):
    found = ranked(rule, schedules, as_of_s)
    return [(entry.schedule.id, entry.score) for entry in page(found, "standard", 0, 100)]


def test_hot_blends_the_rates_of_its_windows():
    steady = schedule("steady", (10, 240, 0, 0))  # 10 an hour over the day, none in the last hour
    burst = schedule("burst", (DAY - 10, 24, 0, 0))  # 24 in the last hour, 1 an hour over the day
    assert board(DEFAULT, steady, burst) == [("burst", 12_500), ("steady", 5_000)]
    assert board(HotBoard(parse_blend("24h:100")), steady, burst) == [("steady", 10_000), ("burst", 1_000)]


def test_hot_takes_cancellations_off_and_leaves_out_what_is_not_above_0():
    assert board(DEFAULT, schedule("A", (DAY - 10, 5, 5, 0)), schedule("B", (DAY - 10, 0, 3, 0))) == []


def test_the_terms_of_hot_make_its_score():
    [entry] = page(ranked(DEFAULT, [schedule("A", (10, 7, 0, 0), (DAY - 1, 5, 1, 0))], NOW), "standard", 0, 1, True)
    assert entry.detail == {
        "terms": [
            {"windowSeconds": 3_600, "weightPercent": 50, "quantity": 4, "points": 2_000},
            {"windowSeconds": 86_400, "weightPercent": 50, "quantity": 11, "points": 229},
        ]
    }
    assert entry.score == 2_229


@pytest.mark.parametrize(
    "text", ["", "1h", "1h:0,24h:100", "1h:50", "1h:60,24h:60", "all:100", "1h:-5,24h:105", "1h:50.5,2h:49.5", "x:100",
             "1h:20,2h:20,3h:20,4h:20,5h:10,6h:10"],
)  # fmt: skip
def test_a_blend_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        parse_blend(text)


def test_trending_is_growth_against_the_window_before_in_percent():
    grew = schedule("grew", (DAY - HOUR - 1, 10, 0, 0), (DAY - HOUR, 40, 0, 0))
    fell = schedule("fell", (DAY - HOUR - 1, 50, 0, 0), (DAY - HOUR, 40, 0, 0))
    assert board(TrendingBoard(HOUR), grew, fell) == [("grew", 300)]


def test_one_sale_is_no_trend_and_growth_from_nothing_is_against_the_floor():
    assert board(TrendingBoard(HOUR), schedule("one", (DAY - 1, 9, 0, 0))) == []
    assert board(TrendingBoard(HOUR), schedule("new", (DAY - 1, 25, 0, 0))) == [("new", 250)]
    assert board(TrendingBoard(HOUR), schedule("cancelled", (DAY - 1, 25, 16, 0))) == []


def test_trending_needs_a_window():
    with pytest.raises(ValueError, match="no window before"):
        KINDS["trending"].make(None, {})


def test_nearly_sold_out_is_by_the_time_left_at_the_rate_of_the_window():
    soon = schedule("soon", (10, 80, 0, 0), (DAY - 1, 10, 0, 0), capacity=100)  # 10 left at 10 an hour
    later = schedule("later", (10, 80, 0, 0), (DAY - 1, 5, 0, 0), capacity=100)  # 15 left at 5 an hour
    assert board(NearlySoldOutBoard(HOUR), later, soon) == [("soon", HOUR), ("later", 3 * HOUR)]


def test_nearly_sold_out_begins_at_80_percent_and_ends_with_the_last_seat():
    def at(sold):
        return board(NearlySoldOutBoard(HOUR), schedule("A", (DAY - 1, sold, 0, 0), capacity=10))

    assert [bool(at(sold)) for sold in (7, 8, 9, 10, 11)] == [False, True, True, False, False]
    assert board(NearlySoldOutBoard(HOUR), schedule("unknown", (DAY - 1, 9, 0, 0))) == []


def test_where_nothing_sold_in_the_window_the_rate_is_that_of_the_whole_sale():
    stalled = schedule("stalled", (0, 45, 0, 0), (899, 45, 0, 0), capacity=100)  # 90 in 900 s
    assert board(NearlySoldOutBoard(HOUR), stalled) == [("stalled", 100)]
    assert NearlySoldOutBoard(HOUR).detail(stalled, T + DAY, False) == {
        "secondsLeft": 100,
        "expectedAt": format_s(NOW + 100),
    }


def test_seats_left_are_rounded_up_to_whole_seconds():
    assert board(NearlySoldOutBoard(7), schedule("A", (DAY - 1, 9, 0, 0), capacity=10)) == [("A", 1)]


def test_cancellations_are_by_count_or_by_their_share_in_what_completed():
    many = schedule("many", (DAY - 9, 100, 10, 0))
    often = schedule("often", (DAY - 9, 12, 5, 0))
    few = schedule("few", (DAY - 9, 9, 8, 0))  # of too few completed, a rate says nothing
    none = schedule("none", (DAY - 9, 50, 0, 0))
    assert board(CancellationsBoard(DAY), many, often, few, none) == [("many", 10), ("few", 8), ("often", 5)]
    assert board(CancellationsBoard(DAY, "rate"), many, often, few, none) == [("often", 4_166), ("many", 1_000)]
    assert CancellationsBoard(DAY).detail(often, NOW, False) == {
        "completed": 12, "cancelled": 5, "ratePercent": 41.66
    }  # fmt: skip
    assert CancellationsBoard(DAY).detail(few, NOW, False) == {"completed": 9, "cancelled": 8, "ratePercent": None}


def test_only_scores_that_add_up_have_shares():
    with_shares = {name for name, kind in KINDS.items() if kind.make(HOUR, values(kind)).shares}
    assert with_shares == {"sales", "hot", "cancellations"}
    assert not CancellationsBoard(DAY, "rate").shares


def values(kind):
    return {parameter.name: parameter.parse(parameter.default) for parameter in kind.parameters}


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_two_boards_with_the_same_parameters_are_equal_and_say_what_they_are(kind):
    one, other = kind.make(HOUR, values(kind)), kind.make(HOUR, values(kind))
    assert one == other
    assert hash(one) == hash(other)
    assert one.name == kind.name
    assert one.parameters() == {parameter.name: parameter.default for parameter in kind.parameters}
    assert kind.how.en
    assert kind.how.ko
