"""The files of one partition: where one ends and the next begins. No broker and no clock."""

from collections.abc import Sequence

from ranking_app.archive.file_writer import Home, PartialFile
from ranking_app.archive.files import ArchiveFile
from ranking_app.archive.layout import DAY_MS, LAST_DAY, day_of
from schemas.record import Record


class PartitionWriter:
    """Takes the records of a partition in their order and gives whole files, each of one UTC day.

    A file has the day of its first record. The next file begins with the first record of a later day, or when the file
    is full. A record with an earlier timestamp stays in the file that is open: publishers set timestamps, and going
    back would make a file of every record where two days mix.
    """

    def __init__(self, home: Home, position: int, gap_from: int | None = None, last_day: int | None = None) -> None:
        """position: of the first record that is wanted. gap_from: see ArchiveFile. last_day: of the file before."""
        self._home = home
        self._begin = position
        self._gap_from = gap_from
        self._day = last_day
        self._open: PartialFile | None = None
        self.position = position
        """Everything below has been taken."""
        self.files: list[ArchiveFile] = []
        """Those that are whole."""

    @property
    def records(self) -> int:
        """How many are in whole files."""
        return sum(file.records for file in self.files)

    def add(self, records: Sequence[Record]) -> None:
        """Take more records. ArchiveDirUnusable; then the open file is gone and nothing more may be added."""
        start = 0
        try:
            while start < len(records):
                file = self._file_for(records[start])
                end = self._end_of_day(records, start)
                file.add(records[start:end])
                self.position = records[end - 1].offset + 1
                start = end
        except BaseException:
            self._abandon()
            raise

    def finish(self, position: int) -> None:
        """The end. position: everything below was read, also where no record stood, as at transaction markers."""
        self.position = position
        if self._open is None and self._day is not None and position > self._begin:
            # Only markers came. A file without records says so: when the brokers delete them, it is no gap.
            self._open = self._new_file(self._day)
        self._close(position)

    def keep(self) -> None:
        """Reading was interrupted: close the open file with what it has."""
        self._close(self.position)

    def _abandon(self) -> None:
        if self._open is not None:
            self._open.abandon()
            self._open = None

    def _file_for(self, record: Record) -> PartialFile:
        day = day_of(record.timestamp)
        if self._open is not None and (self._open.is_full or day > (self._day or 0)):
            self._close(record.offset)
        if self._open is None:
            self._day = day
            self._open = self._new_file(day)
        return self._open

    def _end_of_day(self, records: Sequence[Record], start: int) -> int:
        if self._day is None or self._day >= LAST_DAY:
            return len(records)
        day_end_ms = (self._day + 1) * DAY_MS
        return next((i for i in range(start, len(records)) if records[i].timestamp >= day_end_ms), len(records))

    def _new_file(self, day: int) -> PartialFile:
        return PartialFile(self._home, day, self._begin, self._gap_from)

    def _close(self, next_offset: int) -> None:
        if self._open is not None:
            closing, self._open = self._open, None
            self.files.append(closing.close(next_offset))
            self._begin, self._gap_from = next_offset, None
