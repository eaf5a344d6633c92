"""Records of the catalogue topic: what is known of a schedule besides its sales."""

from dataclasses import dataclass
from datetime import tzinfo

from ranking_app.errors import TimeInFuture, UnreadableTime
from schemas.checked import check
from schemas.json_object import describe, parse_object
from schemas.reservation import read_time_ms
from schemas.times import LAST_S, format_ms
from schemas.wire import CATALOGUE_EVENT

DEFAULT_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Listing:
    """One schedule as the catalogue has it. Times in milliseconds since the epoch, UTC; they may lie in the future."""

    concert_schedule_id: str
    capacity: int
    title: str | None = None
    venue: str | None = None
    region: str | None = None
    genre: str | None = None
    sale_opens_at_ms: int | None = None
    starts_at_ms: int | None = None


def decode_listing(
    value: bytes | None, tz: tzinfo, max_bytes: int = DEFAULT_MAX_BYTES, latest_ms: int | None = None
) -> Listing:
    """The listing in a record's value. Raises a subclass of BadRecord, one per cause.

    tz: of times without an offset. latest_ms: the newest eventTime that is taken; None takes any. The topic is read
    again at every start, so this must not depend on when it is read: see latest_listing_ms.

    A tombstone is NoValue: whoever reads the topic takes it as a removal before it comes here. eventTime, optional
    and used for nothing, must still be a time if it is there.
    """
    event = check(CATALOGUE_EVENT, parse_object(value, max_bytes))
    payload = event["payload"]
    at_ms = _time_ms("eventTime", event.get("eventTime"), tz)
    if at_ms is not None and latest_ms is not None and at_ms > latest_ms:
        raise TimeInFuture(f"eventTime: expected at most {format_ms(latest_ms)}, got {describe(event['eventTime'])}")
    return Listing(
        concert_schedule_id=str(payload["concertScheduleId"]),
        capacity=payload["capacity"],
        title=payload.get("title"),
        venue=payload.get("venue"),
        region=payload.get("region"),
        genre=payload.get("genre"),
        sale_opens_at_ms=_time_ms("payload.saleOpensAt", payload.get("saleOpensAt"), tz),
        starts_at_ms=_time_ms("payload.startsAt", payload.get("startsAt"), tz),
    )


def latest_listing_ms(record_timestamp_ms: int, max_future_ms: int) -> int:
    """The newest eventTime of a listing that is taken: as far ahead of the wall clock when it was written."""
    return record_timestamp_ms + max_future_ms


def _time_ms(field: str, value: str | int | None, tz: tzinfo) -> int | None:
    if value is None:
        return None
    at_ms = read_time_ms(field, value, tz)
    if at_ms // 1000 > LAST_S:
        raise UnreadableTime(f"{field}: expected a time up to the year 9999, got {describe(value)}")
    return at_ms
