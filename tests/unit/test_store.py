"""The local store on a real RocksDB: what was written is there again, with the offset it stands at (invariant 3)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rocksdict import AccessType, Options, Rdict

from ranking_app.data_dir import DAMAGED_MARK
from tables.store import CHANGELOG_OFFSET_KEY, PartitionStore, StoreDamaged, StoreNotWritable


def opened(path: Path) -> Rdict:
    return Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_write())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PartitionStore]:
    db = opened(tmp_path / "db")
    yield PartitionStore(db)
    db.close()


def test_a_write_is_there_with_its_changelog_offset_after_a_reopening(tmp_path: Path) -> None:
    db = opened(tmp_path / "db")
    PartitionStore(db).write([(b"a", b"1"), (b"b", b"2")], 7)
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
    assert (list(store.scan(b"a")), store.get(b"p\xff\xff"), store.changelog_offset) == ([], None, None)
