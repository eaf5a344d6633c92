"""An open load of GETs: `python -m benchmarks.http_load URL RATE SECONDS`; prints latencies as JSON.

A request is due when it is due, whether or not the one before was answered: its latency counts from then on, so a
stall of the server shows in all that it held up. Over a few kept connections, without a client library in between.
"""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

from benchmarks.latency import percentile

CONNECTIONS = 128

WARM_UP_S = 2.0
"""Not counted: the first answer makes the live board, every other one keeps it up to date."""


class Connection:
    """One kept connection: a request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> int:
        """The status of the answer, whose body is read."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._address[0]}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        return int(head.split(b" ", 2)[1])


async def load(url: str, rate: float, seconds: float) -> dict[str, float]:
    """Milliseconds of the requests, and how many were not answered with 200."""
    parts = urlsplit(url)
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(Connection(parts.hostname or "127.0.0.1", parts.port or 80))
    path = f"{parts.path}?{parts.query}"
    times_ms: list[float] = []
    failed = 0

    async def one(due_s: float) -> None:
        nonlocal failed
        connection = await idle.get()
        try:
            failed += await connection.get(path) != 200
        finally:
            idle.put_nowait(connection)
        if due_s >= counted_from_s:
            times_ms.append((time.monotonic() - due_s) * 1000)

    started_s, tasks = time.monotonic(), []
    counted_from_s = started_s + WARM_UP_S
    for number in range(int(rate * seconds)):
        due_s = started_s + number / rate
        if (wait_s := due_s - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)
        tasks.append(asyncio.create_task(one(due_s)))
    await asyncio.gather(*tasks)
    ordered = sorted(times_ms)
    found = {f"p{share}": round(percentile(ordered, share / 100), 2) for share in (50, 99, 99.9)}
    return {"requests": len(ordered), "failed": failed, **found, "max": round(ordered[-1], 2)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))))
