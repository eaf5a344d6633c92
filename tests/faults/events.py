"""What the three producers send and when, drawn from the seed: sales, cancellations, retries, late ones, garbage."""

import heapq
import json
from collections.abc import Callable, Iterator
from itertools import accumulate, count, cycle
from random import Random
from typing import Any, NamedTuple

from ranking_app.demo.envelopes import iso
from ranking_app.demo.mishaps import malformed_values
from ranking_app.partitioner import partition_of
from tests.faults.shows import Show
from tests.support.arrival import Topics

PARTITIONS = 3
BAD_SHARE = 0.004
REPEATED_SHARE = 0.01
REPEATED_WITHIN_S = 3.0
LATE_BY_MINUTES_SHARE = 0.02
LATE_BY_DAYS_SHARE = 0.002
CANCELLED_SHARE = 0.06
RUSH_OF_CANCELLATIONS = 0.75
"""Share of cancellations in a rush, every third spell of RUSH_S: shows that were sold out reopen."""

RUSH_S = 4
CANCELLED_FIRST_SHARE = 0.1
"""Of the cancellations, so many come before the completion that they cancel."""

KEYED, ROUND_ROBIN, FLAT = range(3)
PRODUCERS = ("keyed", "round robin", "flat and payments")
LISTED_AGAIN_AFTER_S = (1.0, 8.0)


class Outgoing(NamedTuple):
    """A record to send at at_s, seconds since the run's events began. `again`: it may be sent twice in a doubt."""

    at_s: float
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    again: bool = True


class Stream:
    """The records of one producer, in the order they are due. began_ms: the wall clock at at_s = 0.

    Everything else depends on the seed alone.
    """

    def __init__(
        self,
        seed: int,
        number: int,
        shows: list[Show],
        topics: Topics,
        *,
        rate: float,
        duration_s: float,
        began_ms: int,
    ) -> None:
        self._random = Random(f"events {seed} {number}")
        self._number = number
        self._shows = shows
        self._weights = list(accumulate(show.weight for show in shows))
        self._topics = topics
        self._count = round(rate * duration_s)
        self._rate = rate
        self._began_ms = began_ms
        self._turns = cycle(range(PARTITIONS))
        self._ids = count(1)
        self._bad = _bad_values()
        self._later: list[tuple[float, int, Outgoing]] = []
        self._sold: list[tuple[Show, dict[str, Any]]] = []

    def __iter__(self) -> Iterator[Outgoing]:
        for number in range(self._count):
            at_s = number / self._rate
            while self._later and self._later[0][0] <= at_s:
                yield heapq.heappop(self._later)[2]
            yield self._draw(at_s)
        while self._later:
            yield heapq.heappop(self._later)[2]

    def _draw(self, at_s: float) -> Outgoing:
        random = self._random
        show = random.choices(self._shows, cum_weights=self._weights)[0]
        if random.random() < BAD_SHARE:
            return self._garbage(show, at_s)
        if self._number == FLAT and random.random() < 0.6:
            return self._flat(show, at_s)
        if not show.steady and random.random() < self._cancelling(at_s):
            return self._cancellation(show, at_s)
        return self._sale(show, at_s)

    def _cancelling(self, at_s: float) -> float:
        return RUSH_OF_CANCELLATIONS if int(at_s) // RUSH_S % 3 == 2 else CANCELLED_SHARE

    def _sale(self, show: Show, at_s: float) -> Outgoing:
        event = self._envelope(show, at_s)
        if not show.steady:
            self._sold.append((show, event))
        sent = self._record(self._topics.completed, event, at_s)
        if self._random.random() < REPEATED_SHARE:
            self._repeat(sent, event, at_s)
        return sent

    def _repeat(self, sent: Outgoing, event: dict[str, Any], at_s: float) -> None:
        """The same eventId on the same partition again, whatever else it says."""
        value = sent.value
        if self._random.random() < 0.3:
            value = _dump({**event, "payload": {**event["payload"], "quantity": 9}})
        due_s = at_s + self._random.uniform(0, REPEATED_WITHIN_S)
        self._push(sent._replace(at_s=due_s, value=value))

    def _cancellation(self, show: Show, at_s: float) -> Outgoing:
        if not self._sold or self._random.random() < CANCELLED_FIRST_SHARE:
            sale = self._envelope(show, at_s)
            due_s = at_s + self._random.uniform(0, REPEATED_WITHIN_S)
            self._push(self._record(self._topics.completed, sale, due_s))
        else:
            place = self._random.randrange(len(self._sold))
            self._sold[place], self._sold[-1] = self._sold[-1], self._sold[place]
            _, sale = self._sold.pop()
        kind = sale["eventType"].replace("completed", "cancelled")
        event = {**sale, "eventId": self._event_id(), "eventType": kind, "eventTime": iso(self._event_ms(at_s))}
        return self._record(self._topics.cancelled, event, at_s)

    def _flat(self, show: Show, at_s: float) -> Outgoing:
        """No id, so its identity is its offset. It is sent once, and only by a producer that is never cut off."""
        at_ms = self._event_ms(at_s)
        day_ms = at_ms - self._random.randrange(10) * 86_400_000
        text = iso(at_ms) if self._random.random() < 0.9 else iso(day_ms)[:10].replace("-", "")
        cancels = not show.steady and self._random.random() < CANCELLED_SHARE
        topic = self._topics.cancelled if cancels else self._topics.completed
        value = _dump({"concertScheduleId": show.name, "reservedAt": text})
        return Outgoing(at_s, topic, next(self._turns), None, value, again=False)

    def _garbage(self, show: Show, at_s: float) -> Outgoing:
        topic = self._random.choice([self._topics.completed, self._topics.cancelled])
        value = next(self._bad)(self._envelope(show, at_s))
        key = f"bad-{next(self._ids)}".encode()
        headers = (("trace", key), ("empty", b""))
        return Outgoing(at_s, topic, self._random.randrange(PARTITIONS), key, value, headers)

    def _envelope(self, show: Show, at_s: float) -> dict[str, Any]:
        quantity = self._random.randint(1, 3)
        payload: dict[str, Any] = {
            "concertScheduleId": show.name,
            "userId": self._random.randrange(10**6),
            "quantity": quantity,
            "amount": quantity * 10_000 * (1 + show.number % 7),
        }
        kind = "payment.completed" if self._number == FLAT else "reservation.completed"
        payload["paymentId" if self._number == FLAT else "reservationId"] = next(self._ids)
        time = iso(self._event_ms(at_s))
        return {"eventId": self._event_id(), "eventType": kind, "eventTime": time, "payload": payload}

    def _record(self, topic: str, event: dict[str, Any], at_s: float) -> Outgoing:
        if self._number != KEYED:
            return Outgoing(at_s, topic, next(self._turns), None, _dump(event))
        key = str(event["payload"]["reservationId"]).encode()
        return Outgoing(at_s, topic, partition_of(key, PARTITIONS), key, _dump(event))

    def _event_ms(self, at_s: float) -> int:
        """Mostly just now; some late by minutes, some by days."""
        luck = self._random.random()
        late_s = self._random.uniform(0, 0.9)
        if luck < LATE_BY_DAYS_SHARE:
            late_s = self._random.uniform(1, 9) * 86_400
        elif luck < LATE_BY_DAYS_SHARE + LATE_BY_MINUTES_SHARE:
            late_s = self._random.uniform(2, 30) * 60
        return self._began_ms + round((at_s - late_s) * 1000)

    def _event_id(self) -> str:
        return f"{self._number}-{self._random.getrandbits(96):024x}"

    def _push(self, record: Outgoing) -> None:
        heapq.heappush(self._later, (record.at_s, next(self._ids), record))


