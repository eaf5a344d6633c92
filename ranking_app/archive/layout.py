"""How archive files are named and what is in them; docs/archive.md says the same to those who read them otherwise.

`<directory>/<topic>/<UTC day>/<partition>-<first offset>-<next offset>.parquet`

The names of a partition sort by offset.
"""

import re
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ranking_app.archive.arrow import arrow
from ranking_app.archive.errors import ArchiveUnreadable

FORMAT_VERSION = 1
SUFFIX = ".parquet"
PARTIAL_SUFFIX = ".partial"
"""Behind the name of a file that is being written: half a file never has a name that anybody reads."""

KEY_PREFIX = "archive."
"""Before our keys in the footer, which other programs write into as well."""

DAY_MS = 24 * 3600 * 1000
EPOCH = date(1970, 1, 1)
LAST_DAY = (date.max - EPOCH).days

_NAME = re.compile(r"(\d{5,})-(\d{20})-(\d{20})\.parquet", re.ASCII)


class FileName(NamedTuple):
    """What a name says. Offsets half-open: [first_offset, next_offset)."""

    partition: int
    first_offset: int
    next_offset: int


def file_name(name: FileName) -> str:
    """
    >>> file_name(FileName(2, 0, 1500))
    '00002-00000000000000000000-00000000000000001500.parquet'
    """
    return f"{name.partition:05}-{name.first_offset:020}-{name.next_offset:020}{SUFFIX}"


def parse_name(path: Path) -> FileName:
    """What the name of a file says. ArchiveUnreadable if it is none of ours."""
    found = _NAME.fullmatch(path.name)
    if found is None or found[2] >= found[3]:
        raise ArchiveUnreadable(f"{path}: expected a name such as {file_name(FileName(0, 0, 1500))}")
    return FileName(*map(int, found.groups()))


def day_of(timestamp_ms: int) -> int:
    """The UTC day of a record, counted from 1970-01-01. Publishers may send any number: held within the calendar.

    >>> day_of(86_400_000), day_of(86_399_999), day_of(-1), day_of(2**63 - 1)
    (1, 0, 0, 2932896)
    """
    return min(max(timestamp_ms // DAY_MS, 0), LAST_DAY)


def day_name(day: int) -> str:
    """
    >>> day_name(20_618)
    '2026-06-14'
    """
    return (EPOCH + timedelta(days=day)).isoformat()


def parse_day(name: str) -> int:
    """The day of a directory's name. ValueError."""
    return (date.fromisoformat(name) - EPOCH).days


@cache
def schema() -> Any:
    """The columns. timestamp: milliseconds since the epoch, as the broker has it. Null: no key, a tombstone."""
    pa = arrow()
    header = pa.struct([pa.field("key", pa.string(), nullable=False), pa.field("value", pa.binary())])
    return pa.schema(
        [
            pa.field("partition", pa.int32(), nullable=False),
            pa.field("offset", pa.int64(), nullable=False),
            pa.field("timestamp", pa.int64(), nullable=False),
            pa.field("key", pa.binary()),
            pa.field("value", pa.binary()),
            pa.field("headers", pa.list_(pa.field("element", header, nullable=False)), nullable=False),
        ]
    )
