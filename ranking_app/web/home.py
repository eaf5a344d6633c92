"""Where answers are made: on the loop that the read model lives on, whichever loop the request came in on.

Counting keeps that loop busy for milliseconds at a time. Requests are read and written by a thread with a loop of its
own (web.server.WebThread), which answers by itself what is kept, and has the rest made at home.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler

from ranking_app.web.kept_answers import KeptAnswers

Found = TypeVar("Found")

STILL_CLIENTS = 50
"""From so many on it is worth to have home wait while they are written to."""

STILL_S = 0.5
"""Longer than that nobody waits."""


class Home:
    """The loop of the read model; None: the one that asks, where everything is on one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop

    async def do(self, body: Coroutine[Any, Any, Found]) -> Found:
        """Have it done at home, and wait for what comes of it."""
        if self._loop is None or self._loop is asyncio.get_running_loop():
            return await body
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(body, self._loop))

    def handler(self, handler: Handler, kept: KeptAnswers | None = None) -> Handler:
        """A handler that looks at the read model, for a route. It may use nothing of the request but what it says.

        kept: where its answers are kept, which need nobody at home.
        """

        async def at_home(request: web.Request) -> web.StreamResponse:
            def ask() -> Coroutine[Any, Any, web.StreamResponse]:
                return self.do(_answer(handler, request))

            return await (ask() if kept is None else kept.or_ask(request, ask))

        return at_home

    @asynccontextmanager
    async def still(self, clients: int) -> AsyncIterator[None]:
        """Nothing is computed at home meanwhile, if so many clients are to be written to.

        Each write gives the interpreter away: home would take it a thousand times, for a fifth of a millisecond each.
        """
        loop, over = asyncio.get_running_loop(), threading.Event()
        if self._loop is None or self._loop is loop or clients < STILL_CLIENTS:
            yield
            return
        begun = asyncio.Event()

        def wait() -> None:
            if not over.is_set():
                loop.call_soon_threadsafe(begun.set)
                over.wait(STILL_S)

        self._loop.call_soon_threadsafe(wait)
        try:
            with suppress(TimeoutError):  # home is busy for longer than that: nobody waits for it
                async with asyncio.timeout(STILL_S):
                    await begun.wait()
            yield
        finally:
            over.set()


async def _answer(handler: Handler, request: web.Request) -> web.StreamResponse:
    """A coroutine, which may be run elsewhere; a handler gives any awaitable."""
    return await handler(request)
