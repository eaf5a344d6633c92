"""One archive file, written: under another name until it is whole and on the disk."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64

from ranking_app.archive.arrow import arrow
from ranking_app.archive.checksum import checksum_text, framed
from ranking_app.archive.errors import ArchiveDirUnusable
from ranking_app.archive.files import ArchiveFile
from ranking_app.archive.layout import (
    FORMAT_VERSION,
    KEY_PREFIX,
    PARTIAL_SUFFIX,
    FileName,
    day_name,
    file_name,
    schema,
)
from schemas.record import Record

ROW_GROUP_RECORDS = 50_000
ROW_GROUP_BYTES = 32 * 1024 * 1024
"""A row group is held in memory, when written and when read: records may have a megabyte each."""

FILE_RECORDS = 1_000_000
FILE_BYTES = 1024 * 1024 * 1024
"""Before compression. What a crash loses is written again: this bounds how much that is."""


class Home(NamedTuple):
    """Where the files of a partition belong."""

    directory: Path
    topic: str
    partition: int


class PartialFile:
    """A file that is being written. Every method may raise ArchiveDirUnusable; then nothing of the file is left."""

    def __init__(self, home: Home, day: int, first_offset: int, gap_from: int | None) -> None:
        self._home = home
        self._first_offset = first_offset
        self._gap_from = gap_from
        self._folder = home.directory / home.topic / day_name(day)
        self._path = self._folder / f"{home.partition:05}-{first_offset:020}.parquet{PARTIAL_SUFFIX}"
        self._sum = xxh3_64()
        self._records = self._bytes = 0
        self._waiting: list[Record] = []
        self._waiting_bytes = 0
        with self._writable():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("xb")
            self._writer = arrow().parquet.ParquetWriter(
                self._file,
                schema(),
                compression="zstd",
                use_dictionary=["partition", "key", "headers.list.element.key", "headers.list.element.value"],
                column_encoding={"offset": "DELTA_BINARY_PACKED", "timestamp": "DELTA_BINARY_PACKED"},
                write_statistics=["partition", "offset", "timestamp"],  # a least value may have a megabyte
                write_page_checksum=True,
            )

    @property
    def is_full(self) -> bool:
        """Whether the next record shall begin another file."""
        return self._records >= FILE_RECORDS or self._bytes >= FILE_BYTES

    def add(self, records: Sequence[Record]) -> None:
        """Take more records, offsets ascending."""
        summed = framed(records)
        self._sum.update(summed)
        self._records += len(records)
        self._bytes += len(summed)
        self._waiting += records
        self._waiting_bytes += len(summed)
        if len(self._waiting) >= ROW_GROUP_RECORDS or self._waiting_bytes >= ROW_GROUP_BYTES:
            self._write_row_group()

    def close(self, next_offset: int) -> ArchiveFile:
        """The file, whole, under its name, on the disk. next_offset: everything below it has been added."""
        home, checksum = self._home, checksum_text(self._sum)
        name = FileName(home.partition, self._first_offset, next_offset)
        path = self._folder / file_name(name)
        about = {
            "format_version": FORMAT_VERSION,
            "topic": home.topic,
            "partition": home.partition,
            "first_offset": self._first_offset,
            "next_offset": next_offset,
            "records": self._records,
            "checksum": checksum,
        }
        if self._gap_from is not None:
            about["gap_from"] = self._gap_from
        if self._waiting:
            self._write_row_group()
        with self._writable():
            self._writer.add_key_value_metadata({KEY_PREFIX + key: str(text) for key, text in about.items()})
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._path.rename(path)
            for folder in (self._folder, *self._folder.parents[:2]):  # day and topic may be new names, too
                _sync_directory(folder)
        return ArchiveFile(path, home.topic, *name, self._records, checksum, self._gap_from)

    def abandon(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(Exception):  # on a full disk its footer cannot be written either
            self._writer.close()
        with contextlib.suppress(AttributeError, OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _write_row_group(self) -> None:
        records, self._waiting, self._waiting_bytes = self._waiting, [], 0
        pa, columns = arrow(), schema()
        contents = [
            [self._home.partition] * len(records),
            [record.offset for record in records],
            [record.timestamp for record in records],
            [record.key for record in records],
            [record.value for record in records],
            [record.headers for record in records],
        ]
        arrays = [pa.array(content, column.type) for content, column in zip(contents, columns, strict=True)]
        with self._writable():
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=columns), row_group_size=len(records))

    @contextlib.contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            self.abandon()
            raise ArchiveDirUnusable(f"{self._path} cannot be written: {exc.strerror or exc}") from exc
        except BaseException:
            self.abandon()
            raise


def _sync_directory(path: Path) -> None:
    """A new name is on the disk only when its directory is."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
