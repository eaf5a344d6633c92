"""The curve of one schedule, with numbers to check by hand."""

import pytest

from ranking_app.rankings.curve import Curve, Point, Spell, Totals
from ranking_app.rankings.windows import Window

MINUTE = 29_666_667
T = MINUTE * 60  # the first second of that minute


def curve_of(*cells, source="only"):
    """A curve of (second after T, completed, cancelled, amount)."""
    curve = Curve()
    add(curve, source, *cells)
    return curve


def add(curve, source, *cells):
    minutes: dict[int, list[tuple[int, int, int, int]]] = {}
    for second, *numbers in sorted(cells):
        minutes.setdefault((T + second) // 60, []).append((T + second, *numbers))
    for minute, found in minutes.items():
        curve.put(source, minute, found)


def test_a_schedule_without_events_is_still_answered():
    curve = Curve()
    assert curve.is_empty
    assert curve.newest_s is None
    assert curve.totals(Window(None, T)) == Totals(0, 0, 0)
    assert curve.score(Window(T, T + 60), "quantity") is None
    assert (curve.first_sale_s(T), curve.last_sale_s(T), curve.first_second_sold(1, T)) == (None, None, None)
    assert curve.spells(1, T) == []
    assert curve.points(T, T + 60, 60) == [Point(T, 0, 0, 0, 0)]


def test_a_window_holds_its_start_and_not_its_end():
    curve = curve_of((10, 1, 0, 100), (20, 2, 1, 100), (30, 4, 0, 400))
    assert curve.totals(Window(T + 10, T + 30)) == Totals(3, 1, 200)
    assert curve.totals(Window(T + 11, T + 31)) == Totals(6, 1, 500)
    assert curve.quantity(Window(T + 10, T + 30)) == 2
    assert curve.quantity(Window(T + 31, T + 99)) == 0
    assert curve.quantity(Window(None, T + 10)) == 0
    assert curve.sold_before(T + 21) == 2


def test_the_same_minute_of_several_sources_adds_up():
    curve = curve_of((10, 1, 0, 100), source=("completed", 0))
    add(curve, ("completed", 1), (10, 2, 0, 200), (11, 1, 0, 100))
    add(curve, ("cancelled", 0), (10, 0, 1, -100))
    assert curve.totals(Window(T + 10, T + 11)) == Totals(3, 1, 200)
    assert curve.sold_before(T + 12) == 3


def test_cells_replace_only_the_earlier_ones_of_their_own_source_and_minute():
    curve = curve_of((10, 1, 0, 100), (70, 1, 0, 100), source="a")
    add(curve, "b", (10, 5, 0, 0))
    curve.put("a", MINUTE, [(T + 12, 2, 0, 200)])
    sold = [(point.start_s - T, point.quantity) for point in curve.points(T, T + 80, 1) if point.quantity]
    assert sold == [(10, 5), (12, 2), (70, 1)]


def test_no_cells_remove_what_a_source_had_in_that_minute():
    curve = curve_of((10, 1, 0, 100), (70, 1, 0, 100))
    curve.put("only", MINUTE + 1, [])
    assert curve.newest_s == T + 10
    curve.put("only", MINUTE, [])
    assert curve.is_empty


def test_a_late_change_counts_where_it_belongs_and_in_every_later_sum():
    curve = curve_of(*[(second, 1, 0, 10) for second in range(0, 600, 7)])
    before = curve.sold_before(T + 600)
    add(curve, "late", (65, 3, 0, 30))
    assert curve.quantity(Window(T + 65, T + 66)) == 3
    assert curve.sold_before(T + 65) == 10
    assert curve.sold_before(T + 600) == before + 3


def test_amounts_and_quantities_outgrow_machine_integers_without_losing_one():
    big = 2**63 - 1
    curve = curve_of(*[(second, 10_000, 0, big) for second in range(50)])
    add(curve, "more", (5, 2**40, 0, 0), (8, 0, 2**33, -big))
    assert curve.totals(Window(None, T + 60)) == Totals(500_000 + 2**40, 2**33, 49 * big)
    assert curve.totals(Window(T + 6, T + 9)) == Totals(30_000, 2**33, 2 * big)
    assert curve.first_second_sold(2**40, T + 60) == T + 5


def test_seconds_beyond_2106_are_as_good_as_any():
    minute = 2**32 // 60 + 5
    curve = curve_of((0, 1, 0, 1))
    curve.put("only", minute, [(minute * 60 + 7, 1, 0, 1)])
    assert curve.newest_s == minute * 60 + 7
    assert curve.quantity(Window(minute * 60, minute * 60 + 8)) == 1


def test_sold_may_be_negative_and_is_shown_as_it_is():
    assert curve_of((3, 0, 2, -20)).sold_before(T + 4) == -2


def test_the_last_sale_is_the_last_completed_one_not_a_cancellation():
    curve = curve_of((10, 1, 0, 100), (20, 1, 0, 100), (30, 0, 1, -100), (40, 0, 1, -100))
    assert curve.last_sale_s(T + 60) == T + 20
    assert curve.last_completed_s(Window(T + 5, T + 15)) == T + 10
    assert curve.last_completed_s(Window(T + 25, T + 45)) is None
    assert curve.newest_s == T + 40


def test_the_first_sale_is_the_first_completed_one():
    curve = curve_of((10, 0, 1, 0), (20, 1, 0, 100), (30, 1, 0, 100))
    assert curve.first_sale_s(T + 60) == T + 20
    assert curve.first_sale_s(T + 20) is None
    assert curve.first_sale_s(T + 21) == T + 20


def test_a_number_counts_as_sold_only_at_the_end_of_its_second():
    curve = curve_of((10, 5, 0, 0), source="completed")
    add(curve, "cancelled", (10, 0, 2, 0))
    assert curve.first_second_sold(4, T + 60) is None  # never 4: the second ended with 3
    assert curve.first_second_sold(3, T + 60) == T + 10
    assert curve.first_second_sold(3, T + 10) is None  # before: not yet
    assert curve.first_second_sold(3, T + 11) == T + 10


def test_the_first_time_stays_the_first_after_a_reopening():
    curve = curve_of((10, 5, 0, 0), (20, 0, 3, 0), (30, 3, 0, 0))
    assert curve.first_second_sold(5, T + 60) == T + 10


def test_spells_of_being_sold_out_alternate_with_reopenings():
    curve = curve_of((10, 5, 0, 0), (20, 0, 1, 0), (30, 1, 0, 0), (31, 2, 0, 0), (32, 0, 1, 0), (40, 0, 4, 0))
    assert curve.spells(5, T + 60) == [Spell(T + 10, 5, T + 20, 4), Spell(T + 30, 5, T + 40, 2)]
    assert curve.spells(5, T + 40) == [Spell(T + 10, 5, T + 20, 4), Spell(T + 30, 5, None, None)]
    assert curve.spells(5, T + 20) == [Spell(T + 10, 5, None, None)]
    assert curve.spells(5, T + 10) == []


def test_seats_that_come_back_and_go_within_one_second_are_no_reopening():
    curve = curve_of((10, 5, 0, 0), (20, 1, 0, 0), source="completed")
    add(curve, "cancelled", (20, 0, 1, 0))
    assert curve.spells(5, T + 60) == [Spell(T + 10, 5, None, None)]


def test_every_step_has_a_point_also_an_empty_one_and_the_last_may_be_short():
    curve = curve_of((10, 3, 1, 100), (70, 1, 0, 50), (90, 9, 0, 900))
    assert curve.points(T + 10, T + 85, 30) == [
        Point(T + 10, 2, 100, 1, 2),
        Point(T + 40, 0, 0, 0, 2),
        Point(T + 70, 1, 50, 0, 3),  # up to 85
    ]


def test_points_that_start_late_know_what_was_sold_before():
    curve = curve_of((10, 3, 0, 100), (70, 1, 0, 50))
    assert curve.points(T + 60, T + 120, 60) == [Point(T + 60, 1, 50, 0, 4)]


@pytest.mark.parametrize("asked_often", [False, True])
def test_many_puts_of_a_growing_minute_are_as_good_as_its_last(asked_often):
    curve = Curve()
    for second in range(60):
        for source in range(6):
            curve.put(source, MINUTE, [(T + s, 1, 0, 1) for s in range(second + 1)])
        if asked_often:
            assert curve.sold_before(T + 60) == 6 * (second + 1)
    assert curve.totals(Window(None, T + 60)) == Totals(360, 0, 360)


def test_a_long_curve_is_empty_only_when_its_last_cells_are_removed():
    curve = curve_of(*[(60 * minute + second, 1, 0, 1) for minute in range(30) for second in range(20)])
    for minute in range(30):
        assert not curve.is_empty
        curve.put("only", MINUTE + minute, [])
    assert curve.is_empty
