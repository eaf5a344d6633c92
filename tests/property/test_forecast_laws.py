"""Laws of the forecast: its order, its past, and the formula of its module once more, from a list of tickets."""

from math import exp, log, sqrt
from statistics import linear_regression

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ranking_app.rankings.curve import Curve
from ranking_app.rankings.forecast import SPREAD, forecast, outlook_of
from tests.property.events import START_S, listing

Sales = list[tuple[int, int]]
"""(second, net quantity), seconds ascending"""

gaps_s = st.integers(0, 90) | st.integers(0, 90) | st.integers(0, 100_000)
quantities = st.integers(1, 9) | st.integers(1, 9) | st.integers(-3, -1)
histories = st.lists(st.tuples(gaps_s, quantities), min_size=12, max_size=60)
left = st.integers(1, 60) | st.integers(1, 400)


def sales_of(history: list[tuple[int, int]]) -> Sales:
    """One per second at most: gaps added up, and what shares a second."""
    found: dict[int, int] = {}
    at_s = START_S
    for gap_s, quantity in history:
        at_s += gap_s
        found[at_s] = found.get(at_s, 0) + quantity
    return sorted(found.items())


def curve_of(sales: Sales, sources: int = 1) -> Curve:
    curve = Curve()
    for source in range(sources):
        minutes: dict[int, list[tuple[int, int, int, int]]] = {}
        for at_s, quantity in sales[source::sources]:
            minutes.setdefault(at_s // 60, []).append((at_s, max(quantity, 0), max(-quantity, 0), 0))
        for minute, cells in minutes.items():
            curve.put(source, minute, cells)
    return curve


def sold(sales: Sales) -> int:
    return sum(quantity for _, quantity in sales)


@given(histories, left, st.integers(0, 200))
def test_earliest_expected_and_latest_are_in_order_and_none_is_past(history, seats, waited_s):
    sales = sales_of(history)
    as_of_s = sales[-1][0] + 1 + waited_s
    found = forecast(curve_of(sales), listing(max(1, sold(sales) + seats)), as_of_s)
    assume(found is not None)
    assert found is not None
    assert as_of_s <= found.earliest_s <= found.expected_s <= found.latest_s


@given(histories, left, st.integers(0, 60), st.integers(1, 3))
def test_it_is_a_function_of_what_was_sold_before_as_of(history, seats, place, sources):
    sales = sales_of(history)
    as_of_s = sales[min(place, len(sales) - 1)][0] + 1
    earlier = [sale for sale in sales if sale[0] < as_of_s]
    listed = listing(max(1, sold(earlier) + seats))
    assert forecast(curve_of(sales, sources), listed, as_of_s) == forecast(curve_of(earlier), listed, as_of_s)


@given(histories, st.integers(0, 60))
def test_there_is_none_once_it_has_sold_out(history, place):
    sales = sales_of(history)
    highest = max(sold(sales[: count + 1]) for count in range(len(sales)))
    assume(highest > 0)
    assert forecast(curve_of(sales), listing(max(1, highest - place)), sales[-1][0] + 1) is None


@given(histories, left)
def test_every_instant_of_any_history_has_an_answer_or_none(history, seats):
    sales = sales_of(history)
    curve, listed = curve_of(sales), listing(max(1, sold(sales) + seats))
    for at_s, _ in sales:
        forecast(curve, listed, at_s)
        forecast(curve, listed, at_s + 1)


@given(histories, left, st.integers(0, 30))
def test_it_is_the_formula_of_its_module(history, seats, waited_s):
    sales = sales_of(history)
    as_of_s, capacity = sales[-1][0] + 1 + waited_s, sold(sales) + seats
    assume(capacity > 0)
    outlook = outlook_of(curve_of(sales), capacity, as_of_s)
    assume(outlook is not None)
    assert outlook is not None
    assert outlook == naive(sales, capacity, as_of_s)
    found = forecast(curve_of(sales), listing(capacity), as_of_s)
    if found is not None:
        width = exp(2 * SPREAD * outlook.uncertainty)
        assert (found.latest_s - as_of_s + 1) <= width * (found.earliest_s - as_of_s + 1) + 1


def naive(sales: Sales, capacity: int, as_of_s: int) -> tuple[object, object]:
    n = sold(sales)
    r = capacity - n
    k = min(max(r, n // 4, 8), n - 1 - n // 50)
    t = [first_end_s(sales, n - k + k * j // 8) for j in range(8)] + [as_of_s]
    span = t[8] - t[0]
    y = [log((t[j + 1] - t[j]) * 8 / span + 0.25) for j in range(8)]
    b, intercept = linear_regression(range(8), y)
    e = sqrt(sum((y[j] - intercept - b * j) ** 2 for j in range(8)) / 6)
    s = e / sqrt(42)
    trend = 0.7 * b**2 / (b**2 + 12 * s**2) * 8 * b if b or s else 0
    return pytest.approx(exp(trend) * span * r / k, rel=1e-6), pytest.approx(
        1 + e + log(max(1, r / k)) / 2, rel=1e-6, abs=1e-6
    )


def first_end_s(sales: Sales, count: int) -> int:
    return next(at_s + 1 for number, (at_s, _) in enumerate(sales) if sold(sales[: number + 1]) >= count)
