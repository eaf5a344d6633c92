"""Where answers are made: on the loop that the read model lives on, whichever loop the request came in on.

Counting keeps that loop busy for milliseconds at a time. Requests are read and written by a thread with a loop of its
own (web.server.WebThread), which answers by itself what is kept, and has the rest made at home.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler

from ranking_app.web.kept_answers import KeptAnswers

Found = TypeVar("Found")

HandlerAtOnce = Callable[[web.Request], web.StreamResponse]

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

    async def do_at_once(self, body: Callable[[], Found]) -> Found:
        """As do, of what awaits nothing: it waits for one turn of a loop that is busy, not for three."""
        if self._loop is None or self._loop is asyncio.get_running_loop():
            return body()
        found: Future[Found] = Future()
        self._loop.call_soon_threadsafe(_tell, found, body)
        try:
            return await asyncio.wrap_future(found)
        finally:
            del found  # a failure holds this frame: with the frame, it would hold itself

    def get(self, path: str, handler: Handler, kept: KeptAnswers | None = None) -> web.RouteDef:
        """The route of a handler that looks at the read model, and uses nothing of a request but what is asked by it.

        kept: where its answers are kept, which need nobody at home.
        """
        return _route(path, lambda request: self.do(_answer(handler, request)), kept)

    def get_at_once(self, path: str, handler: HandlerAtOnce, kept: KeptAnswers | None = None) -> web.RouteDef:
        """As get, of a handler that awaits nothing."""
        return _route(path, lambda request: self.do_at_once(partial(handler, request)), kept)

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


def _route(
    path: str, ask: Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]], kept: KeptAnswers | None
) -> web.RouteDef:
    async def handler(request: web.Request) -> web.StreamResponse:
        if kept is None:
            return await ask(request)
        return await kept.or_ask(request, partial(ask, request))

    return web.get(path, handler)


def _tell(found: Future[Found], body: Callable[[], Found]) -> None:
    """Do it, unless who asked is gone."""
    if not found.set_running_or_notify_cancel():
        return
    try:
        found.set_result(body())
    except StopIteration as error:  # as from a coroutine: nobody can await this one
        found.set_exception(RuntimeError(f"{body} raised {error!r}"))
    except BaseException as error:  # else who asked would wait for ever
        found.set_exception(error)
    finally:
        del found  # as above


async def _answer(handler: Handler, request: web.Request) -> web.StreamResponse:
    """A coroutine, which may be run elsewhere; a handler gives any awaitable."""
    return await handler(request)
