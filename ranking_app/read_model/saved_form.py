"""The form of a saved read model: frames of bytes, from which it is built again without reading the whole changelog.

A file is a sequence of frames, each with its length and CRC-32 before it: the head (JSON: where in the changelog this
was, and the positions), the panes of the schedules with the source offsets in them, many schedules to a frame, then
their curves, one to a frame, with their columns as the machine holds them, and the end. Only the same layout on the
same kind of machine reads it: anything else is refused, and the changelog read instead.
"""

import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import orjson

from ranking_app.rankings.columns import Column
from ranking_app.rankings.curve import Curve
from ranking_app.read_model.pane_offsets import PANE_BYTES

LAYOUT = 3
"""To be raised with every change to this module, to read_model.pane_offsets or to the columns of rankings.rows: older
files are then refused."""

PANES_IN_FRAME = 100_000
"""Some 3 ms of work: answers and flushes get their turn between frames. A schedule is not divided."""

PANES, SCHEDULE, END = b"P", b"S", b"E"
"""What a frame after the head begins with."""

_FRAME = struct.Struct(">II")
_MACHINE = f"{sys.byteorder} {array('I').itemsize} {array('H').itemsize}"


class SavedUnreadable(ValueError):
    """The bytes are not a saved read model of this layout and machine, or they are damaged."""


@dataclass(frozen=True, slots=True)
class SavedHead:
    """What a saved read model says of itself.

    offsets: of each changelog partition, the next one to apply on top. positions: their keys and values as in the
    changelog. saved_at_ms: wall clock when the state was this.
    """

    changelog_topic: str
    offsets: list[int]
    positions: list[tuple[bytes, bytes]]
    saved_at_ms: int


def framed(body: bytes) -> bytes:
    """A body with its length and checksum before it."""
    return _FRAME.pack(len(body), crc32(body)) + body


def frames_of(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The bodies of a file's frames. read(n): the next n bytes, fewer at the end. SavedUnreadable."""
    while head := read(_FRAME.size):
        if len(head) < _FRAME.size:
            raise SavedUnreadable("it ends within a frame")
        length, checksum = _FRAME.unpack(head)
        body = read(length)
        if len(body) < length or crc32(body) != checksum:
            raise SavedUnreadable("a frame's checksum differs")
        yield body


def head_frame(head: SavedHead) -> bytes:
    """The first frame."""
    fields = {
        "layout": LAYOUT,
        "machine": _MACHINE,
        "changelog_topic": head.changelog_topic,
        "offsets": head.offsets,
        "positions": [(key.hex(), value.decode()) for key, value in head.positions],
        "saved_at_ms": head.saved_at_ms,
    }
    return framed(orjson.dumps(fields))


def parse_head(body: bytes) -> SavedHead:
    """The inverse of head_frame. SavedUnreadable if another layout or another kind of machine wrote it."""
    fields: dict[str, Any] = orjson.loads(body)
    written = fields.pop("layout", None), fields.pop("machine", None)
    if written != (LAYOUT, _MACHINE):
        raise SavedUnreadable(f"expected layout {LAYOUT} of {_MACHINE}, got {written}")
    fields["positions"] = [(bytes.fromhex(key), value.encode()) for key, value in fields["positions"]]
    return SavedHead(**fields)


def panes_frames(panes: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Schedules, each with its panes as the machine holds them."""
    some: list[tuple[str, bytes]] = []
    size = 0
    for schedule_id, body in panes:
        some.append((schedule_id, body))
        size += len(body)
        if size >= PANES_IN_FRAME * PANE_BYTES:
            yield _panes_frame(some)
            some, size = [], 0
    if some:
        yield _panes_frame(some)


def _panes_frame(panes: list[tuple[str, bytes]]) -> bytes:
    head = orjson.dumps([[schedule_id, len(body)] for schedule_id, body in panes])
    return framed(b"".join((PANES, struct.pack(">I", len(head)), head, *(body for _, body in panes))))


def parse_panes(body: bytes) -> Iterator[tuple[str, bytes]]:
    """The inverse of one of panes_frames."""
    (length,) = struct.unpack_from(">I", body, 1)
    at = 5 + length
    for schedule_id, size in orjson.loads(body[5:at]):
        yield schedule_id, body[at : at + size]
        at += size


def schedule_frame(schedule_id: str, curve: Curve) -> bytes:
    """One schedule: a head of JSON, then the bytes of those of its columns that are arrays."""
    sources, columns = curve.columns()
    # Numbers too large for a machine integer are written as text, as orjson takes no more than 64 bits.
    kinds = [c.typecode if isinstance(c, array) else list(map(str, c)) for c in columns]
    # default: orjson takes no named tuples.
    head = orjson.dumps([schedule_id, sources, len(columns[0]), kinds], default=list)
    arrays = (column.tobytes() for column in columns if isinstance(column, array))
    return framed(b"".join((SCHEDULE, struct.pack(">I", len(head)), head, *arrays)))


def parse_schedule(body: bytes, source: Callable[[int, int], Any]) -> tuple[str, Curve]:
    """The inverse of schedule_frame. source(role, partition): what a curve calls its source."""
    (length,) = struct.unpack_from(">I", body, 1)
    schedule_id, sources, rows, kinds = orjson.loads(body[5 : 5 + length])
    columns: list[Column] = []
    at = 5 + length
    for kind, starts_at_zero in zip(kinds, Curve.STARTS_AT_ZERO, strict=True):
        if isinstance(kind, list):
            columns.append(list(map(int, kind)))
            continue
        column = array(kind)
        end = at + (rows + starts_at_zero) * column.itemsize
        column.frombytes(body[at:end])
        columns.append(column)
        at = end
    return schedule_id, Curve.of_columns(tuple(source(*parts) for parts in sources), columns)
