"""A simulated on-sale: what a reservation service would publish while a country buys concert tickets.

Pure and seeded: the clock is an argument, nothing is sent from here. The same seed, rate and instants give
the same records. Endless: when shows sell out, further dates are announced.
"""

import heapq
import random
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from math import exp
from operator import itemgetter
from typing import Any

from ranking_app.demo.envelopes import Envelopes, SimulatedRecord
from ranking_app.demo.mishaps import malformed_values
from ranking_app.demo.shows import Programme, Show
from schemas.produce_line import TopicNames

LONGEST_STEP_MS = 1_000
"""A caller that was away longer (a laptop that slept) goes on from now, without what it missed."""

REWEIGH_MS = 250
"""How often the pull of every show is worked out anew; a rush changes little in a quarter of a second."""

OPENING_EVERY_MS = 12_000
SHOWS_PER_OPENING = 6
FIRST_OPENING_SHOWS = 40
"""On sale from the first second; the other schedules open a handful at a time, each handful with its rush."""

FIRST_RUSHES = 4
"""Of those, how many open at that very second; the others opened a while ago."""

OPENED_AGO_MS = (10 * 60_000, 180 * 60_000)
"""So that the boards of five minutes, an hour and all time differ from the start."""

FEWEST_ON_SALE = 25
"""At high rates shows sell out faster than they open; openings are then brought forward to keep this many."""

SEAT_CHOICE_S = 5.0
"""Between the opening and the full rush: everybody is there, and chooses a seat."""

FURTHER_DATE_NOTICE_MS = 20_000
"""A further date is announced this long before its sale opens."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How often, per sale, something other than a plain sale happens."""

    cancelled: float = 0.03
    duplicate: float = 0.002
    late: float = 0.001
    malformed: float = 0.001
    reopening: float = 0.2
    """Of the shows that sell out, how many get seats back once more."""


