"""What is answered to bytes that are no HTTP request: a problem like every other, and no noise in the log.

aiohttp would answer a text that names its version and Python's, and log a traceback at every port scan. It has no
setting for that, nor for how many connections there may be, and the class of its handlers cannot be chosen: hence
the three classes here. They lean on `AppRunner._make_server`, `Server._loop`, `Server._kwargs` and
`RequestHandler._manager` of aiohttp 3: test_web_server.py sends such bytes, and fails when that no longer leads here.
Drop this when aiohttp lets an application answer them.
"""

import asyncio
from http import HTTPStatus

import structlog
from aiohttp import web

from ranking_app.web.problems import PlainProblem, problem_response
from ranking_app.web.security import secure

log = structlog.get_logger(__name__)

DEFAULT_MOST_CONNECTIONS = 10_000


class PoliteHandler(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """One more: cut where that is one too many. Files are needed for the brokers and the stores too."""
        super().connection_made(transport)
        manager = self._manager
        if isinstance(manager, PoliteServer) and len(manager.connections) > manager.most_connections:
            transport.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that never reached the application; all but a 400 is left to aiohttp."""
        if status != HTTPStatus.BAD_REQUEST or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        log.debug("web.malformed", remote=request.remote, reason=type(exc).__name__)
        detail = "This is not an HTTP request that can be read, or a line of it is too long."
        response = problem_response(PlainProblem(HTTPStatus.BAD_REQUEST, detail), instance=None)
        secure(response)
        response.force_close()
        return response


class PoliteServer(web.Server):
    """Makes the handler of each connection."""

    most_connections = DEFAULT_MOST_CONNECTIONS

    def __call__(self) -> web.RequestHandler:
        """For a new connection."""
        return PoliteHandler(self, loop=self._loop, **self._kwargs)


class PoliteRunner(web.AppRunner):
    """aiohttp's, with our server in place of its own."""

    most_connections = DEFAULT_MOST_CONNECTIONS

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        server = PoliteServer(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )
        server.most_connections = self.most_connections
        return server
