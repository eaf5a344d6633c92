"""Where archive files begin and end, how a run goes on after another, and what verifying says."""

import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from ranking_app.archive import file_writer
from ranking_app.archive.directory import Standing, locked_archive, standings
from ranking_app.archive.errors import (
    ArchiveAhead,
    ArchiveDamaged,
    ArchiveDiffers,
    ArchiveDirUnusable,
    ArchiveGap,
    ArchiveInUse,
    ArchiveNotFound,
    ArchiveOverlap,
    ArchiveUnreadable,
)
from ranking_app.archive.file_writer import Home
from ranking_app.archive.files import ArchivedRecord, read_records
from ranking_app.archive.layout import DAY_MS
from ranking_app.archive.partition_writer import PartitionWriter
from ranking_app.archive.topic_reader import Bounds
from ranking_app.archive.verify import examine, verify_archive
from ranking_app.archive.write import Job, plan_jobs

TOPIC = "reservation.completed"
JUNE_14 = 20_618


def record(offset: int, day: float = JUNE_14) -> ArchivedRecord:
    return ArchivedRecord(offset, None, f"value-{offset}".encode(), (), int(day * DAY_MS))


def records(offsets: Iterable[int], day: float = JUNE_14) -> list[ArchivedRecord]:
    return [record(offset, day) for offset in offsets]


def writer(directory: Path, position: int = 0, gap_from: int | None = None, last_day: int | None = None, partition=0):
    return PartitionWriter(Home(directory, TOPIC, partition), position, gap_from, last_day)


def write(directory: Path, found: list[ArchivedRecord], position: int, end: int, **more) -> PartitionWriter:
    writing = writer(directory, position, **more)
    writing.add(found)
    writing.finish(end)
    return writing


def layout(directory: Path) -> list[tuple[str, int, int]]:
    """Day, first and next offset of each file."""
    found = []
    for path in sorted(directory.rglob("*.parquet")):
        _, first, end = path.stem.split("-")
        found.append((path.parent.name, int(first), int(end)))
    return sorted(found, key=lambda file: file[1])


def offsets(writing: PartitionWriter) -> list[int]:
    return [r.offset for file in writing.files for group in read_records(file, 0) for r in group]


# --- where files begin and end ---


def test_the_first_record_of_a_day_begins_a_file(tmp_path: Path) -> None:
    days = [JUNE_14, JUNE_14 + 1 - 1 / DAY_MS, JUNE_14 + 1, JUNE_14 + 4.5]  # the last millisecond of the 14th is in it
    write(tmp_path, [record(offset, day) for offset, day in enumerate(days)], 0, 4)
    assert layout(tmp_path) == [("2026-06-14", 0, 2), ("2026-06-15", 2, 3), ("2026-06-18", 3, 4)]


def test_a_record_from_an_earlier_day_stays_in_the_file_that_is_open(tmp_path: Path) -> None:
    days = [JUNE_14, JUNE_14 - 1, JUNE_14 - 300, JUNE_14, JUNE_14 + 1, JUNE_14, JUNE_14 + 1]
    write(tmp_path, [record(offset, day) for offset, day in enumerate(days)], 0, 7)
    assert layout(tmp_path) == [("2026-06-14", 0, 4), ("2026-06-15", 4, 7)]


@pytest.mark.parametrize(
    ("timestamp_ms", "day"), [(-1, "1970-01-01"), (2**63 - 1, "9999-12-31"), (-(2**63), "1970-01-01")]
)
def test_a_timestamp_that_no_calendar_has_is_kept_and_gets_the_nearest_day(
    tmp_path: Path, timestamp_ms: int, day: str
) -> None:
    odd = ArchivedRecord(0, None, b"", (), timestamp_ms)
    writing = write(tmp_path, [odd, odd._replace(offset=1)], 0, 2)
    assert layout(tmp_path) == [(day, 0, 2)]
    assert next(read_records(writing.files[0], 0))[0] == odd


def test_a_full_file_is_followed_by_another_of_the_same_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_writer, "FILE_RECORDS", 3)
    writing = writer(tmp_path)
    for offset in (0, 1, 2, 5, 6):
        writing.add([record(offset)])
    writing.finish(9)
    assert layout(tmp_path) == [("2026-06-14", 0, 5), ("2026-06-14", 5, 9)]
    assert offsets(writing) == [0, 1, 2, 5, 6]


def test_offsets_of_markers_and_of_compacted_records_belong_to_the_file_before_them(tmp_path: Path) -> None:
    found = [*records([2, 3, 7]), *records([12], JUNE_14 + 1)]
    writing = write(tmp_path, found, 0, 20)
    assert layout(tmp_path) == [("2026-06-14", 0, 12), ("2026-06-15", 12, 20)]
    assert offsets(writing) == [2, 3, 7, 12]


def test_where_only_markers_came_since_a_file_without_records_says_so(tmp_path: Path) -> None:
    write(tmp_path, records(range(3)), 0, 3)
    writing = write(tmp_path, [], 3, 5, last_day=JUNE_14)
    assert layout(tmp_path) == [("2026-06-14", 0, 3), ("2026-06-14", 3, 5)]
    assert offsets(writing) == [] and examine(tmp_path).problems == []


