"""The data directory of a worker: made, writable, and used by one worker at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ranking_app.errors import RankingError

DAMAGED_MARK = "damaged"
"""A file of this name in a store says that the store cannot be read: whoever opens it next begins with an empty one."""


class DataDirUnusable(RankingError):
    """The data directory cannot be written. Operator: correct RANKING_DATA_DIR or the directory's rights."""


class DataDirInUse(RankingError):
    """Another worker uses the data directory. Operator: give each worker a RANKING_DATA_DIR of its own."""


def is_damage(error: Exception) -> bool:
    """Whether RocksDB says that a store's files are not what it wrote. It tells only by the text."""
    return "Corruption" in str(error)


@contextmanager
def locked_data_dir(path: Path) -> Iterator[None]:
    """Hold the directory while the worker runs; the lock goes with the process, however it ends."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "worker.lock", os.O_RDWR | os.O_CREAT, 0o600)
        (path / "writable").write_bytes(b"")
    except OSError as exc:
        raise DataDirUnusable(
            f"the data directory {path} cannot be written ({exc.strerror}): set RANKING_DATA_DIR to one that can"
        ) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise DataDirInUse(
            f"the data directory {path} is in use by another worker: set RANKING_DATA_DIR, one for each worker"
        ) from None
    try:
        yield
    finally:
        os.close(lock)
