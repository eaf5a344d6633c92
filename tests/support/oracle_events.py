"""The second opinion, part one: which records count. From the contract alone, it imports nothing of the app.

Slow and plain on purpose: one record after the other, the standard library's JSON, one `if` per rule.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000
YEAR_2000_MS = 946_684_800_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIGNS = {  # eventType -> does it cancel?
    "reservation.completed": False,
    "reservation.cancelled": True,
    "payment.completed": False,
    "payment.cancelled": True,
}
CATALOGUE_TYPE = "concert.schedule.created"
ISO_8601 = re.compile(
    r"(\d{4}-\d\d-\d\d|\d{8})"  # a date, alone or ...
    r"(T\d\d(:?\d\d(:?\d\d([.,]\d+)?)?)?(Z|[+-]\d\d(:?\d\d)?)?)?",  # ... with a time, alone or with an offset
    re.ASCII,
)


class Record(NamedTuple):
    """One record as it lies in Kafka. A value given as a dict stands for its JSON; None is Kafka's null."""

    topic: str
    partition: int
    offset: int
    value: bytes | Mapping[str, Any] | None
    key: bytes | None = None
    arrived_ms: int | None = None
    """Wall clock when the app got it, epoch milliseconds; None: all such records arrive at `Rules.now_ms`."""


@dataclass(frozen=True)
class Rules:
    """The settings that decide what counts, with the contract's defaults."""

    now_ms: int
    completed_topic: str = "reservation.completed"
    cancelled_topic: str = "reservation.cancelled"
    catalogue_topic: str = "concert.schedule.created"
    partitions: int = 3
    timezone: str = "UTC"
    dedupe_ms: int = 24 * HOUR_MS
    max_future_ms: int = 5 * 60_000
    max_record_bytes: int = 65_536
    grace_ms: int = 60_000
    max_amount: int = 2**63 - 1
    """Not in the contract, a declared limit of this app: 64 bits hold every amount."""


class Sale(NamedTuple):
    """A counted event. quantity and amount as in the event, never negative; `cancelled` gives the sign."""

    schedule: str
    at_ms: int
    quantity: int
    amount: int
    cancelled: bool


class Listing(NamedTuple):
    """What the catalogue says of a schedule; times in epoch milliseconds."""

    capacity: int
    title: str | None
    venue: str | None
    region: str | None
    genre: str | None
    sale_opens_ms: int | None
    starts_ms: int | None


@dataclass
class Verdict:
    """What became of every record."""

    sales: list[Sale] = field(default_factory=list)
    bad: list[tuple[Record, str]] = field(default_factory=list)
    """Records for the dead-letter topics, of all three topics, with the reason."""
    duplicates: list[Record] = field(default_factory=list)
    late: list[Record] = field(default_factory=list)
    watermarks_ms: dict[tuple[str, int], int] = field(default_factory=dict)
    """(topic, partition) -> newest event time counted there."""
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    catalogue: dict[str, Listing] = field(default_factory=dict)


class Bad(Exception):
    """Why a record goes to the dead-letter topic."""


def judge(records: Iterable[Record], rules: Rules) -> Verdict:
    """Every record, partition by partition in offset order; two at the same offset are one."""
    verdict = Verdict()
    first_arrivals: dict[tuple[str, int, str], int] = {}
    for record in _in_order(records):
        source = (record.topic, record.partition)
        verdict.next_offsets[source] = record.offset + 1
        now_ms = rules.now_ms if record.arrived_ms is None else record.arrived_ms
        try:
            if record.topic == rules.catalogue_topic:
                _list(record, verdict.catalogue, now_ms, rules)
                continue
            event_id, sale = read_sale(record, now_ms, rules)
        except Bad as exc:
            verdict.bad.append((record, str(exc)))
            continue
        if event_id is not None:
            identity = (*source, event_id)
            first = first_arrivals.get(identity)
            if first is not None and now_ms - first < rules.dedupe_ms:
                verdict.duplicates.append(record)
                continue
            first_arrivals[identity] = now_ms
        watermark_ms = verdict.watermarks_ms.get(source)
        if watermark_ms is not None and sale.at_ms < watermark_ms - rules.grace_ms:
            verdict.late.append(record)
        verdict.watermarks_ms[source] = sale.at_ms if watermark_ms is None else max(watermark_ms, sale.at_ms)
        verdict.sales.append(sale)
    return verdict


def _in_order(records: Iterable[Record]) -> Iterable[Record]:
    last = None
    for record in sorted(records, key=lambda r: r[:3]):
        if record[:3] != last:
            yield record
        last = record[:3]