def test_where_nothing_came_no_file_is_made(tmp_path: Path) -> None:
    write(tmp_path, [], 3, 3, last_day=JUNE_14)
    write(tmp_path, [], 0, 5)  # only markers, and nothing before them that they could be missing after
    assert layout(tmp_path) == []


def test_interrupted_it_keeps_what_has_come(tmp_path: Path) -> None:
    writing = writer(tmp_path)
    writing.add(records([4, 5]))
    writing.keep()
    assert layout(tmp_path) == [("2026-06-14", 0, 6)]
    writing = writer(tmp_path, position=6)
    writing.keep()
    assert layout(tmp_path) == [("2026-06-14", 0, 6)]


def test_after_a_write_that_failed_nothing_of_the_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_writer, "ROW_GROUP_RECORDS", 2)
    writing = writer(tmp_path)
    writing.add(records([0]))
    monkeypatch.setattr(file_writer, "schema", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        writing.add(records([1, 2]))
    writing.keep()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


# --- going on after an earlier run ---


def test_a_run_goes_on_after_the_highest_offset_of_each_partition(tmp_path: Path) -> None:
    write(tmp_path, [*records(range(3)), record(3, JUNE_14 + 1)], 0, 6)
    write(tmp_path, records([7]), 5, 8, partition=2)
    found = standings(tmp_path, TOPIC)
    assert {partition: (at.file.next_offset, at.day) for partition, at in found.items()} == {
        0: (6, JUNE_14 + 1),
        2: (8, JUNE_14),
    }
    assert standings(tmp_path, "other") == {}


def test_a_name_that_its_footer_denies_is_not_gone_on_after(tmp_path: Path) -> None:
    path = write(tmp_path, records(range(3)), 0, 3).files[0].path
    path.rename(path.with_name(path.name.replace("3.parquet", "4.parquet")))
    with pytest.raises(ArchiveDiffers, match="name and its content"):
        standings(tmp_path, TOPIC)


def test_a_file_below_the_name_of_another_topic_is_not_gone_on_after(tmp_path: Path) -> None:
    write(tmp_path, records(range(3)), 0, 3)
    (tmp_path / TOPIC).rename(tmp_path / "other")
    with pytest.raises(ArchiveDiffers, match=TOPIC):
        standings(tmp_path, "other")


def test_files_that_overlap_are_refused(tmp_path: Path) -> None:
    write(tmp_path, records(range(5)), 0, 5)
    write(tmp_path, records([4, 5]), 4, 6)
    with pytest.raises(ArchiveOverlap, match="have the same offsets"):
        standings(tmp_path, TOPIC)


def test_what_a_writer_that_died_has_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    whole = write(tmp_path, records(range(3)), 0, 3).files[0].path
    stale = whole.with_name("00000-00000000000000000003.parquet.partial")
    stale.write_bytes(b"PAR1 half")
    other = whole.with_name("notes.partial")
    other.touch()
    with locked_archive(tmp_path):
        assert whole.exists() and other.exists() and not stale.exists()


def test_a_writer_that_is_killed_leaves_whole_files_and_the_next_goes_on_after_them(tmp_path: Path) -> None:
    killed = (
        "import os, signal, sys; from pathlib import Path; from ranking_app.archive import file_writer\n"
        "from tests.unit.test_archive_write import records, writer\n"
        "file_writer.FILE_RECORDS, file_writer.ROW_GROUP_RECORDS = 3, 1\n"
        "writing = writer(Path(sys.argv[1]))\n"
        "for record in records(range(8)): writing.add([record])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", killed, str(tmp_path)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.rglob("*.partial"))) == 1
    with locked_archive(tmp_path):
        assert standings(tmp_path, TOPIC)[0].file.next_offset == 6
        write(tmp_path, records([6, 7]), 6, 8)
    assert examine(tmp_path).rows[0][2:6] == ("3", "8", "0", "8") and examine(tmp_path).problems == []


def test_a_second_writer_is_refused_and_a_dead_one_does_not_hold_the_lock(tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from ranking_app.archive.directory import locked_archive\n"
        "with locked_archive(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "a")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None and child.stdout.readline() == b"\n"
        with pytest.raises(ArchiveInUse, match=str(tmp_path)), locked_archive(tmp_path / "a"):
            pass
    finally:
        child.kill()
        child.communicate(timeout=30)
    with locked_archive(tmp_path / "a"):
        pass


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveDirUnusable, match="file"), locked_archive(tmp_path / "file"):
        pass


# --- what the brokers still have ---


TP = TopicPartition(TOPIC, 0)


def archived_to(directory: Path, offset: int) -> dict[str, dict[int, Standing]]:
    write(directory, records([offset - 1]), 0, offset)
    return {TOPIC: standings(directory, TOPIC)}


def test_a_partition_that_was_never_archived_begins_where_the_brokers_begin() -> None:
    assert plan_jobs({TP: Bounds(40, 50)}, {TOPIC: {}}, accept_gaps=False) == [Job(TP, 40, 50, None, None)]


