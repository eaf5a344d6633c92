"""What stands in the panes table and its changelog: the keys, and how they are told apart.

A changelog partition holds what one owner knows of the source partitions with its number, of both roles
(role 0: completed topic, role 1: cancelled topic; roles, not names, so that renaming a topic keeps the state):

    P role partition minute schedule   a pane (rankings.panes): one schedule's sales in one minute of event time
    O role partition                   the position: next source offset, watermark, counters (tables.position)
    I role partition segment first last  ids seen in one flush, by offsets (tables.seen); live for RANKING_DEDUPE_HOURS

Integers are big-endian, so that keys sort by role, partition, and minute or segment. Everything of one flush is one
Kafka record batch, which a broker appends whole or not at all: position, ids and panes never disagree.
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranking_app.rankings.panes import place_of

PANE, POSITION, SEEN = b"P", b"O", b"I"

_PANE_HEAD = struct.Struct(">cBHI")
_SCHEDULE_AT = _PANE_HEAD.size
_PANE_HEADS = np.dtype([("kind", "S1"), ("role", "u1"), ("partition", ">u2"), ("minute", ">u4")])
_POSITION = struct.Struct(">cBH")
PANE_HEAD_BYTES = _POSITION.size
"""Of pane_head: all keys of one source partition's panes begin alike, and are in the order of minutes."""

_SEEN = struct.Struct(">cBHQQQ")
_SEEN_SEGMENT = struct.Struct(">cBHQ")


def pane_key(role: int, partition: int, minute: int, schedule_id: str) -> bytes:
    """The key of a pane, in table and changelog."""
    return pane_head(role, partition) + place_of(schedule_id, minute)


def pane_head(role: int, partition: int) -> bytes:
    """What a pane's key has before its place (rankings.panes.place_of)."""
    return _POSITION.pack(PANE, role, partition)


def parse_pane_key(key: bytes) -> tuple[int, int, int, str]:
    """(role, partition, minute since the epoch, schedule) of a pane's key. ValueError or struct.error if it is none.

    A plain tuple: a reader that loads makes one for every pane there is.
    """
    _, role, partition, minute = _PANE_HEAD.unpack_from(key)
    return role, partition, minute, key[_SCHEDULE_AT:].decode()


def parse_pane_keys(keys: Sequence[bytes]) -> tuple[NDArray[np.int64], list[str]]:
    """As parse_pane_key of many: (role, partition, minute) of each in columns, shape (3, keys), and the schedules."""
    heads = np.frombuffer(b"".join([key[:_SCHEDULE_AT] for key in keys]), _PANE_HEADS)
    columns = np.array([heads["role"], heads["partition"], heads["minute"]], np.int64)
    return columns, schedules_of(keys)


def schedules_of(keys: Sequence[bytes]) -> list[str]:
    """The schedules of panes with these keys."""
    return [key[_SCHEDULE_AT:].decode() for key in keys]


def position_key(role: int, partition: int) -> bytes:
    """The key of a source partition's position."""
    return _POSITION.pack(POSITION, role, partition)


def parse_position_key(key: bytes) -> tuple[int, int]:
    """(role, partition) of a position's key."""
    _, role, partition = _POSITION.unpack(key)
    return role, partition


def seen_key(role: int, partition: int, segment: int, first_offset: int, last_offset: int) -> bytes:
    """The key of the ids of one flush, of the events from first_offset to last_offset.

    Both are in it: a stale owner may flush less from the same offset on, and must not overwrite what the owner noted.
    What both noted is the same ids at the same offsets. Before the last offset was there, keys ended before it.
    """
    return _SEEN.pack(SEEN, role, partition, segment, first_offset, last_offset)


def seen_prefix(role: int, partition: int) -> bytes:
    """What the keys of all ids of a source partition begin with."""
    return _POSITION.pack(SEEN, role, partition)


def parse_seen_segment(key: bytes) -> int:
    """The segment number in the key of the ids of one flush."""
    return int(_SEEN_SEGMENT.unpack_from(key)[3])
