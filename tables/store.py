"""The local store of one changelog partition: RocksDB in, bytes out, and the changelog offset it stands at."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from rocksdict import Rdict, ReadOptions, WriteBatch

from ranking_app.data_dir import DAMAGED_MARK, is_damage
from ranking_app.errors import RankingError

CHANGELOG_OFFSET_KEY = b"__faust\0offset__"
"""Where Faust keeps it (faust.stores.rocksdb.Store.offset_key): the last changelog offset that is in the store."""

Pair = tuple[bytes, bytes | None]
"""A key and its new value; None deletes it."""

MOST_WAITING, MOST_WAITING_BYTES = 2_000, 4_000_000
"""Pairs, and bytes of the values that came, which RocksDB has not been given yet. Live flushes write the same panes
again and again: what RocksDB never gets needs no place in its buffers, which it writes to the disk. More pairs
would take longer in one go than others should wait."""


class StoreDamaged(RankingError):
    """What stands in the local store cannot be read. It is restored from Kafka when the worker starts again.

    Operator: start the worker again (a supervisor does); look after the disk if it comes back.
    """

    retriable = True


class StoreNotWritable(RankingError):
    """The local store cannot be written, most often because the disk is full. Nothing is lost: the changelog has it.

    Operator: free space (or point RANKING_DATA_DIR elsewhere; it is restored from Kafka), start the worker again.
    """

    retriable = True


class PartitionStore:
    """What the panes table needs of RocksDB. Not thread-safe; closed by whoever opened the database.

    What is written waits here until there is enough of it for RocksDB, or somebody has all of it written: a crash takes
    it, as it takes what RocksDB has in memory, and the changelog has both (docs/decisions/0017).
    """

    def __init__(self, db: Rdict) -> None:
        self._db = db
        self._waiting: dict[bytes, bytes | None] = {}
        self._waiting_bytes = 0
        value = db.get(CHANGELOG_OFFSET_KEY)
        self.changelog_offset: int | None = None if value is None else int(value)
        """The last changelog offset that is in here; None in a new store."""
        self._offset_in_db = self.changelog_offset

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        if key in self._waiting:
            return self._waiting[key]
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._named(error) from error
        return value

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All pairs whose key begins with prefix, in the order of keys."""
        self.write_waiting()
        options = ReadOptions()
        options.set_iterate_upper_bound(_after(prefix))
        try:
            yield from self._db.items(from_key=prefix, read_opt=options)
        except Exception as error:
            raise self._named(error) from error

    def last_key(self, prefix: bytes) -> bytes | None:
        """The last key that begins with prefix, in the order of keys; None where none does."""
        self.write_waiting()
        options = ReadOptions()
        options.set_iterate_upper_bound(_after(prefix))
        try:
            found: list[Any] = list(islice(self._db.keys(backwards=True, read_opt=options), 1))
        except Exception as error:
            raise self._named(error) from error
        return next((key for key in found if key.startswith(prefix)), None)

    def write(self, pairs: Sequence[Pair], changelog_offset: int) -> None:
        """Take what the changelog has acknowledged, together with the offset it has it at, all or nothing."""
        if len(self._waiting) + len(pairs) > MOST_WAITING:
            self._write_waiting_and(pairs, changelog_offset)
            return
        self._waiting.update(pairs)
        self._waiting_bytes += sum([len(value) for _, value in pairs if value is not None])
        self.changelog_offset = changelog_offset
        if self._waiting_bytes > MOST_WAITING_BYTES:
            self.write_waiting()

    def write_waiting(self) -> None:
        """Have RocksDB hold all that was written here. StoreNotWritable, StoreDamaged; it waits on then."""
        if self.changelog_offset is not None and self.changelog_offset != self._offset_in_db:
            self._write_waiting_and((), self.changelog_offset)

    def put_many(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Write pairs that are only local: derived, not in the changelog."""
        batch = WriteBatch(raw_mode=True)
        for key, value in pairs:
            batch.put(key, value)
        self._write(batch)

    def delete_prefix(self, prefix: bytes) -> None:
        """Delete local pairs whose key begins with prefix."""
        self._db.delete_range(prefix, _after(prefix))

    def clear(self) -> None:
        """Delete everything: the store does not fit its changelog any more."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._db.delete_range(b"", b"\xff" * 64)
        self.changelog_offset = self._offset_in_db = None

    def damaged(self, reason: str) -> StoreDamaged:
        """The error to raise; from now on the store is marked, and whoever opens it next begins anew."""
        (Path(self._db.path()) / DAMAGED_MARK).touch()
        return StoreDamaged(f"the store {self._db.path()} is damaged: {reason}; the next start restores it from Kafka")

    def _write_waiting_and(self, pairs: Sequence[Pair], changelog_offset: int) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, value in chain(self._waiting.items(), pairs):
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(CHANGELOG_OFFSET_KEY, str(changelog_offset).encode())
        self._write(batch)
        self._waiting.clear()
        self._waiting_bytes = 0
        self.changelog_offset = self._offset_in_db = changelog_offset

    def _write(self, batch: WriteBatch) -> None:
        try:
            self._db.write(batch)
        except Exception as error:
            raise self._named(error) from error

    def _named(self, error: Exception) -> Exception:
        """An error of RocksDB by its cause: rocksdict raises Exception for all of them."""
        if is_damage(error):
            return self.damaged(str(error))
        if "IO error" in str(error):
            return StoreNotWritable(
                f"the store {self._db.path()} cannot be written ({error}); free space on its disk, then start the "
                "worker again"
            )
        return error


def _after(prefix: bytes) -> bytes:
    """The first key after all those that begin with prefix; prefix must not be all 0xff."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1])
