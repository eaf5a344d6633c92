"""Checking one parsed object against its wire form, and naming what is wrong with it.

pydantic alone decides whether it is wrong; this only finds the cause, for the dead letter.
"""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ranking_app.errors import (
    BadRecord,
    EventOnWrongTopic,
    IdLength,
    MissingField,
    NumberOutOfRange,
    UnknownEventType,
    WrongType,
)
from schemas.json_object import describe
from schemas.wire import CANCELS, CATALOGUE_EVENT_TYPE, MAX_AMOUNT, MAX_ID_CHARS, MAX_QUANTITY

T = TypeVar("T")

_AN_ID = f"a text of 1 to {MAX_ID_CHARS} characters or an integer"
_A_TIME = "a time: ISO 8601, YYYYMMDD or an integer of epoch milliseconds"
_A_TEXT = "a text"
_AN_INTEGER = "an integer from"

EXPECTED = {
    "eventId": _AN_ID,
    "eventType": _A_TEXT,
    "eventTime": _A_TIME,
    "payload": "an object",
    "concertScheduleId": _AN_ID,
    "reservedAt": _A_TIME,
    "quantity": f"{_AN_INTEGER} 1 to {MAX_QUANTITY}",
    "amount": f"{_AN_INTEGER} 0 to {MAX_AMOUNT}",
    "capacity": f"{_AN_INTEGER} 1 to {MAX_AMOUNT}",
    "title": _A_TEXT,
    "venue": _A_TEXT,
    "region": _A_TEXT,
    "genre": _A_TEXT,
    "saleOpensAt": _A_TIME,
    "startsAt": _A_TIME,
}
"""What each field of schemas.wire must be, in words."""


def check(form: TypeAdapter[T], record: dict[str, Any]) -> T:
    """The record in the given form. Else a subclass of BadRecord that names the first field that is wrong."""
    try:
        return form.validate_python(record)
    except ValidationError as exc:
        paths = [_path(error["loc"]) for error in exc.errors(include_url=False, include_context=False)]
    # Of an event that should not be here at all, the other fields are no news.
    path = ("eventType",) if ("eventType",) in paths else paths[0]
    raise _cause(path, _at(record, path))


def _path(loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """The field; pydantic appends which member of a union it tried."""
    return tuple(str(part) for part in loc[: 2 if loc[0] == "payload" else 1])


def _at(record: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        record = record.get(name)
    return record


def _cause(path: tuple[str, ...], value: object) -> BadRecord:
    field = path[-1]
    text = f"{'.'.join(path)}: expected {EXPECTED[field]}, got"
    if value is None:
        return MissingField(f"{text} nothing")
    if field == "eventType" and isinstance(value, str):
        return _wrong_event_type(value)
    if EXPECTED[field] == _AN_ID and isinstance(value, str):
        return IdLength(f"{text} {len(value)} characters")
    if EXPECTED[field] == _AN_ID and type(value) is int:
        return IdLength(f"{text} more than {MAX_ID_CHARS} digits")
    if EXPECTED[field].startswith(_AN_INTEGER) and type(value) is int:
        return NumberOutOfRange(f"{text} {describe(value)}")
    return WrongType(f"{text} {describe(value)}")


def _wrong_event_type(value: str) -> BadRecord:
    """Of a text that the form does not take: if this app knows it at all, then on the other kind of topic."""
    if value in CANCELS:
        return EventOnWrongTopic(f"eventType: expected {CATALOGUE_EVENT_TYPE} on this topic, got {value}")
    if value == CATALOGUE_EVENT_TYPE:
        return EventOnWrongTopic(f"eventType: expected one of {', '.join(CANCELS)} on this topic, got {value}")
    return UnknownEventType(
        f"eventType: expected one of {', '.join(CANCELS)} or {CATALOGUE_EVENT_TYPE}, got {describe(value)}"
    )
