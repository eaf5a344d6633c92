"""The sell-out forecast, by hand: one ticket at a time, and what is too little to say."""

from dataclasses import replace
from math import exp, log

import pytest

from ranking_app.rankings.forecast import HORIZON_S, Forecast, forecast, outlook_of
from schemas.times import LAST_S
from tests.property.events import listing
from tests.unit.test_curve import T, add, curve_of

EVERY_TEN_SECONDS = [(10 * ticket, 1, 0, 0) for ticket in range(20)]
"""20 tickets, the last one in the second T + 190."""


def eighths(*lengths_s):
    """4 tickets in the first second, then 2 at the end of each length; and the second after the last ones."""
    cells, second = [(0, 4, 0, 0)], 0
    for length_s in lengths_s:
        second += length_s
        cells.append((second, 2, 0, 0))
    return curve_of(*cells), T + second + 1


def test_steady_sales_go_on_steadily():
    # 16 of 36 are left. The last 16 of 20 took from T + 31 to T + 191, 160 seconds: number 36 is due at T + 350.
    found = forecast(curve_of(*EVERY_TEN_SECONDS), listing(36), T + 191)
    assert found is not None
    assert found.expected_s == T + 350


def test_the_range_of_steady_sales_is_a_factor_of_the_square_root_of_e_each_way():
    # 160 / 1.6487 = 97.04 and 160 * 1.6487 = 263.8 seconds from T + 191, both in the second that they end in
    found = forecast(curve_of(*EVERY_TEN_SECONDS), listing(36), T + 191)
    assert found == Forecast(expected_s=T + 350, earliest_s=T + 191 + 97, latest_s=T + 191 + 263)


def test_looking_further_ahead_than_back_widens_the_range():
    # 60 of 80 are left, 19 can be looked back on
    outlook = outlook_of(curve_of(*EVERY_TEN_SECONDS), 80, T + 191)
    assert outlook is not None
    assert outlook.uncertainty > 1 + log(60 / 19) / 2


def test_a_clear_slowdown_goes_on_as_far_as_the_model_trusts_it():
    # Lengths in units of their mean plus 1/4 grow by a quarter from each to the next: no scatter, slope ln 1.25.
    unit = 10 / sum(1.25**place for place in range(8))
    curve, as_of_s = eighths(*(round(100_000 * (unit * 1.25**place - 0.25)) for place in range(8)))
    outlook = outlook_of(curve, 36, as_of_s)
    assert outlook is not None
    assert outlook.remaining_s == pytest.approx(800_000 * 1.25 ** (0.7 * 8), rel=1e-4)
    assert outlook.uncertainty == pytest.approx(1, abs=1e-4)


def test_a_rush_that_gets_faster_is_expected_to_go_on_so():
    steady = eighths(*[20] * 8)
    faster, as_of_s = eighths(41, 34, 26, 20, 15, 11, 8, 5)
    at_this_rate, with_the_rush = outlook_of(steady[0], 36, as_of_s), outlook_of(faster, 36, as_of_s)
    assert at_this_rate is not None
    assert with_the_rush is not None
    assert with_the_rush.remaining_s < at_this_rate.remaining_s


def test_scatter_widens_the_range_and_a_slope_within_it_counts_little():
    # The y are -L and L in turns, L = ln 2: b = 4 L / 42, variance (8 - 16 / 42) / 6 L² = 1.2698 L².
    curve, as_of_s = eighths(5, 35, 5, 35, 5, 35, 5, 35)
    trusted = 0.7 * (4 / 42) ** 2 / ((4 / 42) ** 2 + 12 * 1.2698 / 42)
    outlook = outlook_of(curve, 36, as_of_s)
    assert outlook is not None
    assert outlook.remaining_s == pytest.approx(160 * exp(trusted * 8 * 4 * log(2) / 42), rel=1e-4)
    assert outlook.uncertainty == pytest.approx(1 + 1.1269 * log(2), rel=1e-4)


def test_cancelled_tickets_are_left_again():
    # 3 of 20 come back: 17 are sold and 19 left; 16 can be looked back on, all but one.
    curve = curve_of(*EVERY_TEN_SECONDS, (190, 0, 3, 0))
    outlook = outlook_of(curve, 36, T + 191)
    assert outlook is not None
    assert outlook.uncertainty >= 1 + log(19 / 16) / 2


def test_it_tells_the_future_from_what_was_before_as_of_alone():
    curve = curve_of(*EVERY_TEN_SECONDS)
    before = forecast(curve, listing(36), T + 191)
    add(curve, "another", (191, 16, 0, 0), (300, 0, 5, 0))
    assert before is not None
    assert forecast(curve, listing(36), T + 191) == before


def test_the_next_second_is_the_earliest_that_can_be():
    curve = curve_of(*((second, 100, 0, 0) for second in range(20)))
    found = forecast(curve, listing(2_001), T + 20)
    assert found is not None
    assert (found.earliest_s, found.expected_s) == (T + 20, T + 20)


def at(second: int) -> int:
    return (T + second) * 1000


LISTED = listing(36)


@pytest.mark.parametrize(
    ("why", "listed", "as_of_s"),
    [
        ("no listing", None, T + 191),
        ("the sale has not opened", replace(LISTED, sale_opens_at_ms=at(192)), T + 191),
        ("the show is before", replace(LISTED, starts_at_ms=at(350)), T + 191),
        ("nothing sold", LISTED, T),
        ("15 tickets sold", LISTED, T + 150),
        ("20 of 201 sold, not a tenth", replace(LISTED, capacity=201), T + 191),
        ("sold out", replace(LISTED, capacity=20), T + 191),
        ("oversold", replace(LISTED, capacity=19), T + 191),
        ("no sale in the second half of 330 seconds", LISTED, T + 30 + 331),
        ("the year 10000", LISTED, LAST_S),
    ],
)
def test_there_is_none_where_there_is_too_little_to_say(why, listed, as_of_s):
    assert forecast(curve_of(*EVERY_TEN_SECONDS), listed, as_of_s) is None, why


@pytest.mark.parametrize(
    ("why", "listed", "as_of_s"),
    [
        ("the sale opens now", replace(LISTED, sale_opens_at_ms=at(191)), T + 191),
        ("the show is later", replace(LISTED, starts_at_ms=at(350) + 1), T + 191),
        ("16 tickets sold", LISTED, T + 151),
        ("20 of 200 sold, a tenth", replace(LISTED, capacity=200), T + 191),
        ("one ticket left", replace(LISTED, capacity=21), T + 191),
    ],
)
def test_there_is_one_as_soon_as_there_is_enough(why, listed, as_of_s):
    assert forecast(curve_of(*EVERY_TEN_SECONDS), listed, as_of_s) is not None, why


def test_a_reopened_schedule_has_none_as_while_nothing_could_be_bought_there_was_no_rate():
    curve = curve_of(*EVERY_TEN_SECONDS, (195, 0, 2, 0))
    assert forecast(curve, listing(20), T + 196) is None


def test_all_in_one_second_is_no_rate():
    assert forecast(curve_of((5, 30, 0, 0)), listing(36), T + 6) is None


def test_what_would_take_more_than_400_days_is_as_good_as_never():
    assert HORIZON_S == 400 * 86_400
    day_s = 86_400
    daily = curve_of(*((day_s * day, 1, 0, 0) for day in range(60)))
    as_of_s = T + 59 * day_s + 1
    assert forecast(daily, listing(60 + 300), as_of_s) is not None
    assert forecast(daily, listing(60 + 420), as_of_s) is None
