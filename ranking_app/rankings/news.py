"""What there is to notify about one schedule: milestones, sold out, reopened; raised already or not.

All of it follows the curve second by second, so a spell that came and went between two looks is there too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ranking_app.rankings.curve import Curve
from ranking_app.rankings.milestones import THRESHOLDS_PERCENT, seats_needed
from ranking_app.rankings.status import sell_out_seconds
from schemas.catalogue import Listing

NEWS_PERCENT = tuple(percent for percent in THRESHOLDS_PERCENT if percent < 100)
"""The last milestone is news as sold out, which may come more than once."""


@dataclass(frozen=True, slots=True)
class MilestoneReached:
    """percent of the capacity were sold at the end of second at_s for the first time. Once per percent."""

    at_s: int
    percent: int
    sold: int
    capacity: int


@dataclass(frozen=True, slots=True)
class SoldOut:
    """The spell (1, 2, …) of being sold out that began in second at_s; sell_out_seconds is this spell's."""

    at_s: int
    spell: int
    sold: int
    capacity: int
    sell_out_seconds: int


@dataclass(frozen=True, slots=True)
class Reopened:
    """Cancellations ended a spell in second at_s; it has the number of the SoldOut that it ends."""

    at_s: int
    spell: int
    sold: int
    capacity: int


News = MilestoneReached | SoldOut | Reopened
"""`sold` is at the end of second at_s. Identity: the class, and percent or spell."""


def identity_of(item: News) -> tuple[type, int]:
    """What tells apart the news of one schedule: what happened at which percent or spell happens once."""
    return type(item), item.percent if isinstance(item, MilestoneReached) else item.spell


def quiet_below(found: Sequence[News], capacity: int) -> int:
    """As long as less than this was completed in all, there is no other news than what was found; 0: there may be.

    >>> quiet_below([MilestoneReached(7, 10, 12, 100)], 100), quiet_below([], 200)
    (25, 20)
    """
    if any(not isinstance(item, MilestoneReached) for item in found):
        return 0
    return seats_needed(THRESHOLDS_PERCENT[len(found)], capacity)


def news(curve: Curve, listing: Listing | None, as_of_s: int) -> list[News]:
    """Everything that happened before as_of_s, in time order, within a second lower milestones first.

    Nothing without a listing. Events that arrive later may change the curve and so this list: other times,
    fewer spells. What was raised stays raised; that is for the caller to remember.
    """
    if listing is None:
        return []
    capacity = listing.capacity
    found: list[News] = []
    for percent in NEWS_PERCENT:
        at_s = curve.first_second_sold(seats_needed(percent, capacity), as_of_s)
        if at_s is None:
            break  # what is more was not sold either
        found.append(MilestoneReached(at_s, percent, curve.sold_before(at_s + 1), capacity))
    # All milestones below 100 % are reached by the second in which the first spell begins.
    for number, spell in enumerate(curve.spells(capacity, as_of_s), start=1):
        seconds = sell_out_seconds(curve, listing, spell.sold_out_at_s)
        found.append(SoldOut(spell.sold_out_at_s, number, spell.sold, capacity, seconds))
        if spell.reopened_at_s is not None and spell.reopened_sold is not None:
            found.append(Reopened(spell.reopened_at_s, number, spell.reopened_sold, capacity))
    return found
