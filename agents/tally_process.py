"""The worker's side of agents/tally_child.py: half of what comes in some number is decoded beside its own loop.

Python runs one thread of a process at a time, and half of the work on a flush needs nothing of the worker's state.
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
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, Protocol, cast

from agents.tally_child import CODE, Request, received, send
from ranking_app.rankings.tally import Tally
from schemas.decode import DecodeRules
from schemas.record import Record

MOST_ASKED = 12
"""So many times its own records a slice may find before it, waiting for their turn or for the worker's: what is more,
the worker does itself. So a few records of one partition do not wait for a backlog of another."""

PIPE_BYTES = 1024 * 1024
"""Of the pipes to it and back: as much as Linux gives without asking."""

RESTART_PAUSE_S = 5.0
"""Before it is started again after it ended by itself."""

ENDS_WITHIN_S = 0.5

SILENT_S = 10.0
"""One that does not answer for so long while it is asked is ended: it takes some 40 ms for a slice."""

LOOKS_AGAIN_S = 1.0
"""Before that: this process may itself have been paused, and the answers be waiting."""

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""What a container may use: microseconds of processor time in so many microseconds, or `max`."""

START = "import sys; sys.path[:] = sys.argv[1:]; from agents.tally_child import main; main()"
"""With the worker's own path, and not the current directory, which -m would put before it."""

Answer = asyncio.Future[Tally | None]
"""The tally to come; None: the caller has to do it."""


class Tallying(Protocol):
    """Who may take a slice off the worker's hands."""

    def prepare(self) -> None:
        """It will be asked soon."""
        ...

    def ask(
        self, records: Sequence[Record], rules: DecodeRules, now_ms: int, with_offsets: bool = False
    ) -> Answer | None:
        """As rankings.tally does it; None where it is sooner done here."""
        ...

    def take_back(self, answer: Answer) -> bool:
        """Whether it was not sent yet: then the caller does it, and it is not answered."""
        ...

    async def close(self) -> None:
        """End it; what is still asked is answered with None."""
        ...


class NoTallying:
    """The worker does everything itself."""

    def prepare(self) -> None:
        """Nothing to prepare."""

    def ask(self, records: Sequence[Record], rules: DecodeRules, now_ms: int, with_offsets: bool = False) -> None:
        """Always None."""
        return

    def take_back(self, answer: Answer) -> bool:
        """Nothing was given."""
        return False

    async def close(self) -> None:
        """Nothing to end."""


def tallying(wanted: bool, log: Any) -> Tallying:
    """A process beside, where it is wanted and there is a processor for it."""
    return TallyProcess(log) if wanted and processors() > 1 else NoTallying()


def processors() -> float:
    """How many this process may use; of a container, as many as its quota is."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS does not tell which of them are for this process
        allowed = os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text().split()
        return min(allowed, int(quota) / int(period))
    except (OSError, ValueError):  # there is no quota
        return allowed


class TallyProcess:
    """One process, started when a flush is large enough for the first time."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._running: _Running | None = None
        self._start_at_s = 0.0

    def prepare(self) -> None:
        """Start it, unless it is there: it needs half a second to be ready."""
        if self._running is None and time.monotonic() >= self._start_at_s:
            self._start()

    def ask(
        self, records: Sequence[Record], rules: DecodeRules, now_ms: int, with_offsets: bool = False
    ) -> Answer | None:
        """As rankings.tally does it; None where it is sooner done here."""
        if self._running is None:
            self.prepare()
            return None
        offsets, values = [record.offset for record in records], [record.value for record in records]
        return self._running.ask(Request(rules, now_ms, with_offsets, offsets, values))

    def take_back(self, answer: Answer) -> bool:
        """Whether it was not sent yet: then the caller does it, and it is not answered."""
        return self._running is not None and self._running.take_back(answer)

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

    def _ended(self, code: int, is_another: bool) -> None:
        self._running = None
        if is_another:
            self._start_at_s = float("inf")
            self._log.warning("tally_process_is_another", hint="another version was installed: restart the worker")
        if self._start_at_s != float("inf"):
            self._start_at_s = time.monotonic() + RESTART_PAUSE_S
            self._log.warning("tally_process_ended", exit_code=code)


class _Order:
    """A slice that is asked for, and the answer to come."""

    __slots__ = ("_request", "_taken", "answer", "records")

    def __init__(self, request: Request, answer: Answer) -> None:
        self.records = len(request.offsets)
        self.answer = answer
        self._request: Request | None = request
        self._taken = threading.Lock()

    def take(self) -> Request | None:
        """What is asked, for the first who comes: the thread that sends it, or the loop that takes it back."""
        if not self._taken.acquire(blocking=False):
            return None
        request, self._request = self._request, None
        return request


