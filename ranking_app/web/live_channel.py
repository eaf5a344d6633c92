"""One set of live boards that any number of clients watch: computed once, encoded once, sent to all.

A snapshot is everything, a delta what changed since the message before; an entry that did not change stands in a delta
as its id. How long an entry has been at the top, and when it reached its peak, move with every second: they are as of
when the entry was sent last, and do not make it a changed one.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

import structlog

from ranking_app.tasks import telling
from ranking_app.web.dump import dump

log = structlog.get_logger(__name__)

INTERVAL_S = 0.1
"""Between two deltas, at least."""

LOOK_S = 0.02
"""Between two looks whether anything changed: an integer is compared."""

STATE_S = 0.25
"""Between two looks whether the boards are complete, and of which generation: these may change by themselves."""

REST, LONGEST_REST_S = 4.0, 1.0
"""A delta is computed after so many times the time that the last one took: many boards, or large ones, are sent more
rarely, but at least once a second."""

HEARTBEAT_S = 5.0

KEPT_DELTAS, KEPT_BYTES = 600, 4 * 1024 * 1024
"""For clients that come back: a minute of changes, if they are not too large."""

_MOVED = {"secondsAtTop": None, "peakAt": None}

Pages = Mapping[str, Mapping[str, Any]]
"""Board answers without completeness, by key."""


class Client(Protocol):
    """Somebody who watches. send never waits: who does not read is dropped by its own implementation."""

    def send(self, message: bytes) -> None:
        """A whole message, encoded for the stream."""


class State(NamedTuple):
    """as_of: a time in ISO 8601. complete: whether all partitions are. generation: the tables behind the boards."""

    as_of: str
    complete: bool
    generation: str


class Look(NamedTuple):
    """The boards as they are now, and of what they are."""

    pages: Pages
    state: State


class Watched(Protocol):
    """What a channel asks about its boards."""

    def moment(self) -> object:
        """Differs when what is on the boards may have changed."""

    async def state(self) -> State:
        """As of when, and of what, the boards are."""

    async def look(self) -> Look:
        """The boards; takes as long as it takes."""

    def still(self, clients: int) -> AbstractAsyncContextManager[None]:
        """Held while so many clients are written to."""


class Channel:
    """Runs while anyone watches. encode: a named message with its id as it goes over the wire."""

    def __init__(self, name: str, watched: Watched, encode: Callable[[str, bytes, str | None], bytes]) -> None:
        """name: of this channel in this process, for ids; no `.` in it."""
        self._name = name
        self._watched = watched
        self._encode = encode
        self._clients: set[Client] = set()
        self._joining = 0
        self._number = 0
        self._pages: Pages = {}
        self._generation = ""
        """Of the boards in _pages."""
        self._state = State("", False, "")
        """As it was asked for last."""
        self._told: tuple[bool, str] | None = None
        """Complete and generation, as said in a delta: who joins and gets a snapshot must not keep it from others."""
        self._deltas: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()

    @property
    def is_watched(self) -> bool:
        """Whether anybody watches, or is about to."""
        return bool(self._clients or self._joining)

    async def join(self, client: Client, last_id: str | None) -> None:
        """Send what the client lacks, deltas since last_id or a snapshot, and from then on every change."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(telling(_tell_of_failure))
        self._joining += 1
        try:
            await _begun_or_failed(self._begun, self._task)
            self._state = await self._watched.state()
        finally:
            self._joining -= 1
        missed = self._since(last_id)
        for message in [self._snapshot()] if missed is None else missed:
            client.send(message)
        self._clients.add(client)

    def leave(self, client: Client) -> None:
        """No more messages."""
        self._clients.discard(client)

    async def failed(self) -> None:
        """Returns when the channel cannot go on: a bug of ours, which is in the log."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Stop for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        before: object = None
        said_s = time.monotonic()
        state_due_s = 0.0
        while True:
            started_s = time.monotonic()
            pause_s = LOOK_S
            if started_s >= state_due_s:
                self._state = await self._watched.state()
                state_due_s = started_s + STATE_S
            if before != (before := (self._watched.moment(), self._state.complete, self._state.generation)):
                message = self._update(await self._watched.look())
                if message is not None:
                    said_s = time.monotonic()
                    await self._broadcast(message)
                self._begun.set()
                pause_s = max(INTERVAL_S, min(REST * (time.monotonic() - started_s), LONGEST_REST_S))
            if time.monotonic() - said_s >= HEARTBEAT_S:
                said_s = time.monotonic()
                await self._broadcast(self._encode("heartbeat", dump(self._head()), None))
            await asyncio.sleep(pause_s)

    def _head(self) -> dict[str, Any]:
        state = self._state
        return {"asOf": state.as_of, "complete": state.complete, "generation": state.generation}

    def _snapshot(self) -> bytes:
        boards = [{"key": key, **page} for key, page in self._pages.items()]
        head = {**self._head(), "generation": self._generation}
        return self._encode("snapshot", dump({**head, "boards": boards}), f"{self._name}.{self._number}")

    def _update(self, look: Look) -> bytes | None:
        """What there is to say."""
        self._state = look.state
        before, now, head = self._pages, look.pages, self._head()
        self._generation = head["generation"]
        before_told, self._told = self._told, (head["complete"], head["generation"])
        changed = [delta for key, page in now.items() if (delta := _delta(key, before.get(key), page)) is not None]
        # What was not sent stays as it was: the next delta is told against what clients have.
        self._pages = {key: _as_sent(before.get(key), page) for key, page in now.items()}
        if not changed and before_told == self._told:
            return None
        self._number += 1
        message = self._encode("delta", dump({**head, "boards": changed}), f"{self._name}.{self._number}")
        self._remember(message)
        return message

    def _remember(self, message: bytes) -> None:
        self._deltas.append((self._number, message))
        self._bytes += len(message)
        while len(self._deltas) > KEPT_DELTAS or self._bytes > KEPT_BYTES:
            self._bytes -= len(self._deltas.popleft()[1])

    async def _broadcast(self, message: bytes) -> None:
        clients = list(self._clients)
        async with self._watched.still(len(clients)):
            for client in clients:
                client.send(message)

    def _since(self, last_id: str | None) -> list[bytes] | None:
        """The deltas after a message; None where they are not all known."""
        name, _, number = (last_id or "").rpartition(".")
        if name != self._name or not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        missed = self._number - int(number)
        if missed < 0 or missed > len(self._deltas):
            return None
        return [message for sent, message in self._deltas if sent > int(number)]


def _tell_of_failure(error: BaseException) -> None:
    log.error("live_channel_failed", exc_info=error)


async def _begun_or_failed(begun: asyncio.Event, task: asyncio.Task[None]) -> None:
    waiting = asyncio.ensure_future(begun.wait())
    try:
        await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if task.done():
        task.result()


def _delta(key: str, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> dict[str, Any] | None:
    """What changed of a board; None for nothing. The first time it is everything."""
    entries = now["entries"]
    if before is not None:
        known = {entry["concertScheduleId"]: entry for entry in before["entries"]}
        entries = [
            entry["concertScheduleId"] if _same(known.get(entry["concertScheduleId"]), entry) else entry
            for entry in now["entries"]
        ]
        ids = [entry["concertScheduleId"] for entry in before["entries"]]
        if entries == ids and before["total"] == now["total"]:
            return None
    return {"key": key, "asOf": now["asOf"], "window": now["window"], "total": now["total"], "entries": entries}


def _same(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    if before is None:
        return False
    return before == now or {**before, **_MOVED} == {**now, **_MOVED}


def _as_sent(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Mapping[str, Any]:
    """The page as clients have it: an entry that did not change is the one that was sent."""
    if before is None:
        return now
    known = {entry["concertScheduleId"]: entry for entry in before["entries"]}
    sent: Sequence[Any] = [
        known[entry["concertScheduleId"]] if _same(known.get(entry["concertScheduleId"]), entry) else entry
        for entry in now["entries"]
    ]
    return {**now, "entries": sent}
