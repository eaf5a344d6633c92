"""Which archives a replay finds: by partition and offset, without overlaps, gaps known."""

from pathlib import Path

import pytest

from ranking_app.archive.errors import ArchiveNotFound, ArchiveOverlap, ArchiveUnreadable, UnknownArchive
from ranking_app.archive.file_writer import Home
from ranking_app.archive.files import ArchivedRecord, ArchiveFile
from ranking_app.archive.partition_writer import PartitionWriter
from ranking_app.archive.plan import Archives, Gap, find_files
from ranking_app.archive.ranges import Span


def archived(directory: Path, first: int, end: int, topic: str = "t", partition: int = 0) -> ArchiveFile:
    writer = PartitionWriter(Home(directory, topic, partition), first)
    writer.add([ArchivedRecord(first, None, b"{}", (), 0)])
    writer.finish(end)
    return writer.files[0]


def test_files_are_found_in_the_order_given_by_name_below_directories_and_once(tmp_path: Path) -> None:
    names = ["z.ndjson", "d/b.jsonl.gz", "d/deep/a.ndjson.gz", "d/deep/b.parquet", "a.jsonl"]
    ignored = ["d/.lock", "d/.hidden/x.txt", "d/00000-3.parquet.partial"]
    for name in names + ignored:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    given = [tmp_path / name for name in ("z.ndjson", "d", "a.jsonl", "d/deep/../b.jsonl.gz")]
    assert find_files(given) == [tmp_path / name for name in names]


@pytest.mark.parametrize("name", ["events.csv", "events", "events.gz", "events.json"])
def test_a_file_of_another_kind_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(UnknownArchive, match=name) as caught:
            find_files([path])
        assert caught.value.exit_code == 2


def test_a_path_without_archives_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.parquet"):
        with pytest.raises(ArchiveNotFound, match=str(path)):
            find_files([path])


def test_files_are_known_by_topic_and_partition_in_the_order_of_offsets(tmp_path: Path) -> None:
    late, early = archived(tmp_path / "a", 90, 120), archived(tmp_path / "b", 0, 90)
    other = archived(tmp_path, 5, 6, partition=1)
    (tmp_path / "x.ndjson").touch()
    archives = Archives.at([tmp_path])
    assert archives.parquet == {("t", 0): [early, late], ("t", 1): [other]}
    assert archives.lines == [tmp_path / "x.ndjson"]
    assert archives.covers("t", 0) == [(0, 120)] and archives.gaps() == []
    assert archives.covers("t", 2) == [] and archives.after("u", 0, 0) == []


@pytest.mark.parametrize(("offset", "left"), [(0, 3), (9, 3), (10, 2), (15, 2), (29, 1), (30, 0), (99, 0)])
def test_after_an_offset_there_are_the_files_that_hold_it_or_more(tmp_path: Path, offset: int, left: int) -> None:
    files = [archived(tmp_path, first, first + 10) for first in (0, 10, 20)]
    assert Archives.at([tmp_path]).after("t", 0, offset) == files[3 - left :]


def test_gaps_are_named(tmp_path: Path) -> None:
    for first in (0, 10, 40):
        archived(tmp_path, first, first + 10)
    archives = Archives.at([tmp_path])
    assert archives.covers("t", 0) == [(0, 20), (40, 50)]
    assert archives.gaps() == [Gap("t", 0, Span(20, 40))]


@pytest.mark.parametrize("first", [0, 5, 9])
def test_overlaps_are_refused(tmp_path: Path, first: int) -> None:
    archived(tmp_path / "a", 0, 10)
    archived(tmp_path / "b", first, first + 1)
    with pytest.raises(ArchiveOverlap, match="have the same offsets"):
        Archives.at([tmp_path])


def test_an_unreadable_file_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    archived(tmp_path, 0, 10).path.write_bytes(b"PAR1")
    with pytest.raises(ArchiveUnreadable):
        Archives.at([tmp_path])
