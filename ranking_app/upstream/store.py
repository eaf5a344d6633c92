"""Faust's RocksDB store with bounded memory and handles that are really closed.

Replaces `_open_for_partition`, `revoke_partitions` and `stop` of the store, and `_new_store_by_url` of the table
(faust-streaming 0.15.3). Upstream gives each partition a block cache of 2 GiB, and only drops its handles: the lock
of a revoked partition then stays until the garbage collector comes by (docs/decisions/0003-own-recovery.md).
"""

import shutil
from pathlib import Path
from typing import Any

import faust
import rocksdict
import structlog
from faust.stores import rocksdb
from faust.types import TP

from ranking_app.data_dir import DAMAGED_MARK, is_damage

log = structlog.get_logger()

BLOCK_CACHE_BYTES = 64 * 1024 * 1024
WRITE_BUFFER_BYTES = 16 * 1024 * 1024


class ClosingStore(rocksdb.Store):
    """One RocksDB per changelog partition, opened when it is assigned and closed when it is revoked."""

    def _open_for_partition(self, partition: int) -> rocksdict.Rdict:
        path = self.partition_path(partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        if (path / DAMAGED_MARK).exists():
            self._discard(path, partition, "a worker found it damaged")
        try:
            return opened(path)
        except Exception as error:  # rocksdict has one class for everything
            if not is_damage(error):
                raise
            self._discard(path, partition, str(error))
            return opened(path)

    def _discard(self, path: Path, partition: int, reason: str) -> None:
        """All of it is in the changelog, from where it is restored."""
        log.warning("store_damaged", partition=partition, reason=reason)
        shutil.rmtree(path)

    def revoke_partitions(self, table: Any, tps: set[TP]) -> None:
        """Close the stores of these changelog partitions."""
        for tp in tps:
            if tp.topic in table.changelog_topic.topics:
                self.close_partition(tp.partition)

    def close_partition(self, partition: int) -> None:
        """Close one store, if it is open: its lock is free when this returns."""
        db = self._dbs.pop(partition, None)
        if db is not None:
            db.close()

    async def stop(self) -> None:
        """Close all."""
        for partition in list(self._dbs):
            self.close_partition(partition)


class StoredTable(faust.Table[Any, Any]):
    """A Faust table whose store is ours. Its keys and values are bytes; tables.panes reads and writes them."""

    def _new_store_by_url(self, url: Any) -> ClosingStore:
        return ClosingStore(
            url,
            self.app,
            self,
            table_name=self.name,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )


def opened(path: Path) -> rocksdict.Rdict:
    """A store as a worker has it: bytes in and out, and without a log of its own (docs/decisions/0017).

    What it holds is in the changelog already, and each write says up to where. What a crash takes from memory, two
    write buffers at most, is read from there again; what is on the disk is everything up to one of the writes.
    """
    db = rocksdict.Rdict(str(path), options=_options())
    unlogged = rocksdict.WriteOptions()
    unlogged.disable_wal = True  # type: ignore[assignment]  # a property; the stub has a method
    db.set_write_options(unlogged)
    return db


def _options() -> rocksdict.Options:
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_max_open_files(256)
    blocks = rocksdict.BlockBasedOptions()
    blocks.set_block_cache(rocksdict.Cache(BLOCK_CACHE_BYTES))
    blocks.set_bloom_filter(10, False)
    options.set_block_based_table_factory(blocks)
    return options
