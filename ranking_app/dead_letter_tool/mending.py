"""New values for letters, from a file with one line for each, and whether a value would be a bad record again."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ranking_app.dead_letter_tool.errors import WrongChoice, WrongMendedValue
from ranking_app.dead_letter_tool.letters import Identity, Letter
from ranking_app.errors import BadRecord
from ranking_app.settings import Settings
from schemas.catalogue import decode_listing
from schemas.reservation import DecodeRules, decode_sale


def mended_values(path: str, letters: Sequence[Letter], settings: Settings) -> dict[Identity, bytes]:
    """The new value of each letter: the lines of the file (`-`: standard input), in the order of the letters.

    One letter may have a value of several lines: it is the whole file. WrongMendedValue, WrongChoice.
    """
    values = _values(_read(path), len(letters))
    found: dict[Identity, bytes] = {}
    for number, (letter, value) in enumerate(zip(letters, values, strict=True), 1):
        reason = why_bad(letter.source, value, settings)
        if reason is not None:
            raise WrongMendedValue(f"value {number} of {path}, for {letter.position}: {reason}; nothing was sent")
        if letter.identity is not None:
            found[letter.identity] = value
    return found


def why_bad(source: str, value: bytes | None, settings: Settings) -> str | None:
    """What would make this value a dead letter on that source topic if it came now; None if nothing."""
    now_ms = time.time_ns() // 1_000_000
    try:
        if source == settings.catalogue_topic:
            if value is not None:  # a tombstone is fine there
                latest_ms = now_ms + settings.max_future
                decode_listing(value, settings.zone, settings.max_record_bytes, latest_ms)
        else:
            completed, cancelled = DecodeRules.of_sources(settings)
            decode_sale(0, value, cancelled if source == settings.cancelled_topic else completed, now_ms)
    except BadRecord as bad:
        return f"{type(bad).__name__}: {bad}"
    return None


def _read(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as exc:
        raise WrongChoice(f"cannot read {path}: {exc.strerror or exc}") from None


def _values(text: bytes, count: int) -> list[bytes]:
    """
    >>> _values(b'{"a": 1}\\n\\n{"b": 2}\\n', 2), _values(b'{\\n"a": 1}\\n', 1)
    ([b'{"a": 1}', b'{"b": 2}'], [b'{\\n"a": 1}'])
    """
    if count == 1 and text.strip():
        return [text.strip()]
    lines = [line for line in (line.strip() for line in text.split(b"\n")) if line]
    if len(lines) != count:
        raise WrongMendedValue(f"expected {count} lines, one for each letter in its order, got {len(lines)}")
    return lines