def read_sale(record: Record, now_ms: int, rules: Rules) -> tuple[str | None, Sale]:
    """(eventId, sale) of a record on a reservation topic; the flat form has no eventId. Raises Bad."""
    event = _read_object(record.value, rules)
    if event.get("eventType") is None and event.get("payload") is None:  # flat: here the topic gives the sign
        at_ms = _past_time_ms(event, "reservedAt", now_ms, rules)
        return None, _sale(event, at_ms, record.topic == rules.cancelled_topic, rules)
    cancels = SIGNS.get(_text(event, "eventType"))
    if cancels is None:
        raise Bad(f"eventType {event['eventType']!r} does not belong here")
    at_ms = _past_time_ms(event, "eventTime", now_ms, rules)
    return _id(event, "eventId"), _sale(_payload(event), at_ms, cancels, rules)


def _sale(fields: Mapping[str, Any], at_ms: int, cancelled: bool, rules: Rules) -> Sale:
    return Sale(
        _id(fields, "concertScheduleId"),
        at_ms,
        _whole(fields, "quantity", 1, 1, 10_000),
        _whole(fields, "amount", 0, 0, rules.max_amount),
        cancelled,
    )


def _list(record: Record, catalogue: dict[str, Listing], now_ms: int, rules: Rules) -> None:
    """The catalogue: the higher offset replaces the whole earlier record, a null value removes it."""
    if record.value is None:
        if record.key is not None:
            catalogue.pop(record.key.decode(), None)
        return
    event = _read_object(record.value, rules)
    if _text(event, "eventType") != CATALOGUE_TYPE:
        raise Bad(f"eventType {event['eventType']!r} does not belong here")
    payload = _payload(event)
    _id(event, "eventId")
    if event.get("eventTime") is not None:
        _past_time_ms(event, "eventTime", now_ms, rules)
    catalogue[_id(payload, "concertScheduleId")] = Listing(
        _whole(payload, "capacity", 0, 1, rules.max_amount),
        _optional_text(payload, "title"),
        _optional_text(payload, "venue"),
        _optional_text(payload, "region"),
        _optional_text(payload, "genre"),
        _optional_time_ms(payload, "saleOpensAt", rules),
        _optional_time_ms(payload, "startsAt", rules),
    )


def _read_object(value: bytes | Mapping[str, Any] | None, rules: Rules) -> dict[str, Any]:
    if value is None:
        raise Bad("null value")
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    if len(raw) > rules.max_record_bytes:
        raise Bad(f"{len(raw)} bytes")
    try:
        found = JSON.decode(raw.decode())
        if b"\\u" in raw:
            # Half a surrogate pair is not text, also under a name that comes again and counts for nothing.
            json.dumps(json.loads(raw, object_pairs_hook=list), ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise Bad(f"not JSON: {exc}") from None
    if not isinstance(found, dict):
        raise Bad("not an object")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


JSON = json.JSONDecoder(parse_constant=_refuse_constant)  # NaN and Infinity, which Python would take


def _payload(event: Mapping[str, Any]) -> Mapping[str, Any]:
    payload = event.get("payload")
    if not isinstance(payload, dict):
        raise Bad("payload is not an object")
    return payload


def _id(fields: Mapping[str, Any], name: str) -> str:
    """5 and "5" are the same id."""
    found = fields.get(name)
    if type(found) is int:
        return str(found)
    if isinstance(found, str) and 1 <= len(found) <= 200:
        return found
    raise Bad(f"{name} is not an id")


def _text(fields: Mapping[str, Any], name: str) -> str:
    found = fields.get(name)
    if isinstance(found, str):
        return found
    raise Bad(f"{name} is not a text")


def _optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    return None if fields.get(name) is None else _text(fields, name)


def _whole(fields: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    found = fields.get(name)
    if found is None:
        found = default
    if type(found) is not int or not least <= found <= most:
        raise Bad(f"{name} is not a whole number from {least} to {most}")
    return found


def _time_ms(fields: Mapping[str, Any], name: str, rules: Rules) -> int:
    found = fields.get(name)
    try:
        if type(found) is int:
            at_ms = found
        elif isinstance(found, str):
            at_ms = parse_time_ms(found, rules.timezone)
        else:
            raise Bad(f"{name} is not a time")
    except (ValueError, OverflowError) as exc:
        raise Bad(f"{name} is not a time: {exc}") from None
    if at_ms < YEAR_2000_MS:
        raise Bad(f"{name} is before 2000")
    return at_ms


def _optional_time_ms(fields: Mapping[str, Any], name: str, rules: Rules) -> int | None:
    return None if fields.get(name) is None else _time_ms(fields, name, rules)


def _past_time_ms(fields: Mapping[str, Any], name: str, now_ms: int, rules: Rules) -> int:
    at_ms = _time_ms(fields, name, rules)
    if at_ms > now_ms + rules.max_future_ms:
        raise Bad(f"{name} is too far in the future")
    return at_ms


@lru_cache(maxsize=100_000)
def parse_time_ms(text: str, timezone: str) -> int:
    """ISO 8601 or YYYYMMDD, down to the millisecond; without an offset it is in `timezone`."""
    if not ISO_8601.fullmatch(text):
        raise ValueError(f"{text!r} is neither ISO 8601 nor YYYYMMDD")
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(timezone))
    return (at - EPOCH) // timedelta(milliseconds=1)
