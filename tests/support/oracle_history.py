"""The second opinion, part two: one schedule's sales, added up per second, and what follows from them."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate
from typing import Any

from tests.support.oracle_events import EPOCH, Listing, Sale

MILESTONE_PERCENTS = (10, 25, 50, 80, 90, 95, 100)
Json = dict[str, Any]


class History:
    """One schedule: its listing, and its sales added up per second."""

    def __init__(self, name: str, sales: Sequence[Sale], listing: Listing | None) -> None:
        self.name = name
        self.listing = listing
        # second -> [completed, cancelled, net amount]
        per_second: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        for sale in sales:
            cell = per_second[sale.at_ms // 1000]
            cell[1 if sale.cancelled else 0] += sale.quantity
            cell[2] += -sale.amount if sale.cancelled else sale.amount
        self.seconds = sorted(per_second)
        self.completed_seconds = [second for second in self.seconds if per_second[second][0] > 0]
        # Cumulative: element i is the sum of the first i seconds.
        self._completed = [0, *accumulate(per_second[second][0] for second in self.seconds)]
        self._cancelled = [0, *accumulate(per_second[second][1] for second in self.seconds)]
        self._amount = [0, *accumulate(per_second[second][2] for second in self.seconds)]
        self._reached_s = {percent: self._first_second_at(percent) for percent in MILESTONE_PERCENTS}

    def _between(self, sums: list[int], start_s: int | None, end_s: int) -> int:
        before = 0 if start_s is None else sums[bisect_left(self.seconds, start_s)]
        return sums[bisect_left(self.seconds, end_s)] - before

    def completed(self, start_s: int | None, end_s: int) -> int:
        """Quantity completed in [start, end)."""
        return self._between(self._completed, start_s, end_s)

    def cancelled(self, start_s: int | None, end_s: int) -> int:
        """Quantity cancelled in [start, end)."""
        return self._between(self._cancelled, start_s, end_s)

    def amount(self, start_s: int | None, end_s: int) -> int:
        """Net amount in [start, end)."""
        return self._between(self._amount, start_s, end_s)

    def net_quantity(self, start_s: int | None, end_s: int) -> int:
        """Completed minus cancelled in [start, end)."""
        return self.completed(start_s, end_s) - self.cancelled(start_s, end_s)

    def last_completed_s(self, start_s: int | None, end_s: int) -> int | None:
        """Second of the last completed sale in [start, end)."""
        index = bisect_left(self.completed_seconds, end_s)
        if index == 0 or (start_s is not None and self.completed_seconds[index - 1] < start_s):
            return None
        return self.completed_seconds[index - 1]

    def _first_second_at(self, percent: int) -> int | None:
        if self.listing is None:
            return None
        for index, second in enumerate(self.seconds):
            sold_at_its_end = self._completed[index + 1] - self._cancelled[index + 1]
            if sold_at_its_end * 100 >= percent * self.listing.capacity:
                return second
        return None

    def reached_s(self, percent: int, as_of_s: int) -> int | None:
        """First second whose end has `percent` of the capacity sold, as known at as_of."""
        second = self._reached_s[percent]
        return second if second is not None and second < as_of_s else None

    def sell_out_seconds(self, as_of_s: int) -> int | None:
        """soldOutAt minus saleOpensAt, or minus the second of the first sale."""
        sold_out_s = self.reached_s(100, as_of_s)
        if sold_out_s is None or self.listing is None:
            return None
        opens_ms = self.listing.sale_opens_ms
        return sold_out_s - (self.completed_seconds[0] if opens_ms is None else opens_ms // 1000)

    def status(self, as_of_s: int) -> str:
        """selling, soldOut or reopened at as_of."""
        if self.listing is not None and self.net_quantity(None, as_of_s) >= self.listing.capacity:
            return "soldOut"
        return "selling" if self.reached_s(100, as_of_s) is None else "reopened"

    def state(self, as_of_s: int) -> Json:
        """The fields that an entry of a board and the details of a schedule share."""
        sold = self.net_quantity(None, as_of_s)
        capacity = None if self.listing is None else self.listing.capacity
        return {
            "concertScheduleId": self.name,
            "title": None if self.listing is None else self.listing.title,
            "sold": sold,
            "capacity": capacity,
            "soldRatio": None if capacity is None else sold * 10_000 // capacity / 10_000,  # // rounds down
            "status": self.status(as_of_s),
            "soldOutAt": time_s(self.reached_s(100, as_of_s)),
            "sellOutSeconds": self.sell_out_seconds(as_of_s),
        }

    def entry(self, as_of_s: int, **of_the_board: int | None) -> Json:
        """An entry without its rank; of_the_board: score, quantity, amount, cancelled."""
        return self.state(as_of_s) | of_the_board

    def details(self, as_of_s: int) -> Json:
        """`GET /v1/schedules/{id}` without completeness and ranks."""
        listing = self.listing or Listing(0, None, None, None, None, None, None)
        percents = [] if self.listing is None else MILESTONE_PERCENTS
        first_s = self.completed_seconds[0] if self.last_completed_s(None, as_of_s) is not None else None
        return self.state(as_of_s) | {
            "asOf": time_s(as_of_s),
            "venue": listing.venue,
            "region": listing.region,
            "genre": listing.genre,
            "saleOpensAt": None if listing.sale_opens_ms is None else time_s(listing.sale_opens_ms // 1000),
            "startsAt": None if listing.starts_ms is None else time_s(listing.starts_ms // 1000),
            "completed": self.completed(None, as_of_s),
            "cancelled": self.cancelled(None, as_of_s),
            "amount": self.amount(None, as_of_s),
            "firstSaleAt": time_s(first_s),
            "lastSaleAt": time_s(self.last_completed_s(None, as_of_s)),
            "milestones": [
                {"threshold": percent / 100, "reachedAt": time_s(self.reached_s(percent, as_of_s))}
                for percent in percents
            ],
        }


def time_s(at_s: int | None) -> str | None:
    """Whole seconds, as answers write them."""
    return None if at_s is None else f"{EPOCH + timedelta(seconds=at_s):%Y-%m-%dT%H:%M:%S}Z"


def time_ms(at_ms: int | None) -> str | None:
    """Milliseconds, as watermarks are written."""
    return None if at_ms is None else f"{time_s(at_ms // 1000)}"[:-1] + f".{at_ms % 1000:03d}Z"
