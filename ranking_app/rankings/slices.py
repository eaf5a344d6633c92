"""Slices: the part of all schedules that a board is asked for, by what the catalogue says of them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from ranking_app.rankings.schedule import Schedule
from schemas.catalogue import Listing

CapacityClass = Literal["club", "theatre", "hall", "arena", "stadium", "unknown"]
CAPACITY_CLASSES: tuple[CapacityClass, ...] = get_args(CapacityClass)

_BELOW: tuple[tuple[int, CapacityClass], ...] = (
    (1_000, "club"),
    (3_000, "theatre"),
    (10_000, "hall"),
    (30_000, "arena"),
)

MOST_VALUES = 1_000
"""Of one property in the list of slices, the most frequent ones: an answer stays bounded."""


def capacity_class(listing: Listing | None) -> CapacityClass:
    """By seats: club below 1,000, theatre below 3,000, hall below 10,000, arena below 30,000, stadium."""
    if listing is None:
        return "unknown"
    return next((name for below, name in _BELOW if listing.capacity < below), "stadium")


@dataclass(frozen=True, slots=True)
class Slice:
    """What a schedule must be to be on the board; None: anything. Texts match exactly.

    show_from_ms, show_to_ms: half-open range of startsAt; a show without one is in no range.
    """

    genre: str | None = None
    region: str | None = None
    venue: str | None = None
    capacity_class: CapacityClass | None = None
    show_from_ms: int | None = None
    show_to_ms: int | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self == EVERYTHING

    def holds(self, schedule: Schedule) -> bool:
        """Whether the schedule is in the slice."""
        listing = schedule.listing
        if self.capacity_class is not None and self.capacity_class != capacity_class(listing):
            return False
        if listing is None:
            return self == Slice(capacity_class=self.capacity_class)
        texts = ((self.genre, listing.genre), (self.region, listing.region), (self.venue, listing.venue))
        return all(wanted in (None, found) for wanted, found in texts) and self._in_range(listing.starts_at_ms)

    def _in_range(self, starts_at_ms: int | None) -> bool:
        if starts_at_ms is None:
            return self.show_from_ms is None and self.show_to_ms is None
        if self.show_from_ms is not None and starts_at_ms < self.show_from_ms:
            return False
        return self.show_to_ms is None or starts_at_ms < self.show_to_ms

    def of(self, schedules: Iterable[Schedule]) -> Iterable[Schedule]:
        """Those of the schedules that are in the slice."""
        return schedules if self.is_everything else filter(self.holds, schedules)


EVERYTHING = Slice()


@dataclass(frozen=True, slots=True)
class SliceValues:
    """Every value that a slice can ask for, with how many schedules have it, most frequent first, then by name."""

    genre: list[tuple[str, int]]
    region: list[tuple[str, int]]
    venue: list[tuple[str, int]]
    capacity_class: list[tuple[str, int]]
    first_show_ms: int | None
    last_show_ms: int | None


def slice_values(schedules: Iterable[Schedule]) -> SliceValues:
    """What can be asked for; schedules without a value for something are not counted there."""
    genre: Counter[str] = Counter()
    region: Counter[str] = Counter()
    venue: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    shows_ms: list[int] = []
    for schedule in schedules:
        listing = schedule.listing
        classes[capacity_class(listing)] += 1
        if listing is None:
            continue
        for counter, value in ((genre, listing.genre), (region, listing.region), (venue, listing.venue)):
            if value is not None:
                counter[value] += 1
        if listing.starts_at_ms is not None:
            shows_ms.append(listing.starts_at_ms)
    return SliceValues(
        genre=_most_frequent(genre),
        region=_most_frequent(region),
        venue=_most_frequent(venue),
        capacity_class=_most_frequent(classes),
        first_show_ms=min(shows_ms, default=None),
        last_show_ms=max(shows_ms, default=None),
    )


def _most_frequent(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:MOST_VALUES]
