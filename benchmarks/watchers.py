"""Many live clients: `python -m benchmarks.watchers URL CLIENTS SECONDS`; prints latencies as JSON.

Whoever feeds the app sells seats of schedules named `mark-<milliseconds since the epoch>`; a client that sees such a
name for the first time takes the time. Clients look for it in the bytes: parsing a thousand streams here would take the
processor from the one that is measured.
"""

import asyncio
import json
import re
import sys
import time
from urllib.parse import urlsplit

from benchmarks.latency import percentile

MARK = re.compile(rb'"concertScheduleId":"mark-(\d+)"')


class Watcher(asyncio.Protocol):
    """One client."""

    def __init__(self, request: bytes, times_ms: list[float]) -> None:
        self._request = request
        self._times_ms = times_ms
        self._seen = b""
        self._rest = b""
        self.messages = 0
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Look for new marks."""
        now_ms = time.time() * 1000
        data = self._rest + data
        self._rest = data[-40:]
        self.messages += data.count(b"event: delta")
        for mark in MARK.findall(data):
            if mark > self._seen:
                self._seen = mark
                if self.messages:  # what was there before is no news
                    self._times_ms.append(now_ms - int(mark))

    def connection_lost(self, exc: Exception | None) -> None:
        """Cut by the server, or the end."""
        self.open = False


async def watch(url: str, clients: int, seconds: float) -> dict[str, float]:
    """Milliseconds from the sale of a mark to each client that saw it."""
    parts = urlsplit(url)
    request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    times_ms: list[float] = []
    watchers: list[Watcher] = []
    loop, host, port = asyncio.get_running_loop(), parts.hostname or "127.0.0.1", parts.port or 80
    for _ in range(clients):
        _, watcher = await loop.create_connection(lambda: Watcher(request, times_ms), host, port)
        watchers.append(watcher)
    print(f"{clients} clients connected", file=sys.stderr, flush=True)
    await asyncio.sleep(3)
    times_ms.clear()
    await asyncio.sleep(seconds)
    ordered = sorted(times_ms)
    if not ordered:
        raise SystemExit("no client saw a mark")
    found = {f"p{share}": round(percentile(ordered, share / 100), 1) for share in (50, 99, 99.9)}
    return {
        "clients": clients,
        "still_open": sum(watcher.open for watcher in watchers),
        "seen": len(ordered),
        "deltas_a_client": round(sum(watcher.messages for watcher in watchers) / clients, 1),
        **found,
        "max": round(ordered[-1], 1),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(watch(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
