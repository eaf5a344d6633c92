"""One line of NDJSON for `ranking-app produce`: where it goes and what is sent.

An event is sent as it is written, to the topic of its eventType. A line `{"topic": …, "value": …}` is a whole record:
its value is sent as it is written, too, which lets anybody send what a publisher should not.
"""

import json
from typing import Any, NamedTuple

import orjson

from ranking_app.errors import WrongLine
from ranking_app.settings import Settings
from schemas.json_object import describe
from schemas.wire import CANCELS, CATALOGUE_EVENT_TYPE

RECORD_FIELDS = frozenset({"topic", "partition", "key", "headers", "value", "raw"})


class TopicNames(NamedTuple):
    """Where events go."""

    completed: str = "reservation.completed"
    cancelled: str = "reservation.cancelled"
    catalogue: str = "concert.schedule.created"

    @classmethod
    def of(cls, settings: Settings) -> "TopicNames":
        """The names as they are set."""
        return cls(settings.completed_topic, settings.cancelled_topic, settings.catalogue_topic)


class OutRecord(NamedTuple):
    """A record to send. partition None: by the key, or spread where there is none. value None: a tombstone."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def parse_line(line: str | bytes, number: int, topics: TopicNames) -> OutRecord:
    """The record of a line that is not blank. WrongLine, with its number (from 1), if there is none in it."""
    text = (line.encode(errors="surrogatepass") if isinstance(line, str) else line).strip()
    try:
        parsed = _loads(text)
        if not isinstance(parsed, dict):
            raise ValueError(f"expected a JSON object, got {describe(parsed)}")
        if "topic" in parsed and parsed.keys().isdisjoint(("eventType", "concertScheduleId")):
            return _record(text.decode(), parsed)
        return _event(text, parsed, topics)
    except ValueError as exc:
        raise WrongLine(f"line {number}: {exc}") from None
    except RecursionError:
        raise WrongLine(f"line {number}: expected a value of fewer levels; `raw` takes any text") from None


def _loads(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        # Python's own parser also takes half surrogate pairs and NaN, which a value may have on purpose.
        try:
            parsed = json.loads(text.decode())
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, dict) and "topic" in parsed:
            return parsed
        raise ValueError(f"expected JSON in UTF-8: {exc}") from None


def _event(text: bytes, event: dict[str, Any], topics: TopicNames) -> OutRecord:
    event_type = event.get("eventType")
    if event_type == CATALOGUE_EVENT_TYPE:
        return OutRecord(topics.catalogue, None, _catalogue_key(event), text, [])
    if isinstance(event_type, str) and event_type in CANCELS:
        return OutRecord(topics.cancelled if CANCELS[event_type] else topics.completed, None, None, text, [])
    if event_type is not None:
        known = ", ".join([*CANCELS, CATALOGUE_EVENT_TYPE])
        raise ValueError(f"eventType: expected one of {known}, got {describe(event_type)}")
    if event.get("payload") is None and "concertScheduleId" in event and "reservedAt" in event:
        return OutRecord(topics.completed, None, None, text, [])
    raise ValueError("expected an eventType, or concertScheduleId and reservedAt, or a topic with a value")


def _catalogue_key(event: dict[str, Any]) -> bytes:
    payload = event.get("payload")
    schedule_id = payload.get("concertScheduleId") if isinstance(payload, dict) else None
    if isinstance(schedule_id, bool) or not isinstance(schedule_id, str | int) or schedule_id == "":
        raise ValueError(f"payload.concertScheduleId: expected the id, which is the key, got {describe(schedule_id)}")
    return str(schedule_id).encode()


def _record(text: str, record: dict[str, Any]) -> OutRecord:
    if unknown := record.keys() - RECORD_FIELDS:
        raise ValueError(f"expected only {', '.join(sorted(RECORD_FIELDS))} in a record, got {min(unknown)!r} too")
    if ("value" in record) == ("raw" in record):
        raise ValueError("expected value or raw in a record, and not both")
    topic, partition, key = record["topic"], record.get("partition"), record.get("key")
    if not isinstance(topic, str) or not topic:
        raise ValueError(f"topic: expected a name, got {describe(topic)}")
    if partition is not None and (type(partition) is not int or partition < 0):
        raise ValueError(f"partition: expected an integer from 0, got {describe(partition)}")
    if key is not None and not isinstance(key, str):
        raise ValueError(f"key: expected a text, got {describe(key)}")
    value = _raw(record["raw"]) if "raw" in record else _value(text, record["value"])
    return OutRecord(topic, partition, None if key is None else key.encode(), value, _headers(record.get("headers")))


def _raw(raw: object) -> bytes:
    if not isinstance(raw, str):
        raise ValueError(f"raw: expected a text, got {describe(raw)}")
    return raw.encode()


def _value(text: str, value: object) -> bytes | None:
    return None if value is None else _written(text, "value").encode()


def _headers(headers: object) -> list[tuple[str, bytes]]:
    if headers is None:
        return []
    if not isinstance(headers, dict) or not all(isinstance(text, str) for text in headers.values()):
        raise ValueError("headers: expected an object of texts")
    return [(name, text.encode()) for name, text in headers.items()]


def _written(text: str, wanted: str) -> str:
    """A member of the object that text is, as it is written there: 1.0 stays 1.0, and a key given twice stays twice.

    >>> _written('{"topic": "t", "value": {"a": 1.0, "a": 2}}', "value")
    '{"a": 1.0, "a": 2}'
    """
    decoder = json.JSONDecoder()
    found = ""
    at = _after_space(text, _after_space(text, 0) + 1)
    while text[at] == '"':
        name, at = decoder.raw_decode(text, at)
        start = _after_space(text, _after_space(text, at) + 1)
        _, at = decoder.raw_decode(text, start)
        if name == wanted:
            found = text[start:at]
        at = _after_space(text, at)
        if text[at] == ",":
            at = _after_space(text, at + 1)
    return found


def _after_space(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at
