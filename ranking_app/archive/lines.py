"""NDJSON archives: one reservation event a line, in the forms that `ranking-app produce` takes.

A line has no place on a topic, so it gets an offset of its own: which file of the replay, and which line of it.
"""

import gzip
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from ranking_app.archive.errors import ArchiveUnreadable, WrongArchivedEvent
from ranking_app.archive.files import ArchivedRecord
from ranking_app.errors import WrongLine
from ranking_app.line_source import BYTE_ORDER_MARK
from schemas.decode import DecodeRules, decode_batch
from schemas.produce_line import TopicNames, parse_line

BLOCK_LINES = 4_096
LINE_BITS = 40
"""A file may have a million million lines, and a replay eight million files, before an offset has no 63 bits."""

NO_TIMESTAMP_MS = -1
"""As Kafka has it for a record without a time: a line was never written to a broker."""


def line_offset(file_ordinal: int, line_number: int) -> int:
    """The offset of a line. file_ordinal: which file of the replay, from 0. line_number: from 0.

    >>> line_offset(0, 7), line_offset(1, 0)
    (7, 1099511627776)
    """
    return file_ordinal << LINE_BITS | line_number


def read_lines(
    path: Path, ordinal: int, from_offset: int, topics: TopicNames
) -> Iterator[list[tuple[int, ArchivedRecord]]]:
    """The events from an offset on, some thousand at a time, each with its role: 0 completed, 1 cancelled.

    Blank lines are left out. WrongLine names file and line (from 1); ArchiveUnreadable.
    """
    if from_offset >= line_offset(ordinal + 1, 0):
        return
    skipped = max(from_offset - line_offset(ordinal, 0), 0)
    for first, lines in _blocks(path):
        records = [
            _record(path, ordinal, number, line, topics)
            for number, line in enumerate(lines, first)
            if number >= skipped and not line.isspace()
        ]
        if records:
            yield records


def check_lines(path: Path, topics: TopicNames, rules: tuple[DecodeRules, DecodeRules], now_ms: int) -> int:
    """Read a file wholly and decode every event; how many there are.

    rules: of the completed and of the cancelled topic. now_ms: the wall clock. WrongLine or WrongArchivedEvent for the
    first line that is wrong, with file, line number and reason; ArchiveUnreadable.
    """
    count = 0
    for block in read_lines(path, 0, 0, topics):
        bad: list[tuple[int, str]] = []
        for role, role_rules in enumerate(rules):
            records = [record for own, record in block if own == role]
            for found in decode_batch(records, role_rules, now_ms).bad:
                reason = f"{found.error.rpartition('.')[2]}: {found.message}"
                bad.append((records[found.index].offset, reason))
        if bad:
            number, reason = min(bad)
            raise WrongArchivedEvent(f"{path}: line {number + 1}: {reason}")
        count += len(block)
    return count


def _record(path: Path, ordinal: int, number: int, line: bytes, topics: TopicNames) -> tuple[int, ArchivedRecord]:
    try:
        out = parse_line(line, number + 1, topics)
    except WrongLine as exc:
        raise WrongLine(f"{path}: {exc}") from None
    roles = (topics.completed, topics.cancelled)
    if out.topic not in roles:
        raise WrongLine(f"{path}: line {number + 1}: expected a reservation event, got one for topic {out.topic!r}")
    offset = line_offset(ordinal, number)
    return roles.index(out.topic), ArchivedRecord(offset, out.key, out.value, out.headers, NO_TIMESTAMP_MS)


def _blocks(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Lines with the number of the first of them, from 0."""
    number = 0
    try:
        with _opened(path) as file:
            while lines := list(islice(file, BLOCK_LINES)):
                if number == 0:
                    lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK) or b"\n"
                yield number, lines
                number += len(lines)
    except (OSError, EOFError, zlib.error) as exc:
        raise ArchiveUnreadable(f"{path}: cannot be read after line {number}: {exc}") from exc


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.name.endswith(".gz") else path.open("rb")
