"""Records that are wrong, one of each cause, as a real topic carries them: they must end as dead letters."""

import json
from collections.abc import Iterator
from itertools import cycle
from typing import Any


def malformed_values() -> Iterator[Any]:
    """Endless: functions from a good envelope (a dict) to the bytes of a bad one."""
    return cycle(
        (
            lambda good: b'{"eventId": "cut off in the mid',
            lambda good: _changed(good, quantity="two"),
            lambda good: _changed(good, quantity=0),
            lambda good: _without(good, "concertScheduleId"),
            lambda good: _dump({**good, "eventType": "reservation.pondered"}),
            lambda good: _dump({**good, "eventTime": "the day after tomorrow"}),
            lambda good: _changed(good, amount=-1),
            lambda good: _dump([good]),
            lambda good: b"\xff\xfe not even text",
            lambda good: _dump({**good, "eventTime": "1970-01-21T12:00:00Z"}),  # seconds taken for milliseconds
        )
    )


def _changed(good: dict[str, Any], **payload: Any) -> bytes:
    return _dump({**good, "payload": {**good["payload"], **payload}})


def _without(good: dict[str, Any], name: str) -> bytes:
    return _dump({**good, "payload": {k: v for k, v in good["payload"].items() if k != name}})


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()
