"""The web application on a TCP port: start, stop, and a plain sentence where the address cannot be had."""

import asyncio
import errno
import resource
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future

from aiohttp import web

from ranking_app.errors import PortInUse, WebAddressUnusable
from ranking_app.web.malformed import DEFAULT_MOST_CONNECTIONS, PoliteRunner

SHUTDOWN_S = 1.0
"""For answers under way at a stop. SIGTERM promises 10 s, and nearly all of it belongs to flushing."""

STOP_S = 3.0
"""For all of it."""

LINGERING_S = 1.0
"""For a client to finish sending a body that nobody asked for: it reads the answer before the close."""

MAX_LINE_BYTES = 8_190
"""The longest request line and header: an id of 200 characters, percent-encoded, needs 2,400."""

OTHER_FILES, LEAST_CONNECTIONS = 1_000, 100
"""256 files of each of three stores, and the connections to the brokers."""

MOST_FILES = 65_536

KEEP_ALIVE_S = 75.0
"""Longer than the 60 s of common proxies: they drop an idle connection first, so none loses a request."""

SWITCH_S = 0.0002
"""How long a thread that computes keeps others waiting for their turn (Python: 5 ms). To take a request and send its
answer, a thread needs three; with turns as short as that, counting is no slower than it was."""

EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


class WebServer:
    """Serves one application. `start` once, `stop` any number of times; both on the loop that serves."""

    def __init__(self, app: web.Application, most_connections: int = DEFAULT_MOST_CONNECTIONS) -> None:
        """most_connections: open at the same time; one more is cut at once."""
        self._app = app
        self._most_connections = most_connections
        self._runner: PoliteRunner | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port that is listened on; after a start with port 0, the one that the system chose."""
        return self._port

    async def start(self, host: str, port: int) -> None:
        """Listen on host and port (0: any free one). PortInUse or WebAddressUnusable where that cannot be."""
        runner = PoliteRunner(
            self._app,
            access_log=None,  # requests are counted in /metrics, by route
            shutdown_timeout=SHUTDOWN_S,
            keepalive_timeout=KEEP_ALIVE_S,
            lingering_time=LINGERING_S,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
        )
        runner.most_connections = self._most_connections
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as exc:
            await runner.cleanup()
            raise _named(exc, host, port) from None
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse new connections, give answers under way SHUTDOWN_S, close. Harmless when not started."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


class WebThread:
    """A WebServer on a loop and a thread of its own: requests are taken and kept answers sent while others count.

    `start` once, `stop` any number of times. From then on all threads of the process take turns of SWITCH_S.
    """

    def __init__(self, server: WebServer) -> None:
        self._server = server
        self._thread: threading.Thread | None = None
        self._started: Future[None] = Future()
        self._ask_to_stop: Callable[[], object] = bool

    @property
    def port(self) -> int:
        """As of WebServer."""
        return self._server.port

    async def start(self, host: str, port: int) -> None:
        """As WebServer."""
        sys.setswitchinterval(SWITCH_S)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(host, port)), name="web", daemon=True)
        self._thread.start()
        await asyncio.wrap_future(self._started)

    async def stop(self) -> None:
        """As WebServer; the thread ends."""
        self._ask_to_stop()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_S)

    async def _serve(self, host: str, port: int) -> None:
        loop, asked = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._server.start(host, port)
        except Exception as error:
            self._started.set_exception(error)
            return
        self._ask_to_stop = lambda: loop.is_closed() or loop.call_soon_threadsafe(asked.set)
        self._started.set_result(None)
        await asked.wait()
        await self._server.stop()


def address_of(host: str, port: int) -> str:
    """How others would write it; for a host that stands for all addresses, with the name of this machine.

    >>> address_of("127.0.0.1", 6066), address_of("::1", 6066)
    ('127.0.0.1:6066', '[::1]:6066')
    """
    if host in EVERY_ADDRESS:
        host = socket.gethostname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def allowed_connections() -> int:
    """How many connections this process can have open beside its brokers and stores: at most 10,000.

    Raises the process's soft limit of open files to its hard one, as servers do: many systems begin with 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return DEFAULT_MOST_CONNECTIONS
    return max(min(DEFAULT_MOST_CONNECTIONS, soft - OTHER_FILES), LEAST_CONNECTIONS)


def _named(exc: OSError, host: str, port: int) -> PortInUse | WebAddressUnusable:
    if exc.errno == errno.EADDRINUSE:
        return PortInUse(f"{host}:{port} is in use by another process: stop it, or set RANKING_WEB_PORT to a free port")
    reason = exc.strerror or str(exc)
    return WebAddressUnusable(
        f"cannot listen on {host}:{port} ({reason}): choose an address of this machine with RANKING_WEB_HOST "
        "and a port above 1023 with RANKING_WEB_PORT"
    )
