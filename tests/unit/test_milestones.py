"""Milestones: shares of the capacity."""

from ranking_app.rankings.milestones import Milestone, milestones, seats_needed
from tests.unit.test_curve import T, curve_of


def test_a_milestone_is_reached_at_the_start_of_the_first_second_whose_end_has_its_share():
    curve = curve_of((10, 9, 0, 0), (20, 16, 0, 0), (30, 60, 0, 0))  # of 100: 9, 25, 85
    assert milestones(curve, 100, T + 60) == [
        Milestone(10, T + 20), Milestone(25, T + 20), Milestone(50, T + 30), Milestone(80, T + 30),
        Milestone(90, None), Milestone(95, None), Milestone(100, None),
    ]  # fmt: skip


def test_a_milestone_once_reached_stays_although_seats_come_back():
    assert milestones(curve_of((10, 5, 0, 0), (20, 0, 5, 0)), 10, T + 60)[2] == Milestone(50, T + 10)


def test_an_as_of_sees_only_milestones_before_it():
    curve = curve_of((10, 10, 0, 0))
    assert {milestone.reached_at_s for milestone in milestones(curve, 10, T + 10)} == {None}
    assert {milestone.reached_at_s for milestone in milestones(curve, 10, T + 11)} == {T + 10}


def test_without_a_capacity_there_are_no_milestones():
    assert milestones(curve_of((10, 1, 0, 0)), None, T + 60) == []


def test_shares_of_odd_capacities_are_exact():
    assert [seats_needed(95, capacity) for capacity in (1, 19, 20, 21, 10**18 + 1)] == [1, 19, 19, 20, 95 * 10**16 + 1]


def test_thresholds_are_written_as_shares():
    found = milestones(curve_of(), 10, T)
    assert [milestone.threshold for milestone in found] == [0.1, 0.25, 0.5, 0.8, 0.9, 0.95, 1.0]
