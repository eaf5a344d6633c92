"""Milestones: when 10, 25, 50, 80, 90, 95 and 100 percent of the capacity were sold."""

from typing import NamedTuple

from ranking_app.rankings.curve import Curve

THRESHOLDS_PERCENT = (10, 25, 50, 80, 90, 95, 100)
"""100 is being sold out."""


class Milestone(NamedTuple):
    """reached_at_s: start of the first second whose end has the share sold; None if that has not happened."""

    percent: int
    reached_at_s: int | None

    @property
    def threshold(self) -> float:
        """The share as it is written in answers and notifications."""
        return threshold(self.percent)


def threshold(percent: int) -> float:
    """The share as it is written in answers and notifications.

    >>> [threshold(percent) for percent in THRESHOLDS_PERCENT]
    [0.1, 0.25, 0.5, 0.8, 0.9, 0.95, 1.0]
    """
    return percent / 100


def seats_needed(percent: int, capacity: int) -> int:
    """The smallest whole number sold that is at least percent of capacity.

    >>> seats_needed(95, 100), seats_needed(95, 101), seats_needed(10, 1)
    (95, 96, 1)
    """
    return -(-percent * capacity // 100)


def milestones(curve: Curve, capacity: int | None, as_of_s: int) -> list[Milestone]:
    """All seven, from what happened before as_of_s; none where the capacity is unknown."""
    if capacity is None:
        return []
    return [
        Milestone(percent, curve.first_second_sold(seats_needed(percent, capacity), as_of_s))
        for percent in THRESHOLDS_PERCENT
    ]
