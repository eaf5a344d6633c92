"""Short ways to write events and records by hand, for the tests of the oracle."""

from collections.abc import Mapping
from itertools import count
from typing import Any

from tests.support.oracle import Oracle
from tests.support.oracle_events import Record, Rules

NOON_S = 1_781_438_400  # 2026-06-14T12:00:00Z
RULES = Rules(now_ms=(NOON_S + 86_400) * 1000)
DONE, GONE, LIST = RULES.completed_topic, RULES.cancelled_topic, RULES.catalogue_topic


_numbers = count(1)


def envelope(schedule: Any, at_s: float, **more: Any) -> dict[str, Any]:
    """A reservation.completed event with an id of its own; more: eventId, eventType, payload fields."""
    return {
        "eventId": more.pop("eventId", f"e-{next(_numbers)}"),
        "eventType": more.pop("eventType", "reservation.completed"),
        "eventTime": round(at_s * 1000),
        "payload": {"concertScheduleId": schedule, **more},
    }


def cancelled(schedule: Any, at_s: float, **more: Any) -> dict[str, Any]:
    """A reservation.cancelled event."""
    return envelope(schedule, at_s, eventType="reservation.cancelled", **more)


def listing(schedule: str, capacity: Any, **more: Any) -> dict[str, Any]:
    """A concert.schedule.created event; more: fields of the payload."""
    return {
        "eventId": f"c-{schedule}",
        "eventType": "concert.schedule.created",
        "payload": {"concertScheduleId": schedule, "capacity": capacity, **more},
    }


def on(topic: str, *values: Any, partition: int = 0) -> list[Record]:
    """Values as the records of one partition, from offset 0."""
    return [Record(topic, partition, offset, value) for offset, value in enumerate(values)]


def oracle(*records: list[Record]) -> Oracle:
    """The oracle for all of them."""
    return Oracle([record for some in records for record in some], RULES)


def column(board: Mapping[str, Any], *names: str) -> list[Any]:
    """A field of every entry, or a tuple of several."""
    return [tuple(entry[name] for name in names) if len(names) > 1 else entry[names[0]] for entry in board["entries"]]
