"""Archive files: every record comes back as it was, and nothing that was changed is taken for it."""

import os
import sys
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranking_app.archive import arrow as arrow_module
from ranking_app.archive import file_writer
from ranking_app.archive.checksum import framed
from ranking_app.archive.errors import ArchiveDiffers, ArchiveDirUnusable, ArchiveExtraMissing, ArchiveUnreadable
from ranking_app.archive.file_writer import Home, PartialFile
from ranking_app.archive.files import ArchivedRecord, ArchiveFile, check_file, describe_file, read_records

TOPIC = "reservation.completed"
NULL_HEADER: bytes = None  # type: ignore[assignment]  # Kafka has it, whatever the types say
ODD = [
    ArchivedRecord(3, None, b'{"a":1}', (), 1_781_434_803_412),
    ArchivedRecord(4, b"", b"", (("", b""), ("", b"")), 0),
    ArchivedRecord(9, b"key", None, (("trace", b"\x00\xff"), ("trace", NULL_HEADER)), -1),
    ArchivedRecord(10, "열쇠".encode(), "공연 🎸".encode(), (("제목", "값".encode()),), 2**63 - 1),
    ArchivedRecord(2**62, b"\xff\xfe", b"\x00" * 5_000, (), -(2**63)),
]


def written(directory: Path, records: list[ArchivedRecord], next_offset: int | None = None) -> ArchiveFile:
    file = PartialFile(Home(directory, TOPIC, 2), day=20_618, first_offset=records[0].offset, gap_from=None)
    for record in records:
        file.add([record])
    return file.close(records[-1].offset + 1 if next_offset is None else next_offset)


def read(file: ArchiveFile, from_offset: int = 0) -> list[ArchivedRecord]:
    return [record for group in read_records(file, from_offset) for record in group]


@pytest.fixture(params=[1, 2, 50_000])
def group_records(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(file_writer, "ROW_GROUP_RECORDS", request.param)
    return int(request.param)


def test_every_record_comes_back_as_it_was(tmp_path: Path, group_records: int) -> None:
    file = written(tmp_path, ODD)
    assert read(file) == ODD
    assert len(list(read_records(file, 0))) == -(-len(ODD) // group_records)
    check_file(file)


@pytest.mark.usefixtures("group_records")
@pytest.mark.parametrize("from_offset", [0, 3, 4, 5, 9, 10, 11, 2**62, 2**62 + 1])
def test_reading_begins_at_any_offset_also_one_that_no_record_has(tmp_path: Path, from_offset: int) -> None:
    assert read(written(tmp_path, ODD), from_offset) == [r for r in ODD if r.offset >= from_offset]


def test_a_file_says_what_it_holds_and_where_the_next_begins(tmp_path: Path) -> None:
    file = written(tmp_path, ODD[:4], next_offset=17)
    name = "00002-00000000000000000003-00000000000000000017.parquet"
    assert file.path == tmp_path / TOPIC / "2026-06-14" / name
    assert (file.topic, file.partition, file.first_offset, file.next_offset, file.records) == (TOPIC, 2, 3, 17, 4)
    assert describe_file(file.path) == file
    assert [path.name for path in file.path.parent.iterdir()] == [name]


def test_the_columns_are_those_of_the_documentation(tmp_path: Path) -> None:
    from pyarrow import parquet

    table = parquet.read_table(written(tmp_path, ODD).path, partitioning=None)
    assert {field.name: str(field.type) for field in table.schema} == {
        "partition": "int32",
        "offset": "int64",
        "timestamp": "int64",
        "key": "binary",
        "value": "binary",
        "headers": "list<element: struct<key: string not null, value: binary> not null>",
    }
    assert table.column("headers")[3].as_py() == [{"key": "제목", "value": "값".encode()}]
    column = parquet.read_metadata(written(tmp_path / "b", ODD).path).row_group(0).column(4)
    assert (column.path_in_schema, column.compression) == ("value", "ZSTD")


def test_a_large_row_group_ends_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_writer, "ROW_GROUP_BYTES", 1_000)
    records = [ArchivedRecord(offset, None, bytes(400), (), 0) for offset in range(9)]
    assert [len(group) for group in read_records(written(tmp_path, records), 0)] == [3, 3, 3]


byte_strings = st.none() | st.binary(max_size=20)
headers: Any = st.lists(st.tuples(st.text(max_size=5), byte_strings), max_size=3).map(tuple)
times_ms = st.integers(-(2**63), 2**63 - 1)
some_records = st.lists(
    st.tuples(st.integers(0, 2**40), byte_strings, byte_strings, headers, times_ms),
    min_size=1,
    max_size=12,
    unique_by=lambda fields: fields[0],
).map(lambda rows: [ArchivedRecord(*row) for row in sorted(rows, key=lambda fields: fields[0])])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=some_records, from_offset=st.integers(0, 2**40), group=st.integers(1, 5))
def test_any_records_come_back_from_any_offset(
    tmp_path_factory: pytest.TempPathFactory, records: list[ArchivedRecord], from_offset: int, group: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_writer, "ROW_GROUP_RECORDS", group)
        file = written(tmp_path_factory.mktemp("any"), records)
    assert read(file, from_offset) == [r for r in records if r.offset >= from_offset]
    check_file(describe_file(file.path))


