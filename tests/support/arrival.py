"""How a stream of events lies in Kafka: which record where, in which order, with life's disorder.

The order per partition is decided here and sent with explicit partitions, so that what depends on arrival
(late and duplicate events) can be computed beforehand. The events themselves stay what they are: stragglers,
retries and garbage change no board.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import count
from random import Random
from typing import NamedTuple

from tests.support.oracle_events import Record
from tests.support.retail import Event

STRAGGLERS_SHARE = 0.01
STRAGGLE = (300, 5_000)
"""A straggler comes this many events later. The shop has 24 a minute at most times: minutes to hours late."""

RETRIES = 1_000
RETRY_WITHIN = 2_000
GARBAGE_COPIES = 10
GARBAGE = (
    b"",
    b"not json",
    b"[1, 2]",
    b"{}",
    b'{"eventId": "g", "eventType": "reservation.completed", "eventTime": 1291191960,'
    b' "payload": {"concertScheduleId": "g"}}',
    b'{"eventId": "g", "eventType": "concert.schedule.created", "payload": {"concertScheduleId": "g"}}',
    b'{"concertScheduleId": "g", "reservedAt": "someday"}',
)


class Topics(NamedTuple):
    """Names of the topics that take events."""

    completed: str = "reservation.completed"
    cancelled: str = "reservation.cancelled"
    catalogue: str = "concert.schedule.created"


class Placed(NamedTuple):
    """A record with its place. `value` is JSON text, or any text if `garbage`, or None for a tombstone."""

    topic: str
    partition: int
    value: bytes | None
    key: str | None = None
    garbage: bool = False

    def line(self) -> bytes:
        """As a line for `ranking-app produce`."""
        place = _place(self.topic, self.partition, self.key)
        if self.garbage:
            return place + b'"raw": ' + json.dumps((self.value or b"").decode()).encode() + b"}\n"
        return place + b'"value": ' + (b"null" if self.value is None else self.value) + b"}\n"


@cache
def _place(topic: str, partition: int, key: str | None) -> bytes:
    return (json.dumps({"topic": topic, "partition": partition, "key": key})[:-1] + ", ").encode()


def as_records(placed: Iterable[Placed]) -> Iterator[Record]:
    """With the offsets that Kafka will give them."""
    offsets: defaultdict[tuple[str, int], Iterator[int]] = defaultdict(count)
    for record in placed:
        offset = next(offsets[record.topic, record.partition])
        key = None if record.key is None else record.key.encode()
        yield Record(record.topic, record.partition, offset, record.value, key)


def round_robin(events: Sequence[Event], topics: Topics, seed: int, partitions: int = 3) -> list[Placed]:
    """Unkeyed events in turn over their topic's partitions; with stragglers, retries and garbage."""
    random = Random(seed)
    turns = {True: count(), False: count()}
    placed = []
    for number in _with_stragglers(len(events), random):
        event = events[number]
        topic = topics.cancelled if event.cancelled else topics.completed
        placed.append(Placed(topic, next(turns[event.cancelled]) % partitions, event.value))
    extras = [*_retries(placed, random), *_garbage(len(placed), topics, partitions, random)]
    return _merged(placed, extras)


def _with_stragglers(length: int, random: Random) -> list[int]:
    arrives_at = range(length)
    late = {
        number: number + random.randint(*STRAGGLE)
        for number in random.sample(arrives_at, round(length * STRAGGLERS_SHARE))
    }
    return sorted(arrives_at, key=lambda number: late.get(number, number))


def _retries(placed: Sequence[Placed], random: Random) -> Iterator[tuple[int, Placed]]:
    """A publisher that saw no acknowledgement sends the same again, to the same partition."""
    for number in random.sample(range(len(placed)), min(RETRIES, len(placed))):
        yield number + random.randint(1, RETRY_WITHIN), placed[number]


def _garbage(length: int, topics: Topics, partitions: int, random: Random) -> Iterator[tuple[int, Placed]]:
    for value in GARBAGE * GARBAGE_COPIES:
        topic = random.choice([topics.completed, topics.cancelled])
        record = Placed(topic, random.randrange(partitions), value, garbage=True)
        yield random.randrange(length), record


def _merged(placed: Sequence[Placed], extras: Iterable[tuple[int, Placed]]) -> list[Placed]:
    """The extras each right after the record whose number they carry."""
    after: defaultdict[int, list[Placed]] = defaultdict(list)
    for number, record in extras:
        after[min(number, len(placed) - 1)].append(record)
    return [each for number, record in enumerate(placed) for each in (record, *after.get(number, ()))]


def invented_catalogue(events: Iterable[Event], topics: Topics, seed: int) -> list[Placed]:
    """Listings for every third schedule, so that the replay has sell-outs and reopenings as well.

    Some are listed twice with another capacity, some are removed again by a tombstone, one listing is bad.
    """
    random = Random(seed)
    bought: defaultdict[str, int] = defaultdict(int)
    for event in events:
        bought[event.schedule] += 0 if event.cancelled else min(event.quantity, 10_000)
    listed = sorted(bought)[::3]
    records = []
    for number, name in enumerate(listed):
        capacity = max(1, round(bought[name] * random.uniform(0.02, 1.3)))
        if number % 25 == 0:
            records.append(_listing(name, capacity * 2, number, topics, random))
        records.append(_listing(name, capacity, number, topics, random))
    records.extend(Placed(topics.catalogue, 0, None, key=name) for name in listed[7::50])
    records.append(_listing("without-seats", 0, 0, topics, random))
    return records


def _listing(name: str, capacity: int, number: int, topics: Topics, random: Random) -> Placed:
    month, day = random.randint(1, 11), random.randint(1, 28)
    payload = {
        "concertScheduleId": name,
        "capacity": capacity,
        "title": None if number % 5 == 0 else f"Nr. {number} “{name}”",
        "venue": f"Shelf {number % 40}",
        "saleOpensAt": None if number % 2 else f"2011-{month:02d}-{day:02d}T10:00:00+09:00",
        "startsAt": "2012-01-01",
    }
    value = {"eventId": f"listing-{number}", "eventType": "concert.schedule.created", "payload": payload}
    return Placed(topics.catalogue, 0, json.dumps(value).encode(), key=name)
