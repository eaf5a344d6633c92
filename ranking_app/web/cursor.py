"""Cursors: where a page ended, bound to one board at one instant.

A cursor names the last entry by what it is sorted by, so the next page begins behind it whatever has moved since: no
entry is shown twice or left out. Its checksum finds what was cut, changed, or taken from another question; it is no
secret, as nothing can be had with a cursor that a plain request would refuse.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

from ranking_app.web.problems import InvalidParameter
from schemas.times import FIRST_S, LAST_S

MAX_CURSOR_CHARS = 1_500
"""An id of 200 characters outside of ASCII takes 1,100."""

_CHECK_BYTES = 8


@dataclass(frozen=True, slots=True)
class Cursor:
    """as_of_s: of the whole run of pages. after: the last row shown, as the board sorts it."""

    as_of_s: int
    after: tuple[int, int, str]


def write_cursor(cursor: Cursor, question: str) -> str:
    """As text for a URL. question: what else was asked, with which it must come back."""
    body = json.dumps([cursor.as_of_s, *cursor.after], separators=(",", ":")).encode()
    return urlsafe_b64encode(_check(body, question) + body).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """The cursor; that its question is the same is for check_cursor. InvalidParameter."""
    return _parse(text)[0]


def check_cursor(text: str, question: str) -> None:
    """InvalidParameter unless the cursor was written for this question."""
    _, check, body = _parse(text)
    if check != _check(body, question):
        raise InvalidParameter("cursor", "it belongs to another question: repeat all parameters but offset and asOf")


def _parse(text: str) -> tuple[Cursor, bytes, bytes]:
    try:
        if len(text) > MAX_CURSOR_CHARS:
            raise ValueError
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        parts = json.loads(body)
        if type(parts) is not list or len(parts) != 4:
            raise ValueError
        as_of_s, key, second, id_ = parts
        if type(as_of_s) is int and not FIRST_S <= as_of_s <= LAST_S + 1:
            raise ValueError
        if not (type(as_of_s) is type(key) is type(second) is int and type(id_) is str):
            raise ValueError
    except ValueError:
        raise InvalidParameter("cursor", "expected a nextCursor of an earlier answer, unchanged") from None
    return Cursor(as_of_s, (key, second, id_)), check, body


def _check(body: bytes, question: str) -> bytes:
    return sha256(question.encode() + b"\0" + body).digest()[:_CHECK_BYTES]
