"""Times in and out: ISO 8601 and YYYYMMDD texts, epoch milliseconds, and the texts of answers.

The usual text, `2026-06-14T11:00:03.412Z`, is read by two dictionary look-ups: its minute (the first 17 characters)
and the rest mean the same in every combination, and both repeat.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
DAY_S = 86_400

FIRST_S = -719_162 * DAY_S
LAST_S = 2_932_897 * DAY_S - 1
"""The first and the last second of the years 1 to 9999, which is what a text can say."""

MINUTE = slice(17)
REST = slice(17, None)
"""`2026-06-14T11:00:` and `03.412Z` of a usual text."""

MINUTE_MS: dict[str, int] = {}
REST_MS: dict[str, int] = {}
"""Caches of minutes and rests, in milliseconds; their sum is the time. A rest that is in here has an offset, so the
sum does not depend on a time zone. parse_event_time_ms fills them; others only read."""

CACHE_ENTRIES = 100_000
"""A full cache is emptied. One offset has 60,000 rests, and 100,000 minutes are ten weeks: 20 MB at most each."""

# datetime.fromisoformat does the arithmetic, but what else it takes depends on the version of Python: "24:00", say.
_DAY = r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4}-?W[0-9]{2}-?[1-7])"
_HH, _MM = r"(?:[01][0-9]|2[0-3])", r"[0-5][0-9]"
_OFFSET = rf"(?:Z|[+-]{_HH}(?::?{_MM})?)"
_PLAIN = re.compile(rf"{_DAY}(?:T(?:{_HH}(?::{_MM}(?::{_MM})?)?|{_HH}{_MM}(?:{_MM})?){_OFFSET}?)?")
_WITH_FRACTION = re.compile(rf"({_DAY}T(?:{_HH}:{_MM}:{_MM}|{_HH}{_MM}{_MM}))[.,]([0-9]+)({_OFFSET}?)")

_USUAL = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_HH}:{_MM}:{_MM}(?:\.([0-9]+))?(Z|[+-]{_HH}:{_MM})?")
_CACHED_DIGITS = 3
"""Of a fraction. With six of them there would be 60 million rests."""


def parse_event_time_ms(value: str | int, tz: tzinfo) -> int:
    """Milliseconds since the epoch, UTC. ValueError, saying what was expected, for a text that is no time.

    value: an integer is epoch milliseconds already. A text is ISO 8601 or YYYYMMDD, in tz if it names no offset; a
    date alone is midnight; a fraction of a millisecond is cut off.

    >>> parse_event_time_ms("2026-06-14T20:00:03.4129+09:00", UTC), parse_event_time_ms("20260614", UTC)
    (1781434803412, 1781395200000)
    """
    if isinstance(value, int):
        return value
    found = _USUAL.fullmatch(value)
    if found is None:
        return _unusual_ms(value, tz)
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise _unreadable(value) from None
    since = at - EPOCH if at.tzinfo else at - NAIVE_EPOCH - _offset(value[MINUTE], tz)
    at_ms = (since.days * DAY_S + since.seconds) * 1000 + since.microseconds // 1000
    if found[2] and len(found[1] or "") <= _CACHED_DIGITS:
        _remember(value[MINUTE], value[REST], at_ms)
    return at_ms


def parse_as_of_s(text: str, tz: tzinfo) -> int:
    """Whole seconds since the epoch, UTC, a fraction rounded up; texts as in parse_event_time_ms.

    ValueError for any other text, and for a time outside the years 1 to 9999.

    >>> parse_as_of_s("1970-01-01T00:00:01.0000001Z", UTC)
    2
    """
    seconds, fraction = _parse(text, tz)
    as_of_s = seconds + (1 if fraction.strip("0") else 0)
    if not FIRST_S <= as_of_s <= LAST_S:
        raise ValueError(f"expected a time in the years 1 to 9999 (UTC), got {text!r}")
    return as_of_s


def format_s(at_s: int) -> str:
    """Seconds since the epoch as ISO 8601, UTC. ValueError outside the years 1 to 9999.

    >>> format_s(1781434803)
    '2026-06-14T11:00:03Z'
    """
    try:
        return (EPOCH + timedelta(seconds=at_s)).isoformat()[:19] + "Z"
    except OverflowError:
        raise ValueError(f"expected a time in the years 1 to 9999, got {at_s} seconds since 1970") from None


def format_ms(at_ms: int) -> str:
    """Milliseconds since the epoch as ISO 8601, UTC, always three decimals. ValueError outside the years 1 to 9999.

    >>> format_ms(1781434803412)
    '2026-06-14T11:00:03.412Z'
    """
    return f"{format_s(at_ms // 1000)[:-1]}.{at_ms % 1000:03}Z"


def _parse(text: str, tz: tzinfo) -> tuple[int, str]:
    """Whole seconds since the epoch, UTC, and the digits of the fraction ("" if there is none)."""
    whole, fraction, offset = text, "", ""
    if found := _WITH_FRACTION.fullmatch(text):
        whole, fraction, offset = found.groups()
    elif not _PLAIN.fullmatch(text):
        raise _unreadable(text)
    return _whole_s(whole + offset, tz), fraction


@lru_cache(maxsize=10_000)
def _unusual_ms(text: str, tz: tzinfo) -> int:
    """Cached because dates alone repeat."""
    seconds, fraction = _parse(text, tz)
    return seconds * 1000 + int(fraction[:3].ljust(3, "0"))


def _whole_s(text: str, tz: tzinfo) -> int:
    """Of a text without a fraction."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:  # a 30th of February
        raise _unreadable(text) from None
    since = (at if at.tzinfo else at.replace(tzinfo=tz)) - EPOCH
    return since.days * DAY_S + since.seconds


@lru_cache(maxsize=10_000)
def _offset(minute: str, tz: tzinfo) -> timedelta:
    """Of a zone in one of its minutes. No zone has changed its offset within a minute since 1972."""
    return datetime.fromisoformat(minute + "00").replace(tzinfo=tz).utcoffset() or timedelta(0)


def _unreadable(text: str) -> ValueError:
    shown = text if len(text) <= 80 else text[:80] + "…"
    return ValueError(f"expected a time in ISO 8601 or YYYYMMDD, got {shown!r}")


def _remember(minute: str, rest: str, at_ms: int) -> None:
    for cache in (MINUTE_MS, REST_MS):
        if len(cache) >= CACHE_ENTRIES:
            cache.clear()
    if minute not in MINUTE_MS:
        MINUTE_MS[minute] = _whole_s(minute + "00Z", UTC) * 1000
    REST_MS[rest] = at_ms - MINUTE_MS[minute]
