"""Records as publishers send them, for tests of decoding."""

import json
from typing import Any, NamedTuple

NOW_MS = 1_781_434_803_412
"""2026-06-14T11:00:03.412Z"""
NOW = "2026-06-14T11:00:03.412Z"


class SourceRecord(NamedTuple):
    """The part of a Kafka record that decoding looks at."""

    offset: int
    value: bytes | None


ABSENT: Any = object()


def _without_absent(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ABSENT}


def envelope(**changes: Any) -> dict[str, Any]:
    """The contract's reservation event with fields of the envelope or the payload changed, added or ABSENT."""
    fields = {"eventId": "7d1f", "eventType": "reservation.completed", "eventTime": NOW}
    payload = {
        "reservationId": "R-1",
        "concertScheduleId": "WorldDJFestival20250614",
        "userId": "U-7",
        "seatId": "A-12",
        "quantity": 1,
        "amount": 150_000,
    }
    return _event(fields, payload, changes)


def flat(**changes: Any) -> dict[str, Any]:
    """The contract's flat form with fields changed, added or left out (ABSENT)."""
    return _without_absent({"concertScheduleId": "WorldDJFestival20250614", "reservedAt": "20250528", **changes})


def listing(**changes: Any) -> dict[str, Any]:
    """A catalogue event with fields of the envelope or the payload changed, added or ABSENT."""
    fields = {"eventId": "c-1", "eventType": "concert.schedule.created", "eventTime": NOW}
    return _event(fields, {"concertScheduleId": "A", "capacity": 100}, changes)


def _event(fields: dict[str, Any], payload: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    outer = {name: value for name, value in changes.items() if name in {*fields, "payload"}}
    inner = {name: value for name, value in changes.items() if name not in outer}
    return _without_absent({**fields, "payload": _without_absent({**payload, **inner}), **outer})


def as_bytes(event: Any) -> bytes:
    """JSON as Python writes it."""
    return json.dumps(event).encode()
