"""Notifications as they go to their topic: the same envelope as events, with an id that says what happened."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid5

import orjson

from schemas.times import format_s

MILESTONE_REACHED = "ranking.milestone.reached"
SOLD_OUT = "ranking.schedule.sold-out"
REOPENED = "ranking.schedule.reopened"
ENTERED_TOP = "ranking.board.entered-top"
NUMBER_ONE = "ranking.board.number-one"

_RANK_TYPES = {"entered-top": ENTERED_TOP, "number-one": NUMBER_ONE}

NAMESPACE = UUID("9cf474f9-0543-497d-b62e-e1c1c42f1766")
"""Drawn once for this app. Another one would raise everything a second time."""


class Notification(NamedTuple):
    """Ready to be sent. id: of what happened, the same whoever finds it. at_s: when, seconds since the epoch, UTC."""

    id: UUID
    type: str
    at_s: int
    key: bytes
    value: bytes


class RankedBoard(NamedTuple):
    """The board that a rank is of. parameters: its own, by name; window_seconds None: all of time."""

    name: str
    window_seconds: int | None
    parameters: Mapping[str, str]


def milestone_reached(schedule_id: str, *, at_s: int, percent: int, sold: int, capacity: int) -> Notification:
    """percent (10 to 95) of the capacity were sold at the end of second at_s for the first time."""
    details = {"threshold": percent / 100, "sold": sold, "capacity": capacity}
    return _notification(MILESTONE_REACHED, schedule_id, percent, at_s, details)


def sold_out(
    schedule_id: str, *, at_s: int, spell: int, sold: int, capacity: int, sell_out_seconds: int
) -> Notification:
    """Being sold out for the spell-th time began in second at_s."""
    details = {
        "sold": sold,
        "capacity": capacity,
        "soldOutAt": format_s(at_s),
        "sellOutSeconds": sell_out_seconds,
        "spell": spell,
    }
    return _notification(SOLD_OUT, schedule_id, spell, at_s, details)


def reopened(schedule_id: str, *, at_s: int, spell: int, sold: int, capacity: int) -> Notification:
    """Cancellations in second at_s ended the spell that the sold-out notification of the same number began."""
    return _notification(REOPENED, schedule_id, spell, at_s, {"sold": sold, "capacity": capacity, "spell": spell})


def entered_top(
    schedule_id: str, board: RankedBoard, *, at_s: int, period: int, top: int, rank: int, score: int
) -> Notification:
    """On the board as of at_s the schedule has place `rank` of the first `top`. period: in which this is said once."""
    details = {**_board(board), "top": top, "rank": rank, "score": score}
    identity = rank_id("entered-top", board, schedule_id, period)
    return _enveloped(identity, ENTERED_TOP, schedule_id, at_s, details)


def number_one(
    schedule_id: str, board: RankedBoard, *, at_s: int, period: int, score: int, previous_id: str | None
) -> Notification:
    """On the board as of at_s the schedule is first. previous_id: who was before; None: nobody."""
    details = {**_board(board), "score": score, "previousConcertScheduleId": previous_id}
    identity = rank_id("number-one", board, schedule_id, period)
    return _enveloped(identity, NUMBER_ONE, schedule_id, at_s, details)


def rank_id(kind: Literal["entered-top", "number-one"], board: RankedBoard, schedule_id: str, period: int) -> UUID:
    """The id of a rank notification, also of one that was never made: to look whether it was raised."""
    parts = [_RANK_TYPES[kind], board.name, board.window_seconds, sorted(board.parameters.items()), schedule_id, period]
    return uuid5(NAMESPACE, orjson.dumps(parts).decode())


def notification_of(schedule_id: str, item: object) -> Notification:
    """The notification of one piece of news (rankings/news.py, a layer above), told apart by what it has."""
    match item:
        case object(at_s=int(at_s), sold=int(sold), capacity=int(capacity), percent=int(percent)):
            return milestone_reached(schedule_id, at_s=at_s, percent=percent, sold=sold, capacity=capacity)
        case object(
            at_s=int(at_s), sold=int(sold), capacity=int(capacity), spell=int(spell), sell_out_seconds=int(seconds)
        ):
            return sold_out(schedule_id, at_s=at_s, spell=spell, sold=sold, capacity=capacity, sell_out_seconds=seconds)
        case object(at_s=int(at_s), sold=int(sold), capacity=int(capacity), spell=int(spell)):
            return reopened(schedule_id, at_s=at_s, spell=spell, sold=sold, capacity=capacity)
    raise TypeError(f"expected news of a milestone, of being sold out or of a reopening, got {item!r}")


def raised_id(value: bytes | None) -> bytes | None:
    """The id, 16 bytes, of a notification read back from its topic; None for a record that is none of ours."""
    try:
        return UUID(orjson.loads(value or b"")["eventId"]).bytes
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _notification(kind: str, schedule_id: str, number: int, at_s: int, details: dict[str, Any]) -> Notification:
    """number: what tells several of one kind apart, the percent or the spell."""
    # JSON, because a schedule id may contain any separator.
    identity = uuid5(NAMESPACE, orjson.dumps([kind, schedule_id, number]).decode())
    return _enveloped(identity, kind, schedule_id, at_s, details)


def _board(board: RankedBoard) -> dict[str, Any]:
    return {"board": board.name, **board.parameters, "windowSeconds": board.window_seconds}


def _enveloped(identity: UUID, kind: str, schedule_id: str, at_s: int, details: dict[str, Any]) -> Notification:
    envelope = {
        "eventId": str(identity),
        "eventType": kind,
        "eventTime": format_s(at_s),
        "payload": {"concertScheduleId": schedule_id, **details},
    }
    return Notification(identity, kind, at_s, schedule_id.encode(), orjson.dumps(envelope))
