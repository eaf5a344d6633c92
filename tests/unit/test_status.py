"""Sold, sold out, reopened."""

import pytest

from ranking_app.rankings.status import Standing, sold_ratio, standing
from tests.property.events import listing
from tests.unit.test_curve import T, curve_of

SOLD_OUT_THEN_REOPENED = ((10, 1, 0, 0), (15, 4, 0, 0), (20, 0, 1, 0))


def test_a_schedule_is_selling_until_a_second_ends_with_its_capacity_sold():
    curve = curve_of(*SOLD_OUT_THEN_REOPENED)
    assert standing(curve, listing(5), T + 15) == Standing(1, 5, 0.2, "selling", None, None)


def test_sell_out_seconds_without_an_opening_are_from_the_second_of_the_first_sale():
    curve = curve_of(*SOLD_OUT_THEN_REOPENED)
    assert standing(curve, listing(5), T + 16) == Standing(5, 5, 1.0, "soldOut", T + 15, 5)


def test_a_cancellation_that_frees_seats_reopens_and_sold_out_at_stays_the_first():
    curve = curve_of(*SOLD_OUT_THEN_REOPENED)
    assert standing(curve, listing(5), T + 21) == Standing(4, 5, 0.8, "reopened", T + 15, 5)


def test_sell_out_seconds_are_from_the_opening_of_the_sale_in_whole_seconds():
    opens_ms = (T + 12) * 1000 + 999
    assert standing(curve_of(*SOLD_OUT_THEN_REOPENED), listing(5, opens_ms), T + 16).sell_out_seconds == 3


def test_sold_out_before_the_sale_opened_is_negative():
    opens_ms = (T + 100) * 1000
    assert standing(curve_of(*SOLD_OUT_THEN_REOPENED), listing(5, opens_ms), T + 16).sell_out_seconds == -85


def test_more_than_the_capacity_is_sold_out_and_shown_as_it_is():
    assert standing(curve_of((10, 7, 0, 0)), listing(5), T + 60) == Standing(7, 5, 1.4, "soldOut", T + 10, 0)


def test_without_a_capacity_a_schedule_is_selling_and_the_rest_is_unknown():
    assert standing(curve_of((10, 7, 0, 0)), None, T + 60) == Standing(7, None, None, "selling", None, None)


def test_a_schedule_of_the_catalogue_without_events_has_sold_nothing():
    assert standing(curve_of(), listing(5), T + 60) == Standing(0, 5, 0.0, "selling", None, None)


@pytest.mark.parametrize(
    ("sold", "capacity", "expected"),
    [(99_999, 100_000, 0.9999), (2, 3, 0.6666), (97, 100, 0.97), (29, 100, 0.29), (-1, 3, -0.3334), (7, 5, 1.4)],
)
def test_a_sold_ratio_is_rounded_down_to_4_decimals(sold, capacity, expected):
    assert sold_ratio(sold, capacity) == expected
