"""The network between one client and the brokers, as a TCP proxy that can be cut, stalled and slowed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from random import Random

CHUNK_BYTES = 64 * 1024
SLOW_S = (0.02, 0.15)
"""What every chunk waits on a slow network, each way."""


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class State(Enum):
    """What the network does with bytes."""

    CLEAR = auto()
    SLOW = auto()
    STALLED = auto()
    """Connections stay open and nothing comes through: what was sent arrives when it is over."""
    CUT = auto()
    """Connections are reset, and new ones as well."""


class Network:
    """Listens on one port per broker and passes on. All methods are for the loop that it was started on."""

    def __init__(self, host: str, target_of: Mapping[int, int], seed: int) -> None:
        self._host = host
        self._target_of = target_of
        self._random = Random(f"network {seed}")
        self._state = State.CLEAR
        self._flowing = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen on the keys of target_of; the values are the brokers' ports."""
        self._flowing.set()
        for port, target in self._target_of.items():
            self._servers.append(await asyncio.start_server(self._serve_for(target), self._host, port))

    async def stop(self) -> None:
        """Close everything."""
        for server in self._servers:
            server.close()
        self._abort()

    async def become(self, state: State) -> None:
        """From now on it is in this state."""
        self._state = state
        if state is State.STALLED:
            self._flowing.clear()
        else:
            self._flowing.set()
        if state is State.CUT:
            self._abort()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _serve_for(self, target: int) -> Serve:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._state is State.CUT:
                writer.transport.abort()
                return
            try:
                to_broker, from_broker = await self._connect(target)
            except OSError:  # the broker is down: so is its port for the client
                writer.transport.abort()
                return
            await self._pass_on(reader, writer, to_broker, from_broker)

        return serve

    async def _connect(self, target: int) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
        await self._flowing.wait()
        reader, writer = await asyncio.open_connection(self._host, target)
        return writer, reader

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        to_broker: asyncio.StreamWriter,
        from_broker: asyncio.StreamReader,
    ) -> None:
        ends = {writer, to_broker}
        self._writers |= ends
        ways = [
            asyncio.create_task(self._pump(reader, to_broker)),
            asyncio.create_task(self._pump(from_broker, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in ends:
                end.transport.abort()
            self._writers -= ends

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(CHUNK_BYTES):
                await self._flowing.wait()
                if self._state is State.SLOW:
                    await asyncio.sleep(self._random.uniform(*SLOW_S))
                target.write(chunk)
                await target.drain()
