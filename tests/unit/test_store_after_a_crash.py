"""A worker's store has no log of its own: a crash takes it back to one of its writes, a clean end takes nothing."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ranking_app.upstream.store import opened
from tables.store import PartitionStore

WRITES, TOGETHER, FLUSHED_AFTER = 100, 7, 41
"""Some are put together for RocksDB; it is flushed after one that is."""

WRITER = f"""
import os, signal, sys
from pathlib import Path
from ranking_app.upstream.store import opened
from tables.store import PartitionStore

db = opened(Path(sys.argv[1]))
store = PartitionStore(db)
for number in range({WRITES}):
    store.write([(b"pane", b"%d" % number), (b"of %d" % number, b"x")], number)
    if number % {TOGETHER} == {TOGETHER} - 1:
        store.write_waiting()
    if number == {FLUSHED_AFTER}:
        db.flush()
if sys.argv[2] == "close":
    store.write_waiting()
    db.close()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("how", "stands_at"), [("close", WRITES - 1), ("crash", FLUSHED_AFTER)])
def test_it_stands_at_one_of_its_writes_with_all_that_came_before(tmp_path: Path, how: str, stands_at: int) -> None:
    died = subprocess.run([sys.executable, "-c", WRITER, tmp_path / "db", how])
    assert died.returncode == -signal.SIGKILL
    db = opened(tmp_path / "db")
    store = PartitionStore(db)
    assert store.changelog_offset == int(store.get(b"pane") or -1) == stands_at
    assert [store.get(b"of %d" % number) is not None for number in range(WRITES)] == [
        number <= stands_at for number in range(WRITES)
    ]
    db.close()
