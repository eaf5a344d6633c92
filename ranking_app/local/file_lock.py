"""A lock between processes, on a file: whoever holds it may change the directory the file lies in.

The system gives the lock back when its holder dies, however it dies.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock on this file, which is made as needed. Says `waiting` on stderr if it has to wait."""
    file = try_lock(path)
    if file is None:
        click.echo(waiting, err=True)
        file = path.open("a")
        fcntl.flock(file, fcntl.LOCK_EX)
    with file:
        yield


def try_lock(path: Path) -> IO[str] | None:
    """The lock on this file, held until it is closed; None if another has it. OSError if it does not open."""
    file = path.open("a")
    if sys.platform == "win32":  # it has no flock; two at the same moment are the user's own risk there
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