@given(one=some_records, other=some_records)
def test_different_records_have_different_bytes_under_the_checksum(
    one: list[ArchivedRecord], other: list[ArchivedRecord]
) -> None:
    assert (framed(one) == framed(other)) is (one == other)
    assert framed(one) + framed(other) == framed([*one, *other])


# --- what is wrong with a file ---


def damaged(file: ArchiveFile, content: bytes) -> bool:
    """Whether reading a file with this content says so; it may also have the same records, never others."""
    file.path.write_bytes(content)
    try:
        found = describe_file(file.path)
        check_file(found)
    except ArchiveUnreadable:
        return True
    assert read(found) == ODD
    return False


def test_a_byte_that_was_flipped_anywhere_is_found_or_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, ODD)
    content = file.path.read_bytes()
    found = 0
    for at in range(len(content)):
        found += damaged(file, content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
    assert found > len(content) // 4  # much of so small a file is names and statistics that nobody reads


def test_a_flipped_byte_in_a_page_is_named_by_file_and_row_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writer, "ROW_GROUP_RECORDS", 1)
    file = written(tmp_path, [ArchivedRecord(n, None, f"value-{n}-".encode() * 9, (), 0) for n in range(3)])
    content = bytearray(file.path.read_bytes())
    content[content.index(b"value-1-") + 3] ^= 1
    file.path.write_bytes(content)
    groups = read_records(file, 0)
    assert [r.offset for r in next(groups)] == [0]
    with pytest.raises(ArchiveUnreadable, match=rf"{file.path}, row group 1: "):
        next(groups)
    assert [r.offset for r in read(file, 2)] == [2]


def test_a_file_that_is_cut_off_anywhere_is_unreadable(tmp_path: Path) -> None:
    file = written(tmp_path, ODD)
    content = file.path.read_bytes()
    for size in [*range(0, len(content), 97), len(content) - 1]:
        assert damaged(file, content[:size])


def test_a_file_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    file = written(tmp_path, ODD)
    file.path.unlink()
    with pytest.raises(ArchiveUnreadable, match=str(file.path)):
        describe_file(file.path)
    with pytest.raises(ArchiveUnreadable, match=str(file.path)):
        read(file)


def test_a_file_under_the_name_of_another_differs(tmp_path: Path) -> None:
    file = written(tmp_path, ODD[:4])
    renamed = file.path.with_name("00001-00000000000000000003-00000000000000000011.parquet")
    copy(file.path, renamed)
    with pytest.raises(ArchiveDiffers, match="name and its content"):
        describe_file(renamed)


@pytest.mark.parametrize(
    "name",
    ["x.parquet", "00002-3-17.parquet", "00002-00000000000000000017-00000000000000000017.parquet"],
    ids=["any name", "not padded", "empty range"],
)
def test_a_name_that_says_no_range_of_offsets_is_unreadable(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    copy(written(tmp_path, ODD[:4]).path, path)
    with pytest.raises(ArchiveUnreadable, match="expected a name such as"):
        describe_file(path)


def test_another_parquet_file_under_such_a_name_is_no_archive(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "00002-00000000000000000003-00000000000000000017.parquet"
    parquet.write_table(pyarrow.table({"a": [1]}), path)
    with pytest.raises(ArchiveUnreadable, match="has not the columns"):
        describe_file(path)


def test_offsets_out_of_order_are_found_though_the_checksum_is_right(tmp_path: Path) -> None:
    file = written(tmp_path, [ODD[0], ODD[2], ODD[1]], next_offset=17)
    with pytest.raises(ArchiveDiffers, match="offset 4 stands after 9"):
        check_file(file)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / TOPIC).write_text("a file where a directory belongs")
    with pytest.raises(ArchiveDirUnusable, match=TOPIC):
        written(tmp_path, ODD)


def test_a_disk_that_is_full_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArchiveDirUnusable, match="No space left"):
        written(tmp_path, ODD)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    arrow_module.arrow.cache_clear()
    try:
        with pytest.raises(ArchiveExtraMissing, match=r"pip install 'ranking-app\[archive\]'") as caught:
            arrow_module.arrow()
    finally:
        arrow_module.arrow.cache_clear()
    assert caught.value.exit_code == 2
