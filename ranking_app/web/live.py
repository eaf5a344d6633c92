"""`GET /v1/live`: boards as Server-Sent Events. Clients that ask for the same boards share one channel.

A message is encoded once and handed to each connection as it is; a connection whose client does not read is cut when
too much waits for it, so that nobody waits for anybody else.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp_sse import EventSourceResponse

from ranking_app.metrics import Metrics
from ranking_app.web.board_answers import BoardAnswers
from ranking_app.web.home import Home
from ranking_app.web.live_channel import Channel, Look, State
from ranking_app.web.problems import InvalidParameter, StreamNeedsHttp11, TooManyWatchers
from ranking_app.web.questions import Page, Question
from ranking_app.web.reads import ReadModel
from schemas.times import format_s

MAX_CLIENTS = 5_000
MAX_CHANNELS = 200

MOST_WAITING_BYTES = 512 * 1024
"""For one client: some seconds of every board at its busiest, or one large snapshot."""

PING_S = 30.0
"""Heartbeats come sooner; this is for what only the library sees."""


class _Boards:
    """The boards of a channel."""

    def __init__(
        self, model: ReadModel, answers: BoardAnswers, home: Home, questions: Mapping[str, Question], shown: Page
    ) -> None:
        self._model = model
        self._answers = answers
        self._home = home
        self._questions = questions
        self._shown = shown

    def moment(self) -> object:
        return self._model.revision, self._model.live_as_of_s()

    async def state(self) -> State:
        return await self._home.do(self._state())

    async def look(self) -> Look:
        return await self._home.do(self._look())

    def still(self, clients: int) -> AbstractAsyncContextManager[None]:
        return self._home.still(clients)

    async def _look(self) -> Look:
        for question in self._now().values():
            await self._answers.prepare(question)
        pages = {key: self._answers.answer(question, self._shown) for key, question in self._now().items()}
        return Look(pages, await self._state())

    async def _state(self) -> State:
        live_s = self._model.live_as_of_s()
        completeness = self._model.completeness(live_s)
        return State(format_s(live_s), completeness.complete, completeness.generation)

    def _now(self) -> dict[str, Question]:
        live_s = self._model.live_as_of_s()
        return {key: replace(question, as_of_s=live_s) for key, question in self._questions.items()}


class _Connection:
    """One client's connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.dropped = asyncio.Event()

    def send(self, message: bytes) -> None:
        if self._transport.is_closing():
            self.dropped.set()
            return
        self._transport.write(message)
        if self._transport.get_write_buffer_size() > MOST_WAITING_BYTES:
            self._transport.abort()
            self.dropped.set()


def encode(event: str, data: bytes, message_id: str | None) -> bytes:
    """A message as one chunk of a chunked answer (RFC 9112, 7.1). data: JSON, which has no line ends.

    >>> encode("delta", b"{}", "a.1")
    b'1f\\r\\nid: a.1\\nevent: delta\\ndata: {}\\n\\n\\r\\n'
    """
    head = f"id: {message_id}\n" if message_id is not None else ""
    body = f"{head}event: {event}\ndata: ".encode() + data + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(body), body)


class LiveHandlers:
    """The channels of one process, and who watches them; on the loop that talks to clients."""

    def __init__(self, read_model: ReadModel, answers: BoardAnswers, metrics: Metrics, home: Home) -> None:
        self._read_model = read_model
        self._answers = answers
        self._home = home
        self._process = secrets.token_hex(4)
        self._channels: dict[object, Channel] = {}
        self._streams: set[EventSourceResponse] = set()
        metrics.live_clients.set_function(lambda: len(self._streams))

    async def stream(self, request: web.Request, questions: Mapping[str, Question], shown: Page) -> web.StreamResponse:
        """The stream of these boards, until the client goes. InvalidParameter, TooManyWatchers."""
        if request.version < HttpVersion11:
            raise StreamNeedsHttp11("Ask with HTTP/1.1, or poll /v1/rankings.")
        if not all(question.live for question in questions.values()):
            raise InvalidParameter("asOf", "a live stream is of now; ask /v1/rankings for another instant")
        # What is asked, whenever it is asked.
        asked = (tuple((key, replace(question, as_of_s=0)) for key, question in questions.items()), shown)
        if len(self._streams) >= MAX_CLIENTS or (asked not in self._channels and len(self._channels) >= MAX_CHANNELS):
            raise TooManyWatchers("This process has as many live streams as it takes: ask another one, or later.")
        stream = EventSourceResponse(ping_interval=PING_S)
        self._streams.add(stream)
        try:
            await stream.prepare(request)
            async with stream:
                boards = _Boards(self._read_model, self._answers, self._home, questions, shown)
                await self._watch(request, stream, asked, boards)
        finally:
            self._streams.discard(stream)
        return stream

    async def _watch(self, request: web.Request, stream: EventSourceResponse, asked: object, boards: _Boards) -> None:
        transport = request.transport
        if transport is None:  # gone before the answer began
            return
        channel = self._channels.get(asked)
        if channel is None:
            name = f"{self._process}-{secrets.token_hex(4)}"
            channel = self._channels[asked] = Channel(name, boards, encode)
        connection = _Connection(transport)
        try:
            await channel.join(connection, stream.last_event_id)
            await _either(connection.dropped.wait(), stream.wait(), channel.failed())
        finally:
            channel.leave(connection)
            if not channel.is_watched and self._channels.get(asked) is channel:
                del self._channels[asked]
                await channel.close()

    async def close(self, _: web.Application) -> None:
        """End all streams: the process stops. Clients come back, to another process."""
        for stream in list(self._streams):
            if stream.prepared:
                stream.stop_streaming()


async def _either(*bodies: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.ensure_future(body) for body in bodies]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
