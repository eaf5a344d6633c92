"""The schedules of a run: how popular each is, how many seats it has, and what the catalogue says of it when."""

from dataclasses import dataclass
from random import Random

SHOWS = 48
SEATS_PER_SALE = 2.0
"""On average; capacities are set by it so that some sell out early, some late, some never."""

CAPACITY_SHARE = (0.2, 1.6)
"""Of what will be sold, roughly."""

UNLISTED_EVERY = 12
"""Every so many shows one is never in the catalogue: its capacity is unknown."""


@dataclass(frozen=True, slots=True)
class Show:
    """A schedule. name: as events say it, an integer for some.

    steady: nothing is cancelled and the capacity never changes, so its total only grows and it is known
    beforehand which notifications it brings.
    """

    number: int
    name: str | int
    steady: bool
    weight: float
    capacity: int
    listed_at_s: float | None

    @property
    def id(self) -> str:
        """As answers say it."""
        return str(self.name)


def draw_shows(seed: int, events: int, duration_s: float) -> list[Show]:
    """The shows for a run of so many events."""
    random = Random(f"shows {seed}")
    weights = [1 / (place + 3) for place in range(SHOWS)]
    random.shuffle(weights)
    shows = []
    for number, weight in enumerate(weights):
        sold = events * weight / sum(weights) * SEATS_PER_SALE
        capacity = max(1, round(sold * random.uniform(*CAPACITY_SHARE)))
        listed_at_s = 0.0 if random.random() < 0.7 else random.uniform(0, duration_s)
        if number % UNLISTED_EVERY == UNLISTED_EVERY - 1:
            shows.append(Show(number, _name(number), number % 2 == 0, weight, capacity, None))
        else:
            shows.append(Show(number, _name(number), number % 2 == 0, weight, capacity, listed_at_s))
    return shows


def _name(number: int) -> str | int:
    if number % 16 == 4:
        return 20_260_614_00 + number
    return f"여름 콘서트 {number}/밤" if number % 16 == 5 else f"show-{number:02d}"
