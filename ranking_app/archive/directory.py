"""The directory of an archive: one writer at a time, and how far each partition has been archived."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ranking_app.archive.errors import ArchiveDiffers, ArchiveDirUnusable, ArchiveInUse, ArchiveNotFound, ArchiveOverlap
from ranking_app.archive.files import ArchiveFile, describe_file
from ranking_app.archive.layout import PARTIAL_SUFFIX, SUFFIX, FileName, parse_day, parse_name
from ranking_app.archive.ranges import in_order, overlaps

LOCK_NAME = ".lock"


class Standing(NamedTuple):
    """Where a partition's archive ends. file: the last. day: its UTC day, counted from 1970-01-01, if it has one."""

    file: ArchiveFile
    day: int | None


class _Named(NamedTuple):
    first_offset: int
    next_offset: int
    path: Path


@contextlib.contextmanager
def locked_archive(directory: Path) -> Iterator[None]:
    """Make the directory, hold it, and remove what a writer that died has left. ArchiveInUse, ArchiveDirUnusable.

    The lock goes with the process, however it ends.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise ArchiveDirUnusable(f"{directory} cannot be written: {exc.strerror}") from exc
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ArchiveInUse(f"another `archive write` works in {directory}") from None
        _remove_partials(directory)
        yield
    finally:
        os.close(lock)


def standings(directory: Path, topic: str) -> dict[int, Standing]:
    """By partition, the last file. Only its footer is read; `archive verify` reads everything.

    ArchiveUnreadable, ArchiveDiffers, ArchiveOverlap.
    """
    by_partition: dict[int, list[_Named]] = {}
    for path in (directory / topic).glob(f"*/*{SUFFIX}"):
        name: FileName = parse_name(path)
        by_partition.setdefault(name.partition, []).append(_Named(name.first_offset, name.next_offset, path))
    found: dict[int, Standing] = {}
    for partition, files in by_partition.items():
        ordered = in_order(files)
        for one, other in overlaps(ordered):
            raise ArchiveOverlap(f"{one.path} and {other.path} have the same offsets")
        last = ordered[-1].path
        file = describe_file(last)
        if file.topic != topic:
            raise ArchiveDiffers(f"{last} is of topic {file.topic!r}")
        found[partition] = Standing(file, _day(last))
    return found


def archive_files(directory: Path) -> list[Path]:
    """Every archive file below a directory, by name. ArchiveNotFound if there is none."""
    found = sorted(directory.rglob(f"*{SUFFIX}"))
    if not found:
        raise ArchiveNotFound(f"there is no archive in {directory}: no *{SUFFIX} below it")
    return found


def _day(path: Path) -> int | None:
    with contextlib.suppress(ValueError):
        return parse_day(path.parent.name)
    return None


def _remove_partials(directory: Path) -> None:
    try:
        for path in directory.glob(f"*/*/*{SUFFIX}{PARTIAL_SUFFIX}"):
            path.unlink()
    except OSError as exc:
        raise ArchiveDirUnusable(f"{directory} cannot be written: {exc.strerror}") from exc
