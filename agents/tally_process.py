"""The worker's side of agents/tally_child.py: half of a backlog is decoded beside the worker's own loop.

Python runs one thread of a process at a time, and half of the work on a backlog needs nothing of the worker's state.
Nothing depends on the process: where it is busy, not there yet, or gone, the worker does the work itself.

Two threads hand on what is asked and answered: the loop may be busy for longer than what is in the pipes lasts.
"""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, BinaryIO, Protocol, cast

from agents.pending import Record
from agents.tally_child import Request, received, send
from ranking_app.rankings.tally import Tally
from schemas.decode import DecodeRules

MOST_ASKED = 12
"""Slices that it has at a time, waiting for their turn or for the worker's: what is more, the worker does itself."""

PIPE_BYTES = 1024 * 1024
"""Of the pipes to it and back: as much as Linux gives without asking."""

RESTART_PAUSE_S = 5.0
"""Before it is started again after it ended by itself."""

ENDS_WITHIN_S = 0.5

ANSWERS_WITHIN_S = 30.0
"""One that does not answer for so long while it is asked is ended: it takes some 40 ms for a slice."""

Answer = asyncio.Future[Tally | None]
"""The tally to come; None: the caller has to do it."""


class Tallying(Protocol):
    """Who may take a slice off the worker's hands."""

    def ask(self, records: Sequence[Record], rules: DecodeRules, now_ms: int) -> Answer | None:
        """None where it is sooner done here."""
        ...

    async def close(self) -> None:
        """End it; what is still asked is answered with None."""
        ...


class NoTallying:
    """The worker does everything itself."""

    def ask(self, records: Sequence[Record], rules: DecodeRules, now_ms: int) -> None:
        """Always None."""
        return

    async def close(self) -> None:
        """Nothing to end."""


def tallying(wanted: bool, log: Any) -> Tallying:
    """A process beside, where it is wanted and there is a processor for it."""
    return TallyProcess(log) if wanted and _processors() > 1 else NoTallying()


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS does not tell which of them are for this process
        return os.cpu_count() or 1


class TallyProcess:
    """One process, started when it is asked for the first time."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._running: _Running | None = None
        self._start_at_s = 0.0

    def ask(self, records: Sequence[Record], rules: DecodeRules, now_ms: int) -> Answer | None:
        """None where it is sooner done here."""
        if self._running is None:
            if time.monotonic() >= self._start_at_s:
                self._start()
            return None  # it needs half a second to be there
        return self._running.ask(Request(rules, now_ms, [r.offset for r in records], [r.value for r in records]))

    async def close(self) -> None:
        """End it; what is still asked is answered with None."""
        self._start_at_s = float("inf")
        if self._running is not None:
            await self._running.close()

    def _start(self) -> None:
        try:
            self._running = _Running(self._ended)
        except OSError as error:
            self._log.warning("tally_process_not_started", reason=str(error))
            self._start_at_s = time.monotonic() + RESTART_PAUSE_S
        else:
            self._log.info("tally_process_started", pid=self._running.pid)

    def _ended(self, code: int) -> None:
        self._running = None
        if self._start_at_s != float("inf"):
            self._start_at_s = time.monotonic() + RESTART_PAUSE_S
            self._log.warning("tally_process_ended", exit_code=code)


class _Running:
    """A child process and its two threads. on_end: called in the loop, with the exit code."""

    def __init__(self, on_end: Callable[[int], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = _child()
        self.pid = self._process.pid
        self._on_end = on_end
        self._to_send: SimpleQueue[Request | None] = SimpleQueue()
        self._asked: deque[Answer] = deque()
        self._answered_at_s = time.monotonic()
        self._looking: asyncio.TimerHandle | None = None
        self._ready = False
        self._over = asyncio.Event()
        for body in (self._write, self._read):
            threading.Thread(target=body, name=f"tally{body.__name__}", daemon=True).start()

    def ask(self, request: Request) -> Answer | None:
        """None while it starts, and where it has enough to do."""
        if not self._ready or len(self._asked) >= MOST_ASKED:
            return None
        if not self._asked:
            self._answered_at_s = time.monotonic()
        if self._looking is None:
            self._looking = self._loop.call_later(ANSWERS_WITHIN_S, self._look)
        answer: Answer = self._loop.create_future()
        self._asked.append(answer)
        self._to_send.put(request)
        return answer

    async def close(self) -> None:
        """It ends by itself when its stdin does, after the slices under way; or at once."""
        self._to_send.put(None)
        try:
            await asyncio.wait_for(self._over.wait(), ENDS_WITHIN_S)
        except TimeoutError:
            self._process.kill()
            await self._over.wait()

    def _write(self) -> None:
        requests = cast(BinaryIO, self._process.stdin)
        try:
            while (request := self._to_send.get()) is not None:
                send(requests, tuple(request))
        except OSError:
            pass  # it has gone: the other thread sees that, too
        finally:
            with suppress(OSError):  # what it did not take any more
                requests.close()

    def _read(self) -> None:
        answers = cast(BinaryIO, self._process.stdout)
        try:
            for answer in received(answers):
                self._loop.call_soon_threadsafe(self._answered, answer)
        finally:
            answers.close()
            self._to_send.put(None)
            self._loop.call_soon_threadsafe(self._ended, self._process.wait())

    def _look(self) -> None:
        """Whether it still answers."""
        self._looking = None
        silent_s = time.monotonic() - self._answered_at_s
        if self._asked and silent_s >= ANSWERS_WITHIN_S:
            self._process.kill()
        elif self._asked:
            self._looking = self._loop.call_later(ANSWERS_WITHIN_S - silent_s, self._look)

    def _answered(self, tally: Tally | None) -> None:
        self._answered_at_s = time.monotonic()
        if not self._ready:
            self._ready = True  # the first one says that it is there
        else:
            _resolve(self._asked.popleft(), tally)

    def _ended(self, code: int) -> None:
        while self._asked:
            _resolve(self._asked.popleft(), None)
        if self._looking is not None:
            self._looking.cancel()
        self._over.set()
        self._on_end(code)


def _child() -> "subprocess.Popen[bytes]":
    command, pipe = [sys.executable, "-m", "agents.tally_child"], subprocess.PIPE
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, pipesize=PIPE_BYTES)
    except PermissionError:  # Linux gives a user only so many large pipes
        return subprocess.Popen(command, stdin=pipe, stdout=pipe)


def _resolve(answer: Answer, tally: Tally | None) -> None:
    if not answer.done():  # whoever asked may have been cancelled
        answer.set_result(tally)
