"""One archive file, read: what it says of itself, its records, and whether they are those that were written."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from xxhash import xxh3_64

from ranking_app.archive.arrow import arrow
from ranking_app.archive.checksum import checksum_text, framed
from ranking_app.archive.errors import ArchiveDiffers, ArchiveUnreadable
from ranking_app.archive.layout import FORMAT_VERSION, KEY_PREFIX, FileName, parse_name, schema
from ranking_app.errors import RankingError


class ArchivedRecord(NamedTuple):
    """A Kafka record as it was on its topic. timestamp: milliseconds since the epoch, -1 where there is none."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """What a file says of itself: all records of one partition with offsets in [first_offset, next_offset).

    Offsets in between may be missing: transaction markers have some, and a compacted topic has holes. gap_from: where
    the file before this one ended, if the operator accepted that everything up to first_offset is lost.
    """

    path: Path
    topic: str
    partition: int
    first_offset: int
    next_offset: int
    records: int
    checksum: str
    gap_from: int | None = None


def describe_file(path: Path) -> ArchiveFile:
    """What a file's footer says; the records are not read. ArchiveUnreadable."""
    name = parse_name(path)
    with _readable(path):
        parquet = arrow().parquet.ParquetFile(path)
        try:
            file = _described(path, parquet)
        finally:
            parquet.close()
    said = FileName(file.partition, file.first_offset, file.next_offset)
    if said != name:
        raise ArchiveDiffers(f"{path}: its name and its content do not agree: {tuple(name)} and {tuple(said)}")
    return file


def read_records(file: ArchiveFile, from_offset: int) -> Iterator[list[ArchivedRecord]]:
    """The records from an offset on, a row group at a time. ArchiveUnreadable names file and row group.

    Each page has a checksum of its own, so what is given here is what was written.
    """
    with _readable(file.path):
        parquet = arrow().parquet.ParquetFile(file.path, page_checksum_verification=True, pre_buffer=False)
    try:
        for group in range(parquet.num_row_groups):
            with _readable(file.path, group):
                if from_offset > file.first_offset and _last_offset(parquet, group) < from_offset:
                    continue
                records = _records(parquet.read_row_group(group))
                if records[0].offset < from_offset:
                    records = records[bisect_left(records, from_offset, key=attrgetter("offset")) :]
            yield records
    finally:
        parquet.close()


def check_file(file: ArchiveFile, partition_sum: xxh3_64 | None = None) -> None:
    """Read a file wholly and compare it with what it says of itself. ArchiveUnreadable, ArchiveDiffers.

    partition_sum: a sum over several files, which the records of this one are added to.
    """
    own_sum, count, previous = xxh3_64(), 0, file.first_offset - 1
    for records in read_records(file, file.first_offset):
        for record in records:
            if not previous < record.offset < file.next_offset:
                raise ArchiveDiffers(f"{file.path}: offset {record.offset} stands after {previous}")
            previous = record.offset
        summed = framed(records)
        own_sum.update(summed)
        if partition_sum is not None:
            partition_sum.update(summed)
        count += len(records)
    if count != file.records:
        raise ArchiveDiffers(f"{file.path}: has {count} records, but {file.records} were written")
    if checksum_text(own_sum) != file.checksum:
        raise ArchiveDiffers(f"{file.path}: its records have {checksum_text(own_sum)}, written were {file.checksum}")


@contextmanager
def _readable(path: Path, group: int | None = None) -> Iterator[None]:
    try:
        yield
    except RankingError:
        raise
    except Exception as exc:  # pyarrow has a dozen kinds, and a damaged file may bring any of them
        place = "" if group is None else f", row group {group}"
        raise ArchiveUnreadable(f"{path}{place}: cannot be read: {_first_line(exc)}") from exc


def _first_line(exc: Exception) -> str:
    lines = str(exc).splitlines()
    return lines[0] if lines else type(exc).__name__


def _described(path: Path, parquet: Any) -> ArchiveFile:
    if not parquet.schema_arrow.equals(schema()):
        raise ArchiveUnreadable(f"{path}: has not the columns of an archive")
    own = parquet.metadata.metadata
    texts = {
        key.decode().removeprefix(KEY_PREFIX): text.decode()
        for key, text in own.items()
        if key.startswith(KEY_PREFIX.encode())
    }
    if texts.get("format_version") != str(FORMAT_VERSION):
        found = texts.get("format_version", "none")
        raise ArchiveUnreadable(f"{path}: expected format version {FORMAT_VERSION}, got {found}")
    file = ArchiveFile(
        path=path,
        topic=texts["topic"],
        partition=int(texts["partition"]),
        first_offset=int(texts["first_offset"]),
        next_offset=int(texts["next_offset"]),
        records=int(texts["records"]),
        checksum=texts["checksum"],
        gap_from=int(texts["gap_from"]) if "gap_from" in texts else None,
    )
    if parquet.metadata.num_rows != file.records:
        raise ArchiveDiffers(f"{path}: has {parquet.metadata.num_rows} rows, but {file.records} were written")
    return file


def _last_offset(parquet: Any, group: int) -> int:
    # Read, not taken from the statistics: those are in the footer, which no page checksum covers.
    offset: int = parquet.read_row_group(group, columns=["offset"]).column(0)[-1].as_py()
    return offset


def _records(table: Any) -> list[ArchivedRecord]:
    """Column by column: an object of pyarrow for each field of each row would take ten times as long."""
    offsets, keys, values, timestamps = (
        table.column(name).to_pylist() for name in ("offset", "key", "value", "timestamp")
    )
    return list(map(ArchivedRecord._make, zip(offsets, keys, values, _headers(table), timestamps, strict=True)))


def _headers(table: Any) -> list[Sequence[tuple[str, bytes]]]:
    column = table.column("headers").combine_chunks()
    names, values = (part.to_pylist() for part in column.flatten().flatten())
    if not names:
        return [()] * len(column)
    pairs = zip(names, values, strict=True)
    ends = column.offsets.to_pylist()
    return [tuple(islice(pairs, end - start)) for start, end in pairwise(ends)]
