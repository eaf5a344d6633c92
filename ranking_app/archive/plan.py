"""Which archives there are for a replay, and which of them hold what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ranking_app.archive.errors import ArchiveNotFound, ArchiveOverlap, UnknownArchive
from ranking_app.archive.files import ArchiveFile, describe_file
from ranking_app.archive.layout import PARTIAL_SUFFIX, SUFFIX
from ranking_app.archive.ranges import Span, holes, in_order, merged, overlaps

LINE_SUFFIXES = (".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")


class Gap(NamedTuple):
    """Offsets of a partition, half-open, that no file has, between files that have those before and after."""

    topic: str
    partition: int
    span: Span


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The archive files at these paths, each once: in the order given, and by name within directories.

    ArchiveNotFound for a path that does not exist or a directory without archives; UnknownArchive for any other file,
    but those whose names begin with a dot and those that a writer has not finished.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        files = _below(path) if path.is_dir() else [path]
        if not files or not files[0].exists():
            raise ArchiveNotFound(f"{path}: there is no archive" if path.is_dir() else f"{path} does not exist")
        for file in files:
            if not file.name.endswith((SUFFIX, *LINE_SUFFIXES)):
                raise UnknownArchive(f"{file}: expected a name with {SUFFIX} or {', '.join(LINE_SUFFIXES)}")
            found.setdefault(file.resolve(), file)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Archives:
    """Archives, sorted out. parquet: by topic and partition, in the order of offsets. lines: NDJSON, as given."""

    parquet: Mapping[tuple[str, int], Sequence[ArchiveFile]]
    lines: Sequence[Path]

    @classmethod
    def at(cls, paths: Sequence[Path]) -> "Archives":
        """What is at these paths; footers are read, records are not.

        Raises what find_files does; ArchiveUnreadable; ArchiveOverlap.
        """
        parquet: dict[tuple[str, int], list[ArchiveFile]] = {}
        lines: list[Path] = []
        for path in find_files(paths):
            if path.name.endswith(SUFFIX):
                file = describe_file(path)
                parquet.setdefault((file.topic, file.partition), []).append(file)
            else:
                lines.append(path)
        ordered = {partition: in_order(files) for partition, files in sorted(parquet.items())}
        for files in ordered.values():
            for one, other in overlaps(files):
                raise ArchiveOverlap(f"{one.path} and {other.path} have the same offsets")
        return cls(ordered, lines)

    def after(self, topic: str, partition: int, offset: int) -> list[ArchiveFile]:
        """The files that have something at this offset or above, in order."""
        return [file for file in self.parquet.get((topic, partition), ()) if file.next_offset > offset]

    def covers(self, topic: str, partition: int) -> list[Span]:
        """The ranges of offsets that are there, half-open, as few as possible."""
        return merged(self.parquet.get((topic, partition), ()))

    def gaps(self) -> list[Gap]:
        """What is missing between files, also where an operator accepted it."""
        return [Gap(*partition, span) for partition, files in self.parquet.items() for span in holes(files)]


def _below(directory: Path) -> list[Path]:
    return sorted(_visible(directory))


def _visible(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if path.is_file() and not hidden and not path.name.endswith(PARTIAL_SUFFIX):
            yield path
