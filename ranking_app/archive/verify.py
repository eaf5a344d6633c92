"""`ranking-app archive verify`: reads everything, and says what is there and what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import click
from xxhash import xxh3_64

from ranking_app.archive.arrow import arrow
from ranking_app.archive.checksum import checksum_text
from ranking_app.archive.directory import archive_files
from ranking_app.archive.errors import ArchiveDamaged, ArchiveUnreadable
from ranking_app.archive.files import ArchiveFile, check_file, describe_file
from ranking_app.archive.ranges import Span, in_order, merged, overlaps

TITLES = ("topic", "partition", "files", "records", "first offset", "next offset", "checksum of all records")


@dataclass(slots=True)
class Report:
    """What verifying found."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    """One per partition, in the order of TITLES."""
    notes: list[str] = field(default_factory=list)
    """Known losses: the operator accepted them."""
    problems: list[str] = field(default_factory=list)


def verify_archive(directory: Path) -> None:
    """Print a table, notes and problems. ArchiveNotFound; ArchiveDamaged if there is any problem."""
    report = examine(directory)
    for line in _table([TITLES, *report.rows]):
        click.echo(line)
    for note in report.notes:
        click.echo(note)
    for problem in report.problems:
        click.echo(problem, err=True)
    if report.problems:
        count = len(report.problems)
        raise ArchiveDamaged(f"{count} problem{'s' if count != 1 else ''} in {directory}, named above")


def examine(directory: Path) -> Report:
    """Read every file below a directory wholly. ArchiveNotFound, ArchiveExtraMissing."""
    arrow()
    report = Report()
    by_partition: dict[tuple[str, int], list[ArchiveFile]] = {}
    for path in archive_files(directory):
        try:
            file = describe_file(path)
        except ArchiveUnreadable as exc:
            report.problems.append(str(exc))
        else:
            by_partition.setdefault((file.topic, file.partition), []).append(file)
    for (topic, partition), files in sorted(by_partition.items()):
        ordered = in_order(files)
        _compare_offsets(ordered, report)
        checksum = _check(ordered, report)
        ends = Span(ordered[0].first_offset, max(file.next_offset for file in ordered))
        records = sum(file.records for file in ordered)
        numbers = (partition, len(ordered), records, *ends)
        report.rows.append((topic, *map(str, numbers), checksum))
    return report


def _check(ordered: Sequence[ArchiveFile], report: Report) -> str:
    """The checksum of all records, the same however they are divided into files; "damaged" where a file is."""
    whole, damaged = xxh3_64(), False
    for file in ordered:
        try:
            check_file(file, whole)
        except ArchiveUnreadable as exc:
            report.problems.append(str(exc))
            damaged = True
    return "damaged" if damaged else checksum_text(whole)


def _compare_offsets(ordered: Sequence[ArchiveFile], report: Report) -> None:
    for one, other in overlaps(ordered):
        report.problems.append(f"{one.path} and {other.path} have the same offsets")
    begins = {file.first_offset: file for file in ordered}
    spans = merged(ordered)
    for before, after in pairwise(spans):
        missing = f"{ordered[0].topic} partition {ordered[0].partition}: offsets "
        missing += str(Span(before.next_offset, after.first_offset))
        if begins[after.first_offset].gap_from == before.next_offset:
            report.notes.append(f"{missing} are lost; that was accepted when the next ones were archived")
        else:
            report.problems.append(f"{missing} are missing: a file is gone or cannot be read")


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """
    >>> _table([("topic", "files"), ("a", "10")])
    ['topic  files', 'a      10']
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