@pytest.mark.parametrize("begin", [0, 10, 20])
def test_a_partition_goes_on_where_its_archive_ends(tmp_path: Path, begin: int) -> None:
    archived = archived_to(tmp_path, 20)
    assert plan_jobs({TP: Bounds(begin, 50)}, archived, accept_gaps=False) == [Job(TP, 20, 50, None, JUNE_14)]
    assert plan_jobs({TP: Bounds(begin, 20)}, archived, accept_gaps=False) == [Job(TP, 20, 20, None, JUNE_14)]


def test_offsets_that_the_brokers_deleted_first_are_named_and_only_then_left_out_if_asked(tmp_path: Path) -> None:
    archived = archived_to(tmp_path, 20)
    with pytest.raises(ArchiveGap, match=rf"{TOPIC} partition 0 offsets 20 to 29"):
        plan_jobs({TP: Bounds(30, 50)}, archived, accept_gaps=False)
    assert plan_jobs({TP: Bounds(30, 50)}, archived, accept_gaps=True) == [Job(TP, 30, 50, 20, JUNE_14)]


def test_an_archive_that_ends_after_its_topic_is_of_another_one(tmp_path: Path) -> None:
    with pytest.raises(ArchiveAhead, match="ends at offset 19"):
        plan_jobs({TP: Bounds(0, 19)}, archived_to(tmp_path, 20), accept_gaps=True)


# --- verifying ---


def test_verifying_names_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, [*records(range(3)), record(3, JUNE_14 + 1)], 0, 6)
    write(tmp_path, records([7]), 5, 8, partition=2)
    verify_archive(tmp_path)
    out, err = capsys.readouterr()
    rows = [line.split() for line in out.splitlines()]
    assert [row[:6] for row in rows[1:]] == [[TOPIC, "0", "2", "4", "0", "6"], [TOPIC, "2", "1", "1", "5", "8"]]
    assert all(row[6].startswith("xxh3_64:") for row in rows[1:]) and err == ""


def test_the_checksum_of_a_partition_does_not_depend_on_how_it_is_divided(tmp_path: Path) -> None:
    write(tmp_path / "one", records(range(6)), 0, 6)
    write(tmp_path / "two", records(range(2)), 0, 2)
    write(tmp_path / "two", records(range(2, 6)), 2, 6)
    write(tmp_path / "other", records(range(5)), 0, 6)
    one, two, other = (examine(tmp_path / name).rows[0][6] for name in ("one", "two", "other"))
    assert one == two != other


def test_a_file_that_is_gone_is_noticed_by_the_offsets_around_it(tmp_path: Path) -> None:
    for day in range(3):
        write(tmp_path, records([10 * day], JUNE_14 + day), 10 * day, 10 * day + 10)
    next(tmp_path.rglob("2026-06-15/*.parquet")).unlink()
    assert examine(tmp_path).problems == [
        f"{TOPIC} partition 0: offsets 10 to 19 are missing: a file is gone or cannot be read"
    ]
    with pytest.raises(ArchiveDamaged, match="1 problem in"):
        verify_archive(tmp_path)


def test_a_gap_that_was_accepted_is_told_and_is_no_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, records([0]), 0, 10)
    write(tmp_path, [record(30), record(31, JUNE_14 + 1)], 30, 32, gap_from=10)
    verify_archive(tmp_path)
    assert "offsets 10 to 29 are lost; that was accepted" in capsys.readouterr().out
    next(tmp_path.rglob("*-00000000000000000010.parquet")).unlink()
    write(tmp_path, records([0]), 0, 5)
    assert "offsets 5 to 29 are missing" in examine(tmp_path).problems[0]  # more than what was accepted


def test_overlaps_are_named(tmp_path: Path) -> None:
    write(tmp_path, records(range(5)), 0, 5)
    write(tmp_path, records([4, 5]), 4, 6)
    assert "have the same offsets" in examine(tmp_path).problems[0]


def test_every_damaged_file_is_named_and_the_others_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [write(tmp_path, records([10 * n]), 10 * n, 10 * n + 10, partition=n).files[0].path for n in range(3)]
    paths[0].write_bytes(paths[0].read_bytes()[:-9])
    content = bytearray(paths[1].read_bytes())
    content[content.index(b"value-10")] ^= 1
    paths[1].write_bytes(content)
    with pytest.raises(ArchiveDamaged, match="2 problems"):
        verify_archive(tmp_path)
    out, err = capsys.readouterr()
    assert [str(path) in err for path in paths] == [True, True, False]
    assert "row group 0" in err
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [(row[1], row[6] == "damaged") for row in rows] == [("1", True), ("2", False)]


def test_a_directory_without_archives_is_wrong_use(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ArchiveNotFound):
            verify_archive(directory)


def test_a_file_with_another_name_does_not_pass(tmp_path: Path) -> None:
    path = write(tmp_path, records([0]), 0, 1).files[0].path
    path.rename(path.with_name("copy.parquet"))
    assert "expected a name such as" in examine(tmp_path).problems[0]
    with pytest.raises(ArchiveUnreadable):
        standings(tmp_path, TOPIC)
