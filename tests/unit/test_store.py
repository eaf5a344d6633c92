"""The local store on a real RocksDB: what was written is there again, with the offset it stands at (invariant 3)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rocksdict import AccessType, Options, Rdict, WriteBatch

from ranking_app.data_dir import DAMAGED_MARK
from tables.store import (
    CHANGELOG_OFFSET_KEY,
    MOST_WAITING,
    MOST_WAITING_BYTES,
    PartitionStore,
    StoreDamaged,
    StoreNotWritable,
)


def opened(path: Path) -> Rdict:
    return Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_write())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PartitionStore]:
    db = opened(tmp_path / "db")
    yield PartitionStore(db)
    db.close()


def test_a_write_is_there_with_its_changelog_offset_after_a_reopening(tmp_path: Path) -> None:
    db = opened(tmp_path / "db")
    store = PartitionStore(db)
    store.write([(b"a", b"1"), (b"b", b"2")], 7)
    store.write_waiting()
    db.close()
    db = opened(tmp_path / "db")
    again = PartitionStore(db)
    assert (again.get(b"a"), again.get(b"b"), again.changelog_offset) == (b"1", b"2", 7)
    db.close()


def test_a_new_store_stands_nowhere(store: PartitionStore) -> None:
    assert store.changelog_offset is None


def test_none_deletes(store: PartitionStore) -> None:
    store.write([(b"a", b"1")], 0)
    store.write([(b"a", None)], 1)
    assert (store.get(b"a"), store.changelog_offset) == (None, 1)


def test_what_waits_is_found_and_rocksdb_gets_the_newest_of_it_with_its_offset(tmp_path: Path) -> None:
    db = opened(tmp_path / "db")
    store = PartitionStore(db)
    store.write([(b"a", b"1"), (b"b", b"1"), (b"c", b"1")], 2)
    store.write_waiting()
    store.write([(b"a", b"2"), (b"b", None)], 4)
    store.write([(b"a", b"3")], 5)
    in_rocksdb = [db.get(key) for key in (b"a", b"b", b"c", CHANGELOG_OFFSET_KEY)]
    assert in_rocksdb == [b"1", b"1", b"1", b"2"], "a part of what waits is never there"
    assert [store.get(key) for key in (b"a", b"b", b"c")] == [b"3", None, b"1"]
    assert store.changelog_offset == 5
    store.write_waiting()
    assert [db.get(key) for key in (b"a", b"b", b"c", CHANGELOG_OFFSET_KEY)] == [b"3", None, b"1", b"5"]
    db.close()


def test_only_so_many_pairs_wait(tmp_path: Path) -> None:
    db = opened(tmp_path / "db")
    store = PartitionStore(db)
    for number in range(MOST_WAITING):
        store.write([(b"%d" % number, b"x")], number)
    waits = db.get(CHANGELOG_OFFSET_KEY) is None
    store.write([(b"more", b"x")], MOST_WAITING)
    assert (waits, db.get(b"0"), db.get(b"more")) == (True, b"x", b"x")
    assert db.get(CHANGELOG_OFFSET_KEY) == b"%d" % MOST_WAITING
    db.close()


def test_only_so_many_bytes_wait_also_of_one_pane_that_is_written_again_and_again(tmp_path: Path) -> None:
    db = opened(tmp_path / "db")
    store = PartitionStore(db)
    for number in range(5):
        store.write([(b"a", b"x" * (MOST_WAITING_BYTES // 4))], number)
    assert db.get(CHANGELOG_OFFSET_KEY) == b"4"
    store.write([(b"a", b"y")], 5)
    assert db.get(CHANGELOG_OFFSET_KEY) == b"4", "they are counted from the last time on"
    db.close()


def test_an_offset_alone_reaches_rocksdb(tmp_path: Path) -> None:
    db = opened(tmp_path / "db")
    store = PartitionStore(db)
    store.write([], 9)
    store.write_waiting()
    assert PartitionStore(db).changelog_offset == 9
    db.close()


def test_where_rocksdb_takes_nothing_the_store_stands_where_it_stood(tmp_path: Path) -> None:
    db = opened(tmp_path / "db")
    full = Full(db)
    store = PartitionStore(full)  # type: ignore[arg-type]
    store.write([(b"a", b"1")], 0)
    with pytest.raises(StoreNotWritable):
        store.write_waiting()
    with pytest.raises(StoreNotWritable):
        store.write([(b"%d" % number, b"2") for number in range(MOST_WAITING)], MOST_WAITING)
    full.is_full = False
    store.write_waiting()
    assert (db.get(b"a"), db.get(b"0"), db.get(CHANGELOG_OFFSET_KEY)) == (b"1", None, b"0")
    db.close()


class Full:
    """A RocksDB on a disk that is full."""

    def __init__(self, db: Rdict) -> None:
        self.db = db
        self.is_full = True

    def get(self, key: bytes) -> Any:
        return self.db.get(key)

    def path(self) -> str:
        return str(self.db.path())

    def write(self, batch: WriteBatch) -> None:
        if self.is_full:
            raise Exception("IO error: No space left on device")
        self.db.write(batch)


def test_a_scan_gives_the_pairs_of_its_prefix_in_order(store: PartitionStore) -> None:
    store.write([(b"pb", b"2"), (b"q", b"4"), (b"pa", b"1"), (b"p\xff", b"3"), (b"o", b"0")], 0)
    assert list(store.scan(b"p")) == [(b"pa", b"1"), (b"pb", b"2"), (b"p\xff", b"3")]


def test_the_last_key_is_that_of_its_prefix_alone(store: PartitionStore) -> None:
    assert store.last_key(b"p") is None
    store.write([(b"o", b"0"), (b"pa", b"1"), (b"p\xff\xff\xff", b"3"), (b"pb", b"2"), (b"q", b"4")], 0)
    assert (store.last_key(b"p"), store.last_key(b"pa"), store.last_key(b"n")) == (b"p\xff\xff\xff", b"pa", None)
    store.write([(b"p\xff\xff\xff", None)], 1)
    assert (store.last_key(b"p"), store.last_key(b"pc"), store.last_key(b"z")) == (b"pb", None, None)


def test_a_store_that_cannot_be_read_is_marked_for_whoever_opens_it_next(store: PartitionStore, tmp_path: Path) -> None:
    error = store.damaged("a block")
    assert "restores it from Kafka" in str(error)
    assert (tmp_path / "db" / DAMAGED_MARK).exists()


def test_errors_of_the_store_are_told_by_their_cause(tmp_path: Path) -> None:
    class Failing:
        """A RocksDB that fails as rocksdict does."""

        def get(self, key: bytes) -> bytes | None:
            if key == CHANGELOG_OFFSET_KEY:
                return None
            raise Exception(key.decode())

        def path(self) -> str:
            return str(tmp_path)

    failing = PartitionStore(Failing())  # type: ignore[arg-type]
    with pytest.raises(StoreDamaged, match="block checksum mismatch"):
        failing.get(b"Corruption: block checksum mismatch")
    assert (tmp_path / DAMAGED_MARK).exists()
    with pytest.raises(StoreNotWritable, match="free space"):
        failing.get(b"IO error: No space left on device")
    with pytest.raises(Exception, match="something else"):
        failing.get(b"something else")


def test_clearing_leaves_a_new_store(store: PartitionStore) -> None:
    store.write([(b"p\xff\xff", b"1"), (b"a", b"2")], 5)
    store.clear()
    store.write_waiting()
    assert (list(store.scan(b"a")), store.get(b"p\xff\xff"), store.changelog_offset) == ([], None, None)