class OnSale:
    """The on-sale from now_ms (epoch milliseconds) on. rate: reservation records a second, of all kinds."""

    def __init__(
        self,
        *,
        seed: int,
        now_ms: int,
        rate: float,
        topics: TopicNames,
        schedules: int = 200,
        mix: Mix | None = None,
    ) -> None:
        self._rng = rng = random.Random(seed)
        self._rate = rate
        self._write = Envelopes(rng, topics)
        self._mix = mix or Mix()
        self._now_ms = now_ms
        self._owed = 0.0
        """A part of a record that is due: carried to the next step, so that the rate is kept exactly."""
        self._later: list[tuple[int, int, Callable[[int], SimulatedRecord | None]]] = []
        """A heap of (when, tie-breaker, what): cancellations, retries, late deliveries."""
        self._postponed_count = 0
        self._malformed = malformed_values()
        self._programme = Programme(rng, datetime.fromtimestamp(now_ms / 1000, UTC))
        self._announced: list[SimulatedRecord] = []
        self.on_sale: list[Show] = []
        self.sold_out = 0
        """Shows that have sold out so far."""
        self._waiting = self._open_first(schedules)
        self._next_opening_ms = now_ms + OPENING_EVERY_MS
        self._weighed_ms = now_ms - REWEIGH_MS
        self._weights: list[float] = []

    def advance(self, now_ms: int) -> list[SimulatedRecord]:
        """What is published after the last call and until now_ms, in order; the catalogue comes first."""
        began_ms = max(self._now_ms, now_ms - LONGEST_STEP_MS)
        self._now_ms = max(now_ms, began_ms)
        elapsed_ms = self._now_ms - began_ms
        self._open_due()
        records, self._announced = self._announced, []
        self._owed += self._rate * elapsed_ms / 1000
        count, self._owed = int(self._owed), self._owed % 1
        for number in range(count):
            at_ms = began_ms + (number + 1) * elapsed_ms // count
            records.append(self._postponed(at_ms) or self._new(at_ms))
        records += self._announced
        self._announced = []
        return records

    def history(self, count: int = 20_000) -> list[SimulatedRecord]:
        """About so many sales from before now_ms, in order: to be published once, before the first step.

        Most of them happened soon after the opening of their show; the popular ones have sold out by now.
        """
        rng, now_ms = self._rng, self._now_ms
        opened = [show for show in self.on_sale if show.opens_at_ms < now_ms]
        buyers = rng.choices(opened, [show.popularity for show in opened], k=count) if opened else []
        visits = [(show.opens_at_ms + int((now_ms - show.opens_at_ms) * rng.random() ** 3), show) for show in buyers]
        records, self._announced = self._announced, []
        for at_ms, show in sorted(visits, key=itemgetter(0)):
            if show.left > 0:
                envelope = self._write.completed(show, at_ms)
                self._sell(show, envelope, at_ms)
                records.append(self._write.record(envelope))
        return records

    def _new(self, at_ms: int) -> SimulatedRecord:
        """Somebody buys: usually a plain completed reservation."""
        show = self._choose(at_ms)
        envelope = self._write.completed(show, at_ms)
        luck = self._rng.random()
        if luck < self._mix.malformed:
            return self._write.record(envelope, next(self._malformed)(envelope))
        record = self._write.record(envelope)
        self._sell(show, envelope, at_ms)
        luck -= self._mix.malformed
        if luck < self._mix.duplicate:
            self._postpone(at_ms + self._rng.randrange(200, 3_000), lambda _: record)
        elif luck < self._mix.duplicate + self._mix.late:
            # A publisher that lost its network: the buyer has the seat, the event comes a minute later.
            self._postpone(at_ms + self._rng.randrange(65_000, 150_000), lambda _: record)
            return self._new(at_ms)
        elif luck < self._mix.duplicate + self._mix.late + self._mix.cancelled:
            due_ms = at_ms + 2_000 + int(self._rng.expovariate(1 / 25_000))
            self._postpone(due_ms, lambda when_ms: self._cancel(show, envelope, when_ms, also_when_sold_out=False))
        return record

    # Who buys what

    def _choose(self, at_ms: int) -> Show:
        while True:
            if not self._weights or at_ms - self._weighed_ms >= REWEIGH_MS:
                self._weigh(at_ms)
            show = self.on_sale[bisect(self._weights, self._rng.random() * self._weights[-1])]
            if show.left > 0:
                return show
            self._weights = []

    def _weigh(self, at_ms: int) -> None:
        """Running sums of what draws people now; opens something new where too little can be bought."""
        self._weighed_ms = at_ms
        # What has sold out goes, or it would be weighed for ever; returned seats bring it back.
        self.on_sale = [show for show in self.on_sale if show.left > 0]
        weights = [_attraction(show, at_ms) for show in self.on_sale]
        while len(self.on_sale) < FEWEST_ON_SALE or not any(weights):
            self._open_now(at_ms)
            weights = [_attraction(show, at_ms) for show in self.on_sale]
        self._weights = list(accumulate(weights))

    def _sell(self, show: Show, envelope: dict[str, Any], at_ms: int) -> None:
        payload = envelope["payload"]
        show.left -= payload["quantity"]
        if show.left > 0:
            return
        self._weights = []
        if show.sold_out_at_ms is not None:
            return
        show.sold_out_at_ms = at_ms
        self.sold_out += 1
        if self._rng.random() < self._mix.reopening:
            back_ms = at_ms + self._rng.randrange(4_000, 20_000)
            self._postpone(back_ms, lambda when_ms: self._cancel(show, envelope, when_ms, also_when_sold_out=True))

    def _cancel(
        self, show: Show, envelope: dict[str, Any], at_ms: int, *, also_when_sold_out: bool
    ) -> SimulatedRecord | None:
        """The reservation is handed back. Who has seats of a sold-out show keeps them, but for a few."""
        if show.left <= 0:
            if not also_when_sold_out:
                return None
            show.quiet_until_ms = at_ms + self._rng.randrange(3_000, 9_000)
            if show not in self.on_sale:
                self.on_sale.append(show)
            self._weights = []
        show.left += envelope["payload"]["quantity"]
        return self._write.record(self._write.cancelled(envelope, at_ms))

    # Openings

    def _open_first(self, schedules: int) -> list[Show]:
        """The catalogue of the first day: some on sale now, others in handfuls. Returns those that wait."""
        now_ms = self._now_ms
        shows = [self._programme.draw(now_ms) for _ in range(schedules)]
        # The smallest of the wanted ones open first: something is to happen within seconds.
        shows.sort(key=lambda show: show.venue.capacity / show.popularity)
        first_of_act = {show.act: show for show in reversed(shows)}
        rush = [show for show in shows if first_of_act[show.act] is show][:FIRST_RUSHES]
        rest = [show for show in shows if show not in rush]
        self._rng.shuffle(rest)
        first = rush + rest[: FIRST_OPENING_SHOWS - len(rush)]
        waiting = rest[FIRST_OPENING_SHOWS - len(rush) :]
        for number, show in enumerate(waiting):
            show.opens_at_ms = now_ms + OPENING_EVERY_MS * (1 + number // SHOWS_PER_OPENING)
        for show in first[len(rush) :]:
            show.opens_at_ms = now_ms - self._rng.randrange(*OPENED_AGO_MS)
        self.on_sale = first
        self._announced = [self._write.catalogue(show, self._now_ms) for show in first + waiting]
        return waiting

    def _open_due(self) -> None:
        while self._now_ms >= self._next_opening_ms:
            self._next_opening_ms += OPENING_EVERY_MS
            self._announce_further_dates()
            self._weights = []
        while self._waiting and self._waiting[0].opens_at_ms <= self._now_ms:
            self.on_sale.append(self._waiting.pop(0))
            self._weights = []

    def _announce_further_dates(self) -> None:
        """When the programme of the first day has all opened, what sold out gets another date."""
        if self._waiting:
            return
        opens_at_ms = self._now_ms + FURTHER_DATE_NOTICE_MS
        for _ in range(SHOWS_PER_OPENING):
            show = self._programme.draw(opens_at_ms)
            self._waiting.append(show)
            self._announced.append(self._write.catalogue(show, self._now_ms))

    def _open_now(self, at_ms: int) -> None:
        """Bring the next opening forward, or add a date, and say so in the catalogue."""
        show = self._waiting.pop(0) if self._waiting else self._programme.draw(at_ms)
        show.opens_at_ms = at_ms
        self.on_sale.append(show)
        self._announced.append(self._write.catalogue(show, self._now_ms))

    # Later

    def _postpone(self, due_ms: int, make: Callable[[int], SimulatedRecord | None]) -> None:
        self._postponed_count += 1
        heapq.heappush(self._later, (due_ms, self._postponed_count, make))

    def _postponed(self, at_ms: int) -> SimulatedRecord | None:
        while self._later and self._later[0][0] <= at_ms:
            record = heapq.heappop(self._later)[2](at_ms)
            if record is not None:
                return record
        return None


def _attraction(show: Show, at_ms: int) -> float:
    """How strongly a show draws buyers at an instant: a rush when its sale opens, then a long thin queue."""
    if show.left <= 0 or at_ms < show.opens_at_ms or at_ms < show.quiet_until_ms:
        return 0.0
    age_s = (at_ms - show.opens_at_ms) / 1000
    arriving = min(1.0, (age_s + 0.2) / SEAT_CHOICE_S)
    return show.popularity * arriving * (0.15 + 2 * exp(-age_s / 20) + 0.5 * exp(-age_s / 120))
