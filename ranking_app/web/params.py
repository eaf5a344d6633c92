"""A request's parameters: text from strangers in, bounded values out, or a problem naming the parameter.

Rules for all of them: an empty parameter is an absent one; the same name with two values is a mistake, as
either could be meant; names that a question does not know are ignored, as HTTP services commonly do.
"""

import re
from collections.abc import Sequence
from copy import copy
from typing import TypeVar
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

from aiohttp import web
from multidict import MultiMapping

from ranking_app.durations import parse_window
from ranking_app.web.problems import InvalidParameter, QueryTooLong, UnknownSchedule
from schemas.times import parse_as_of_s

MAX_QUERY_CHARS = 4_000
"""All parameters together, as sent; most questions have some 200, one with a cursor and Korean names 3,000."""

MAX_VALUE_CHARS = 100
"""One parameter: a time with offset and nanoseconds has 35."""

MAX_ID_CHARS = 200
"""The contract's limit for ids in events: a longer one cannot be known."""

MAX_LIMIT = 1_000
MAX_OFFSET = 1_000_000
"""Entries skipped: beyond any catalogue, and still a number that no list slicing minds."""

_LOST_PLUS = re.compile(r"(.*[T ]\d\d.*) (\d\d(?::?\d\d)?)", re.DOTALL)
"""A time whose `+09:00` was not percent-encoded: in a query, `+` is a space. ISO 8601 has no such time."""

T = TypeVar("T", bound=str)

Values = MultiMapping[str]
"""Parameters by name; one may be given several times."""


class Query:
    """The query parameters of one request. Methods raise InvalidParameter where a value cannot be used."""

    def __init__(self, request: web.Request, timezone: ZoneInfo) -> None:
        """timezone: of times that name no offset. QueryTooLong beyond MAX_QUERY_CHARS."""
        length = len(request.rel_url.raw_query_string)
        if length > MAX_QUERY_CHARS:
            raise QueryTooLong(f"The query has {length} characters; at most {MAX_QUERY_CHARS} are read.")
        self._values: Values = request.rel_url.query
        self._timezone = timezone

    def with_values(self, values: Values) -> "Query":
        """The same request, had it asked with these parameters."""
        other = copy(self)
        other._values = values
        return other

    @property
    def values(self) -> Values:
        """Every parameter as it was given."""
        return self._values

    def text(self, name: str, most_chars: int = MAX_VALUE_CHARS) -> str | None:
        """The one value that is not empty, or None."""
        given = [value for value in self._values.getall(name, []) if value]
        if len(given) > 1:
            raise InvalidParameter(name, f"given {len(given)} times; give it once")
        if not given:
            return None
        if len(given[0]) > most_chars:
            raise InvalidParameter(name, f"longer than {most_chars} characters")
        return given[0]

    def choice(self, name: str, choices: Sequence[T], default: T) -> T:
        """One of choices, exactly as written there."""
        text = self.text(name)
        if text is None:
            return default
        for known in choices:
            if text == known:
                return known
        raise InvalidParameter(name, f"expected {' or '.join(choices)}, got {text!r}")

    def whole(self, name: str, lowest: int, highest: int, default: int) -> int:
        """A whole number from lowest to highest, both included."""
        text = self.text(name)
        if text is None:
            return default
        number = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else -1
        if not lowest <= number <= highest:
            raise InvalidParameter(name, f"expected a whole number from {lowest} to {highest}, got {text!r}")
        return number

    def window_s(self, name: str, default: str) -> int | None:
        """A window's length in seconds; None is all of time."""
        try:
            return parse_window(self.text(name) or default)
        except ValueError as exc:
            raise InvalidParameter(name, str(exc)) from None

    def length_s(self, name: str, default_s: int, most_s: int) -> int:
        """A length of time in seconds, from 1 to most_s."""
        length_s = self.window_s(name, f"{default_s}s")
        if length_s is None or length_s > most_s:
            raise InvalidParameter(name, f"expected a length of time of at most {most_s} s, got {self.text(name)!r}")
        return length_s

    def step_s(self, name: str, default: str) -> int:
        """A step's length in seconds."""
        length_s = self.window_s(name, default)
        if length_s is None:
            raise InvalidParameter(name, "expected a length of time such as 60s, 5m or PT1H, got 'all'")
        return length_s

    def instant_s(self, name: str) -> int | None:
        """A time in whole seconds since the epoch, a fraction rounded up; None where it is absent."""
        text = self.text(name)
        if text is None:
            return None
        lost_plus = _LOST_PLUS.fullmatch(text)
        try:
            return parse_as_of_s("+".join(lost_plus.groups()) if lost_plus else text, self._timezone)
        except ValueError as exc:
            raise InvalidParameter(name, str(exc)) from None


def schedule_id(request: web.Request, part: int = 3) -> str:
    """The `{id}` of the path, percent-decoded exactly once. UnknownSchedule for what cannot be anyone's id.

    part: where it stands in the path; /v1/schedules/{id} has it as its third.

    Read from the path as it was sent: a decoded one no longer tells `%2F` from a separator, nor bytes that
    are no UTF-8 from the text `%FF`.
    """
    raw = request.rel_url.raw_path.split("/")[part]
    try:
        decoded = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise UnknownSchedule("The id in the path is not UTF-8, percent-encoded.") from None
    if len(decoded) > MAX_ID_CHARS:
        raise UnknownSchedule(f"Ids have at most {MAX_ID_CHARS} characters; this one has {len(decoded)}.")
    return decoded
