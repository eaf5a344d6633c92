"""Dead letters for people and programs. Nothing that a publisher sent reaches a terminal unescaped.

What is on a dead-letter topic is whatever anybody put there: bytes that are no text, escape sequences that rewrite
a terminal, lines without end. Every form here is bounded and has no control characters but the line's end.
"""

import json
import unicodedata
from typing import Any

from ranking_app.dead_letter_tool.letters import Letter
from schemas.times import format_ms

SHOWN_BYTES = 4_096
"""Of a value, unless more is asked for."""

SHOWN_FIELD_CHARS = 200
"""Of a key, a header or a message."""

_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode categories that a terminal may act on or cannot show: controls, direction marks, line separators."""


def line_of(letter: Letter, replayed: bool) -> str:
    """One line of `list`: position, when, error, where the original stands, how large, the message."""
    origin = letter.origin
    at = f"{origin.partition}:{origin.offset}" if origin is not None else "-"
    size = "null" if letter.value is None else f"{len(letter.value)} B"
    fields = [str(letter.position), _when(letter.written_ms), letter.error, f"original {at}", size]
    if origin is not None and origin.cut_from is not None:
        fields.append(f"cut from {origin.cut_from} B")
    if replayed:
        fields.append("replayed")
    return "  ".join([*fields, field(origin.message if origin is not None else "(not a dead letter's headers)")])


def object_of(letter: Letter, replayed: bool) -> dict[str, Any]:
    """What `list --json` says of a letter; no value, no key and no headers of the original."""
    origin = letter.origin
    found: dict[str, Any] = {
        "position": str(letter.position),
        "writtenAt": _when(letter.written_ms),
        "error": letter.error,
        "bytes": None if letter.value is None else len(letter.value),
        "replayed": replayed,
    }
    if origin is not None:
        found |= {
            "message": origin.message,
            "originalTopic": origin.topic,
            "originalPartition": origin.partition,
            "originalOffset": origin.offset,
            "originalTimestamp": _when(origin.timestamp_ms),
            "consumerGroup": origin.group,
            "cutFromBytes": origin.cut_from,
        }
    return found


def whole(letter: Letter, replayed: bool, most_bytes: int = SHOWN_BYTES) -> str:
    """What `show` prints: what the headers say, the original's own headers and key, the beginning of the value."""
    lines = [f"{name:<18} {_one(value)}" for name, value in object_of(letter, replayed).items()]
    lines.append(f"{'key':<18} {'null' if letter.key is None else field(_text(letter.key))}")
    for name, value in letter.headers:
        lines.append(f"{'header':<18} {field(name)}: {'null' if value is None else field(_text(value))}")
    if letter.value is None:
        return "\n".join([*lines, f"{'value':<18} null"])
    shown = letter.value[:most_bytes]
    more = len(letter.value) - len(shown)
    lines.append(f"{'value':<18} {escaped(_text(shown))}")
    if more:
        lines.append(f"{'':<18} … and {more} bytes more (--bytes {len(letter.value)} shows all)")
    return "\n".join(lines)


def value_line(letter: Letter) -> str:
    """The value as one line, to be mended: the same JSON where it is JSON.

    Between the tokens of JSON a line's end is white space, and inside a string there cannot be one; a control
    character that stands in a string reads back from its escape.

    >>> from types import SimpleNamespace
    >>> value_line(SimpleNamespace(value=b'{"a":\\n 1}'))
    '{"a":  1}'
    """
    if letter.value is None:
        return "null"
    return escaped(_text(letter.value).replace("\r", " ").replace("\n", " ").replace("\t", " "))


def field(text: str) -> str:
    """A short text, escaped and cut."""
    text = text if len(text) <= SHOWN_FIELD_CHARS else text[:SHOWN_FIELD_CHARS] + "…"
    return escaped(text)


def escaped(text: str) -> str:
    r"""The text with what a terminal may act on as \uXXXX, as JSON writes it.

    >>> escaped("a\x1b[2J\u202eb")
    'a\\u001b[2J\\u202eb'
    """
    return "".join(char if unicodedata.category(char) not in _UNSAFE else json.dumps(char)[1:-1] for char in text)


def _when(at_ms: int) -> str:
    """A time that a publisher or another writer set, which may be none."""
    try:
        return format_ms(at_ms)
    except ValueError:
        return str(at_ms)


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def _one(value: object) -> str:
    return field(value) if isinstance(value, str) else json.dumps(value)
