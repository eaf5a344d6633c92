"""One reservation record, decoded with care: what is wrong with it is named. schemas.decode is the fast way."""

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from ranking_app.errors import TimeInFuture, TimeTooOld, UnreadableTime
from ranking_app.settings import Settings
from schemas.checked import check
from schemas.json_object import describe, parse_object
from schemas.sale import Sale
from schemas.times import format_ms, parse_event_time_ms
from schemas.wire import CANCELS, FLAT_RESERVATION, RESERVATION_EVENT, FlatReservation

EARLIEST_MS = 946_684_800_000
"""2000-01-01. No ticket was sold here before; seconds taken for milliseconds end up in January 1970."""


@dataclass(frozen=True, slots=True)
class DecodeRules:
    """How the records of one topic are read.

    timezone: of times without an offset. max_future_ms: how far an event time may be ahead of the wall clock, this
    much included. flat_cancels: whether the flat form, which has no eventType, subtracts on this topic.
    """

    timezone: tzinfo
    max_future_ms: int
    max_record_bytes: int
    flat_cancels: bool

    @classmethod
    def of_sources(cls, settings: Settings) -> "tuple[DecodeRules, DecodeRules]":
        """Of the completed and of the cancelled topic, as they are set: in the order of Settings.source_topics."""
        completed = cls(
            timezone=settings.zone,
            max_future_ms=settings.max_future,
            max_record_bytes=settings.max_record_bytes,
            flat_cancels=False,
        )
        return completed, replace(completed, flat_cancels=True)


def decode_sale(offset: int, value: bytes | None, rules: DecodeRules, now_ms: int) -> Sale:
    """The sale that a record is. now_ms: the wall clock. Raises a subclass of BadRecord, one per cause."""
    record = parse_object(value, rules.max_record_bytes)
    if _is_flat(record):
        flat = check(FLAT_RESERVATION, record)
        at_ms = _event_time_ms("reservedAt", flat["reservedAt"], rules, now_ms)
        return flat_sale(offset, flat, at_ms, rules.flat_cancels)
    event = check(RESERVATION_EVENT, record)
    payload = event["payload"]
    return Sale(
        offset=offset,
        schedule_id=str(payload["concertScheduleId"]),
        at_ms=_event_time_ms("eventTime", event["eventTime"], rules, now_ms),
        quantity=payload["quantity"] or 1,
        amount=payload["amount"] or 0,
        cancelled=CANCELS[event["eventType"]],
        event_id=str(event["eventId"]),
    )


def flat_sale(offset: int, flat: FlatReservation, at_ms: int, cancels: bool) -> Sale:
    """The sale of a valid flat record."""
    return Sale(
        offset=offset,
        schedule_id=str(flat["concertScheduleId"]),
        at_ms=at_ms,
        quantity=flat["quantity"] or 1,
        amount=flat["amount"] or 0,
        cancelled=cancels,
        event_id=None,
    )


def read_time_ms(field: str, value: str | int, tz: tzinfo) -> int:
    """Milliseconds since the epoch. UnreadableTime, or TimeTooOld before 2000-01-01."""
    try:
        at_ms = parse_event_time_ms(value, tz)
    except ValueError as exc:
        raise UnreadableTime(f"{field}: {exc} (epoch milliseconds are a JSON integer)") from None
    if at_ms < EARLIEST_MS:
        raise TimeTooOld(f"{field}: expected 2000-01-01 or later, got {describe(value)}; is the unit milliseconds?")
    return at_ms


def _is_flat(record: dict[str, Any]) -> bool:
    """No eventType and no payload, and not an envelope that has lost both."""
    enveloped = any(record.get(field) is not None for field in ("eventType", "payload"))
    return not enveloped and any(field in record for field in ("concertScheduleId", "reservedAt"))


def _event_time_ms(field: str, value: str | int, rules: DecodeRules, now_ms: int) -> int:
    at_ms = read_time_ms(field, value, rules.timezone)
    if at_ms > now_ms + rules.max_future_ms:
        raise TimeInFuture(
            f"{field}: expected at most {rules.max_future_ms / 1000:g} s after the clock, {format_ms(now_ms)}, "
            f"got {describe(value)}; are clock and unit right?"
        )
    return at_ms