def catalogue_records(seed: int, shows: list[Show], topic: str) -> list[Outgoing]:
    """Listings, in the order they are due: late ones, renewed ones, some with other capacities, removed, bad."""
    random = Random(f"catalogue {seed}")
    records = []
    for show in shows:
        if show.listed_at_s is None:
            continue
        records.append(_listing(show, show.capacity, show.listed_at_s, topic))
        again_s = show.listed_at_s + random.uniform(*LISTED_AGAIN_AFTER_S)
        if show.number % 5 == 0:  # steady ones too: the same capacity under another title changes no milestone
            capacity = show.capacity if show.steady else max(1, show.capacity * random.randint(50, 200) // 100)
            records.append(_listing(show, capacity, again_s, topic, title=f"Nr. {show.number}, again"))
        if show.number % 16 == 3:
            records.append(Outgoing(again_s, topic, 0, show.id.encode(), None))
        if show.number % 6 == 0:
            records.append(_listing(show, 0, again_s, topic))  # bad: the one before it stays
    return sorted(records, key=lambda record: record.at_s)


def _listing(show: Show, capacity: int, at_s: float, topic: str, title: str | None = None) -> Outgoing:
    payload = {
        "concertScheduleId": show.name,
        "capacity": capacity,
        "title": title or f"Nr. {show.number}",
        "venue": f"Hall {show.number % 4}",
        "saleOpensAt": None if show.number % 3 else "2026-01-01T10:00:00+09:00",
        "startsAt": "2030-01-01",
    }
    event = {"eventId": f"listing-{show.number}", "eventType": "concert.schedule.created", "payload": payload}
    return Outgoing(at_s, topic, 0, show.id.encode(), _dump(event))


def _bad_values() -> Iterator[Callable[[dict[str, Any]], bytes | None]]:
    """Endless: the demo's kinds of mishap in turn with those that it leaves out."""
    more: tuple[Callable[[dict[str, Any]], bytes | None], ...] = (
        lambda good: None,
        lambda good: b"",
        lambda good: b'{"concertScheduleId": "show-00", "reservedAt": "someday"}',
        lambda good: _dump({**good, "eventTime": "2126-06-14T11:00:03Z"}),
        lambda good: _dump({**good, "eventType": "concert.schedule.created"}),
        lambda good: _dump({**good, "eventId": ""}),
        lambda good: _dump({**good, "payload": {**good["payload"], "quantity": 10_001}}),
        lambda good: _dump({**good, "padding": "x" * 65_536}),
    )
    for ours, theirs in zip(cycle(more), malformed_values(), strict=False):
        yield ours
        yield theirs


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
