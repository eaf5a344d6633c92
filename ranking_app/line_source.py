"""Lines of a file, a gzipped file or standard input, read by a thread: the event loop never waits."""

import asyncio
import contextlib
import gzip
import os
import stat
import threading
import zlib
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import BinaryIO

from ranking_app.errors import RankingError, WrongUse

BLOCK_BYTES = 256 * 1024
"""About a thousand events: small enough to pass on at once, large enough for the hop of threads."""

BLOCKS_AHEAD = 4

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class InputUnusable(WrongUse):
    """The file does not exist, may not be read, or is not what its name says. Operator: correct the name."""


class InputDamaged(RankingError):
    """The file could be read in part only; what came before was sent. Operator: get a whole copy."""


class LineSource:
    """`async for lines in source.blocks()` gives lists of lines without their ends, a few blocks ahead.

    path: a file, gzipped if its name ends in .gz, or "-": standard input. InputUnusable if that fails.
    """

    def __init__(self, path: str) -> None:
        self._name = "standard input" if path == "-" else path
        try:
            self._raw: BinaryIO = _standard_input() if path == "-" else Path(path).open("rb", buffering=0)  # noqa: SIM115
            info = os.fstat(self._raw.fileno())
        except (OSError, ValueError) as exc:
            raise InputUnusable(f"cannot read {self._name}: {_reason(exc)}") from exc
        self.size_bytes = info.st_size if stat.S_ISREG(info.st_mode) else None
        """Size of the file as it lies on the disk; None for a pipe or a terminal."""
        self._unzipped = gzip.GzipFile(fileobj=self._raw) if path.endswith(".gz") else None
        self._blocks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(BLOCKS_AHEAD)

    @property
    def read_bytes(self) -> int:
        """How much of size_bytes has been read; 0 where that is None."""
        return 0 if self.size_bytes is None else self._raw.tell()

    @property
    def would_wait(self) -> bool:
        """True when nothing has been read ahead: the moment to send what is there."""
        return self._blocks.empty()

    async def blocks(self) -> AsyncIterator[list[bytes]]:
        """The lines, in order. InputUnusable if not even the first block can be read, else InputDamaged."""
        loop = asyncio.get_running_loop()
        # A daemon of its own, not the loop's executor: a read of a silent terminal never returns, and the
        # interpreter would wait for an executor's thread before it exits.
        threading.Thread(target=self._read, args=(loop,), name="line-source", daemon=True).start()
        started = False
        open_line: list[bytes] = []
        while (block := await self._blocks.get()) is not None:
            if isinstance(block, Exception):
                kind = InputDamaged if started else InputUnusable
                raise kind(f"cannot read {self._name}: {_reason(block)}") from block
            if not started:
                started, block = True, block.removeprefix(BYTE_ORDER_MARK)
            head, newline, rest = block.partition(b"\n")
            open_line.append(head)
            if newline:
                *lines, last = rest.split(b"\n")
                yield [b"".join(open_line), *lines]
                open_line = [last]
        if any(open_line):
            yield [b"".join(open_line)]

    def close(self) -> None:
        """Close the file. Standard input is left alone: its reader may still wait in it."""
        if self._raw.name != 0:
            self._raw.close()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        item: bytes | Exception | None = b""
        while isinstance(item, bytes):
            try:
                item = self._read_block() or None
            except (OSError, EOFError, ValueError, zlib.error) as exc:
                item = exc
            putting = self._blocks.put(item)
            try:
                asyncio.run_coroutine_threadsafe(putting, loop).result()
            except (RuntimeError, CancelledError):
                putting.close()  # the loop has ended before the file did
                return

    def _read_block(self) -> bytes:
        if self._unzipped is not None:
            return self._unzipped.read1(BLOCK_BYTES)
        return self._raw.read(BLOCK_BYTES)


def _standard_input() -> BinaryIO:
    # The bare descriptor: sys.stdin.buffer has a lock, and a reader that waits would hold it at the exit.
    return os.fdopen(0, "rb", buffering=0, closefd=False)


def _reason(exc: Exception) -> str:
    with contextlib.suppress(AttributeError):
        if exc.strerror:  # type: ignore[attr-defined]
            return str(exc.strerror)  # type: ignore[attr-defined]
    return str(exc) or type(exc).__name__
