"""What a generation counts beside the live records of its topics: its plan and archives, as its workers use them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ranking_app.archive.files import ArchivedRecord, read_records
from ranking_app.archive.lines import LINE_BITS, read_lines
from ranking_app.archive.plan import Archives
from ranking_app.generations.generation import Generation
from schemas.produce_line import TopicNames
from tables.panes import LINE_ROLES, ROLES


class GenerationHistory:
    """topics: as they are set. The files are looked at when it is made: ArchiveUnreadable and the like name them.

    NDJSON has no partitions of its own: its files are dealt out to those of the tables, in the order in which they
    were named. An event in it is told apart by file and line, in place of partition and offset.
    """

    def __init__(self, generation: Generation, topics: TopicNames) -> None:
        self._generation = generation
        self._topics = topics
        self._archives = Archives.at([Path(path) for path in generation.archives]) if generation.archives else None

    @property
    def may_miss(self) -> bool:
        """Whether somebody accepted that offsets are gone."""
        return self._generation.gaps_accepted

    def blocks(self, role: int, partition: int, from_offset: int) -> Iterator[Sequence[ArchivedRecord]]:
        """Archived records from an offset on, in its order."""
        if self._archives is None:
            return
        if role in LINE_ROLES:
            yield from self._lines(LINE_ROLES.index(role), partition, from_offset, self._archives.lines)
            return
        for file in self._archives.after(self._topic(role), partition, from_offset):
            yield from read_records(file, from_offset)

    def archived_to(self, role: int, partition: int, offset: int) -> int:
        """The offset, exclusive, up to which archives without a hole reach that hold everything before offset."""
        for first, after in () if self._archives is None else self._archives.covers(self._topic(role), partition):
            if first <= offset <= after:
                return after
        return offset

    def end(self, role: int, partition: int) -> int | None:
        """The offset, exclusive, up to which the partition counts; None: it is followed for ever."""
        if role in LINE_ROLES:
            return None
        ends = self._generation.ends.get(self._topic(role))
        if ends is None:
            return None
        return ends[partition] if partition < len(ends) else 0  # a partition added later is after the end

    def _topic(self, role: int) -> str:
        return (self._topics.completed, self._topics.cancelled)[ROLES.index(role)]

    def _lines(
        self, kind: int, partition: int, from_offset: int, files: Sequence[Path]
    ) -> Iterator[Sequence[ArchivedRecord]]:
        for ordinal in range(partition, len(files), self._generation.partitions):
            if ordinal >= from_offset >> LINE_BITS:
                for block in read_lines(files[ordinal], ordinal, from_offset, self._topics):
                    if chosen := [record for role, record in block if role == kind]:
                        yield chosen
