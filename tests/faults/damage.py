"""What happens to a data directory: files cut off, bytes turned over, no room for more."""

import resource
import sys
from pathlib import Path
from random import Random

PATTERNS = ("*.log", "*.sst", "MANIFEST-*", "CURRENT", "OPTIONS-*")
"""RocksDB's log of writes, tables, list of tables, pointer to that list, and its own settings."""

FLIPPED_BYTES = 16
ROOM_FOR_LOG_LINES = 64 * 1024


def has_store(data_dir: Path) -> bool:
    """Whether there is a RocksDB in it."""
    return any(data_dir.rglob("CURRENT"))


def damage_store(data_dir: Path, seed: int, truncate: bool) -> str:
    """Damage one RocksDB file of a worker that does not run; says what was done, also if there was nothing."""
    random = Random(seed)
    for pattern in random.sample(PATTERNS, len(PATTERNS)):
        files = sorted(path for path in data_dir.rglob(pattern) if path.is_file() and path.stat().st_size > 0)
        if files:
            file = random.choice(files)
            size = file.stat().st_size
            at = random.randrange(size)
            done = _truncate(file, at) if truncate else _flip(file, at)
            return f"{file.parent.name}/{file.name} ({size:,} bytes) {done}"
    return "there was no store yet"


def _truncate(file: Path, at: int) -> str:
    with file.open("r+b") as opened:
        opened.truncate(at)
    return f"cut off at byte {at:,}"


def _flip(file: Path, at: int) -> str:
    with file.open("r+b") as opened:
        opened.seek(at)
        found = opened.read(FLIPPED_BYTES)
        opened.seek(at)
        opened.write(bytes(byte ^ 0xFF for byte in found))
    return f"with {len(found)} bytes turned over at byte {at:,}"


def can_limit_files() -> bool:
    """Only Linux can change the limits of a process that runs."""
    return sys.platform == "linux"


def fill_disk(pid: int, log: Path) -> None:
    """From now on no file of this process may grow beyond its log's size and a little: RocksDB's logs will not fit.

    A limit that needs no privileges, in place of a full file system: writes fail with EFBIG, not ENOSPC.
    """
    if sys.platform == "linux":
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size + ROOM_FOR_LOG_LINES, hard))


def free_disk(pid: int) -> None:
    """There is room again."""
    if sys.platform == "linux":
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
