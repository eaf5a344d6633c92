"""From the bytes of a record's value to a JSON object, or the reason why it is none."""

from typing import Any

from pydantic_core import from_json

from ranking_app.errors import NotAnObject, NotJson, NoValue, ValueTooLarge

_NUMBER_CONSTANTS = (b"NaN", b"Infinity")
_BEFORE_A_VALUE = (b":", b",", b"[", b" ", b"\t", b"\r", b"\n", b"-")
"""An id such as XnNaNq4 is no reason to look twice."""


def parse_object(value: bytes | None, max_bytes: int) -> dict[str, Any]:
    """The object. NoValue, ValueTooLarge, NotJson or NotAnObject where there is none.

    The parser is pydantic's, so that a record means the same here as where it is parsed and validated in one go;
    unlike there, NaN and Infinity, which are not JSON, are refused.
    """
    if value is None:
        raise NoValue("expected an event, got a null value (a tombstone)")
    if len(value) > max_bytes:
        raise ValueTooLarge(f"expected a value of at most {max_bytes} bytes, got {len(value)}")
    try:
        parsed = from_json(value, allow_inf_nan=False)
    except ValueError as exc:
        raise NotJson(f"expected JSON in UTF-8: {exc}") from None
    if not isinstance(parsed, dict):
        raise NotAnObject(f"expected a JSON object, got {describe(parsed)}")
    return parsed


def may_have_number_constant(text: bytes) -> bool:
    """Whether NaN or Infinity seems to be written as a value inside a list or object (in a string it is possible, too).

    pydantic's validate_json would take these; what this says yes to must go through parse_object.
    """
    for name in _NUMBER_CONSTANTS:
        # Most events have neither capital letter, and looking for one byte is ten times faster than for several.
        at = text.find(name) if name[:1] in text else -1
        while at >= 0:
            if text[at - 1 : at] in _BEFORE_A_VALUE:
                return True
            at = text.find(name, at + 1)
    return False


def describe(value: object) -> str:
    """A JSON value for a message: never a whole payload, at most 80 characters of a text or number.

    >>> describe(True), describe({"userId": "U-7"}), describe("x" * 100)[-5:]
    ('true', 'an object', "xxx…'")
    """
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    text = str(value)
    shown = text if len(text) <= 80 else text[:80] + "…"
    return repr(shown) if isinstance(value, str) else shown
