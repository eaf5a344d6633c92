"""Writes the simulated events as the contract's envelopes, with ids from the simulation's own generator."""

import random
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from ranking_app.demo.shows import Show
from schemas.produce_line import TopicNames

QUANTITIES = (1, 1, 1, 2, 2, 2, 2, 2, 3, 4)
"""Seats bought at once, as often as they are bought: mostly two."""

SEAT_ROWS = "ABCDEFGHJKLMNPQR"

COMPLETED = "reservation.completed"
CANCELLED = "reservation.cancelled"


class SimulatedRecord(NamedTuple):
    """A record as a producer takes it. Keyed by its reservation: a retry lands on the same partition."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Envelopes:
    """Draws ids, buyers and seats from `rng`, and turns envelopes into records for `topics`."""

    def __init__(self, rng: random.Random, topics: TopicNames) -> None:
        self._rng = rng
        self._topics = topics
        self._reservations = 0

    def completed(self, show: Show, at_ms: int) -> dict[str, Any]:
        """Somebody buys one to four seats, no more than are left."""
        luck = self._rng.getrandbits(40)  # one draw for all four: this is called for every event
        self._reservations += 1
        quantity = min(QUANTITIES[luck % len(QUANTITIES)], show.left)
        payload = {
            "reservationId": f"R-{self._reservations}",
            "concertScheduleId": show.schedule_id,
            "userId": f"U-{luck // 10 % 1_000_000}",
            "seatId": f"{SEAT_ROWS[luck >> 36]}-{1 + (luck >> 30) % 60}",
            "quantity": quantity,
            "amount": quantity * show.price_krw,
        }
        return self._envelope(COMPLETED, at_ms, payload)

    def cancelled(self, completed: dict[str, Any], at_ms: int) -> dict[str, Any]:
        """The same reservation handed back at another time."""
        return self._envelope(CANCELLED, at_ms, completed["payload"])

    def record(self, envelope: dict[str, Any], value: bytes | None = None) -> SimulatedRecord:
        """The envelope's record; `value` in place of the envelope where it is to be malformed."""
        topic = self._topics.cancelled if envelope["eventType"] == CANCELLED else self._topics.completed
        key = envelope["payload"]["reservationId"].encode()
        return SimulatedRecord(topic, key, orjson.dumps(envelope) if value is None else value)

    def catalogue(self, show: Show, at_ms: int) -> SimulatedRecord:
        """What the concert service says of a show: in Korean or in English, as the act is."""
        venue = show.venue
        payload = {
            "concertScheduleId": show.schedule_id,
            "capacity": venue.capacity,
            "title": show.act.title,
            "venue": venue.name_ko if show.act.korean else venue.name,
            "region": venue.region_ko if show.act.korean else venue.region,
            "genre": show.act.genre,
            "saleOpensAt": iso(show.opens_at_ms),
            "startsAt": iso(show.starts_at_ms),
        }
        envelope = self._envelope("concert.schedule.created", at_ms, payload)
        return SimulatedRecord(self._topics.catalogue, show.schedule_id.encode(), orjson.dumps(envelope))

    def _envelope(self, event_type: str, at_ms: int, payload: dict[str, Any]) -> dict[str, Any]:
        digits = f"{self._rng.getrandbits(128):032x}"
        event_id = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
        return {"eventId": event_id, "eventType": event_type, "eventTime": iso(at_ms), "payload": payload}


def iso(at_ms: int) -> str:
    """Epoch milliseconds in ISO 8601.

    >>> iso(1_781_434_803_412)
    '2026-06-14T11:00:03.412Z'
    """
    return f"{_iso_second(at_ms // 1000)}.{at_ms % 1000:03d}Z"


@lru_cache(maxsize=64)
def _iso_second(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}"
