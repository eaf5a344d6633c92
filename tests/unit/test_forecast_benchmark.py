"""The benchmark of the forecast: what it takes for a schedule, what it asks, and how it judges."""

import pytest

from benchmarks.forecast import INSTANTS, asked, calibrated_spread, cells_of, judge, simulated_on_sales, with_capacities
from tests.support.events import as_bytes, envelope
from tests.unit.test_curve import T

EVERY_MINUTE = {T + 60 * number: [10, 0] for number in range(40)}


def test_events_add_up_by_schedule_and_second():
    sale = {"concertScheduleId": "A", "eventTime": "2026-06-14T11:00:03.412Z"}
    events = [(as_bytes(envelope(**sale, quantity=2)), False), (as_bytes(envelope(**sale, quantity=1)), True)]
    assert cells_of(events * 2) == {"A": {1_781_434_803: [4, 2]}}


def test_a_schedule_has_enough_sales_and_sells_out_at_a_share_of_them():
    few = dict(list(EVERY_MINUTE.items())[:29])
    (found,) = with_capacities({"few": few, "enough": EVERY_MINUTE}, share=0.9)
    assert (found.listing.concert_schedule_id, found.listing.capacity) == ("enough", 360)
    assert found.sold_out_at_s == T + 60 * 35


def test_it_asks_at_instants_from_the_first_sale_to_the_sell_out():
    schedules = with_capacities({"A": EVERY_MINUTE}, share=0.9)
    instants = [question.as_of_s for question in asked(schedules)]
    assert len(instants) == INSTANTS
    assert T < instants[0] < instants[-1] <= T + 60 * 35
    assert instants == sorted(instants)


def test_what_sells_steadily_sells_out_inside_of_its_range():
    schedules = with_capacities({str(number): EVERY_MINUTE for number in range(20)}, share=0.9)
    kept = judge(schedules)
    assert (kept.schedules, kept.asked) == (20, 20 * INSTANTS)
    assert kept.coverage > 0.95
    assert kept.median_relative_error < 0.1
    assert calibrated_spread(asked(schedules)) < 0.2


def test_the_range_holds_80_percent_of_simulated_on_sales_more_or_less():
    kept = judge(simulated_on_sales())
    assert kept.forecasts > 300
    assert kept.coverage == pytest.approx(0.8, abs=0.06)