class _Running:
    """A child process and its two threads.

    on_end: called in the loop, with the exit code, and whether it was ended because its code is not ours.
    """

    def __init__(self, on_end: Callable[[int, bool], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = _child()
        self.pid = self._process.pid
        self._on_end = on_end
        self._to_send: SimpleQueue[_Order | None] = SimpleQueue()
        self._asked: deque[_Order] = deque()
        """Those that are to be answered, in the order of their answers."""
        self._answered_at_s = time.monotonic()
        self._looking: asyncio.TimerHandle | None = self._loop.call_later(SILENT_S, self._look)
        self._looked_before = False
        self._ready = False
        self._is_another = False
        self._over = asyncio.Event()
        for body in (self._write, self._read):
            threading.Thread(target=body, name=f"tally{body.__name__}", daemon=True).start()

    def ask(self, request: Request) -> Answer | None:
        """None while it starts, and where it has enough to do."""
        before = sum([order.records for order in self._asked])
        if not self._ready or before >= MOST_ASKED * max(len(request.offsets), 1):
            return None
        if not self._asked:
            self._answered_at_s = time.monotonic()
        if self._looking is None:
            self._looking = self._loop.call_later(SILENT_S, self._look)
        order = _Order(request, self._loop.create_future())
        self._asked.append(order)
        self._to_send.put(order)
        return order.answer

    def take_back(self, answer: Answer) -> bool:
        """Whether it was not sent yet."""
        for order in self._asked:
            if order.answer is answer and order.take() is not None:
                self._asked.remove(order)
                return True
        return False

    async def close(self) -> None:
        """It ends by itself when its stdin does, after the slices under way; or at once."""
        for order in list(self._asked):
            if self.take_back(order.answer):
                _resolve(order.answer, None)
        self._to_send.put(None)
        try:
            await asyncio.wait_for(self._over.wait(), ENDS_WITHIN_S)
        except TimeoutError:
            self._process.kill()
            await self._over.wait()

    def _write(self) -> None:
        requests = cast(BinaryIO, self._process.stdin)
        try:
            while (order := self._to_send.get()) is not None:
                if (request := order.take()) is not None:
                    send(requests, tuple(request))
                del order, request  # it may be long until there is another
        except OSError:
            pass  # it has gone: the other thread sees that, too
        finally:
            with suppress(OSError):  # what it did not take any more
                requests.close()

    def _read(self) -> None:
        answers = cast(BinaryIO, self._process.stdout)
        try:
            for answer in received(answers):
                self._in_loop(self._answered, answer)
        finally:
            answers.close()
            self._to_send.put(None)
            self._in_loop(self._ended, self._process.wait())

    def _in_loop(self, body: Callable[..., None], argument: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(body, argument)

    def _look(self) -> None:
        """Whether it still answers, or has come at all."""
        self._looking = None
        left_s = self._answered_at_s + SILENT_S - time.monotonic()
        if self._ready and not self._asked:
            return
        if left_s <= 0 and self._looked_before:
            self._process.kill()
            return
        self._looked_before = left_s <= 0
        self._looking = self._loop.call_later(max(left_s, LOOKS_AGAIN_S), self._look)

    def _answered(self, answer: Any) -> None:
        self._answered_at_s = time.monotonic()
        self._looked_before = False
        if self._ready:
            _resolve(self._asked.popleft().answer, answer)
        elif answer == CODE:
            self._ready = True
        else:
            self._is_another = True
            self._process.kill()

    def _ended(self, code: int) -> None:
        while self._asked:
            _resolve(self._asked.popleft().answer, None)
        if self._looking is not None:
            self._looking.cancel()
        self._over.set()
        self._on_end(code, self._is_another)


def _child() -> "subprocess.Popen[bytes]":
    command, pipe = [sys.executable, "-P", "-c", START, *sys.path], subprocess.PIPE

    def start(pipe_bytes: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - ourselves
            command, stdin=pipe, stdout=pipe, pipesize=pipe_bytes, start_new_session=True
        )

    try:
        return start(PIPE_BYTES)
    except PermissionError:  # Linux gives a user only so many large pipes
        return start(-1)


def _resolve(answer: Answer, tally: Tally | None) -> None:
    if not answer.done():  # whoever asked may have been cancelled
        answer.set_result(tally)
