"""Lengths of time as people write them: the `window` of a request, and the settings that are durations.

Both take `90s`, `5m`, `1h`, `7d` and ISO 8601 durations without months and years, whose length no calendar can say.
A leaf beside settings.py, which needs it.
"""

import math
import re
from fractions import Fraction
from functools import lru_cache

UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

LONGEST_S = 9_999 * 366 * 86_400
"""Every year that a calendar date can have. It keeps arithmetic and error messages small; nothing real is near it."""

PARSED_WINDOWS = 256
"""Every question names one, or has the default: fractions are exact, and slow."""

_WHOLE = re.compile(r"([0-9]{1,18})([smhd])")
_DECIMAL = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)([smhd]?)")
_NUMBER = r"[0-9]{1,18}(?:[.,][0-9]{1,18})?"
_ISO = re.compile(
    rf"P(?=.)(?:(?P<w>{_NUMBER})W)?(?:(?P<d>{_NUMBER})D)?"
    rf"(?:T(?=.)(?:(?P<h>{_NUMBER})H)?(?:(?P<m>{_NUMBER})M)?(?:(?P<s>{_NUMBER})S)?)?"
)
_ISO_UNIT_S = {"w": 7 * 86_400, **UNIT_S}


@lru_cache(PARSED_WINDOWS)
def parse_window(text: str) -> int | None:
    """Seconds of a window, or None for `all`. ValueError, saying what was expected, for anything else.

    text: a whole number with s, m, h or d; or an ISO 8601 duration of at least 1 s that is a whole number of seconds.

    >>> parse_window("90s"), parse_window("PT1H30M"), parse_window("all")
    (90, 5400, None)
    """
    if text == "all":
        return None
    if found := _WHOLE.fullmatch(text):
        seconds = Fraction(int(found[1]) * UNIT_S[found[2]])
    else:
        seconds = _iso_s(text, expected="a whole number with s, m, h or d, `all`, or an ISO 8601 duration")
    if seconds < 1:
        raise ValueError(f"expected at least 1 second, got {_short(text)}")
    if seconds.denominator != 1:
        raise ValueError(f"expected a whole number of seconds, got {_short(text)}")
    return _bounded(seconds, text).numerator


def parse_duration_ms(value: object) -> int:
    """Milliseconds of a setting: a number of seconds, or a text as in the module docstring, decimals allowed.

    ValueError for anything else, also for a negative number and for less than a whole millisecond.

    >>> parse_duration_ms("5m"), parse_duration_ms(1.5), parse_duration_ms("300")
    (300000, 1500, 300000)
    """
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected a duration such as 90s, 5m, 1h or 7d, got {_short(text)}")
    if isinstance(value, int | float):
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"expected a number of seconds of at least 0, got {value!r}")
        # The shortest decimal that reads back as this float is what was meant: 0.1 is 100 ms.
        milliseconds = Fraction(str(value)) * 1000
    elif found := _DECIMAL.fullmatch(text):
        milliseconds = Fraction(found[1]) * UNIT_S[found[2] or "s"] * 1000
    else:
        milliseconds = _iso_s(text, expected="a number of seconds, 90s, 5m, 1h, 7d, or an ISO 8601 duration") * 1000
    if milliseconds.denominator != 1:
        raise ValueError(f"expected a whole number of milliseconds, got {_short(text)}")
    return (_bounded(milliseconds / 1000, text) * 1000).numerator


def _iso_s(text: str, *, expected: str) -> Fraction:
    found = _ISO.fullmatch(text)
    if found is None:
        hint = " without months and years" if text.startswith("P") else ""
        raise ValueError(f"expected {expected}{hint}, got {_short(text)}")
    given = {unit: number.replace(",", ".") for unit, number in found.groupdict().items() if number is not None}
    *larger, _smallest = given.values()
    if any("." in number for number in larger):
        raise ValueError(f"expected a decimal fraction in the smallest unit only, got {_short(text)}")
    return sum((Fraction(number) * _ISO_UNIT_S[unit] for unit, number in given.items()), Fraction(0))


def _bounded(seconds: Fraction, text: str) -> Fraction:
    if seconds > LONGEST_S:
        raise ValueError(f"expected at most {LONGEST_S // 86_400} days, got {_short(text)}")
    return seconds


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")
