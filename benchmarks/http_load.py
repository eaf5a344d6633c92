"""An open load of GETs: `python -m benchmarks.http_load URL RATE SECONDS`; prints latencies as JSON.

A request is due when it is due, whether or not the one before was answered: its latency counts from then on, so a
stall of the server shows in all that it held up. Over a few kept connections, without a client library or an event loop
in between: this process shares the processors with the server that it measures.
"""

import json
import socket
import sys
import time
from collections import deque
from contextlib import ExitStack
from selectors import EVENT_READ, DefaultSelector
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.latency import percentile

CONNECTIONS = 128

WARM_UP_S = 2.0
"""Not counted: the first answer makes the live board, every other one keeps it up to date."""

GIVE_UP_S = 60.0
"""Without any answer, once all is sent."""

BUFFER_BYTES = 65_536
"""Bodies are read over each other into it; a head must fit."""


class Unexpected(Exception):
    """A server answered what this client does not understand, or closed a connection. No figure would be right."""


class Connection:
    """One kept connection: a request at a time."""

    def __init__(self, stream: socket.socket, request: bytes) -> None:
        self.due_s = 0.0
        """Of the request that was sent last, on the clock of whoever sent it."""
        self._stream = stream
        self._request = request
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._head_bytes = 0
        self._status = 0
        self._missing = 0

    def fileno(self) -> int:
        """For a selector."""
        return self._stream.fileno()

    def get(self, due_s: float) -> None:
        """Send the request; the one before must have been answered."""
        self.due_s = due_s
        self._stream.sendall(self._request)

    def read(self) -> int | None:
        """Take what has come; the status, once the whole answer has. Unexpected."""
        came = self._stream.recv_into(self._view[self._head_bytes :])
        if not came:
            raise Unexpected("the server closed a connection")
        if self._status:
            self._missing -= came
        else:
            self._look_for_head(self._head_bytes + came)
        if not self._status or self._missing > 0:
            return None
        if self._missing < 0:
            raise Unexpected("more than one answer to a request")
        status, self._status = self._status, 0
        return status

    def _look_for_head(self, came: int) -> None:
        end = self._buffer.find(b"\r\n\r\n", 0, came)
        if end < 0:
            if came == BUFFER_BYTES:
                raise Unexpected(f"a head of more than {BUFFER_BYTES} bytes")
            self._head_bytes = came
            return
        head = bytes(self._view[: end + 2]).lower()
        _, found, length = head.partition(b"\r\ncontent-length:")
        if not found:
            raise Unexpected(f"an answer without Content-Length: {head[:200]!r}")
        self._status = int(head.split(b" ", 2)[1])
        self._missing = int(length[: length.index(b"\r\n")]) - (came - end - 4)
        self._head_bytes = 0


class Answered(NamedTuple):
    """times_ms: of the requests that were due after the warm-up. not_200: of all requests."""

    times_ms: list[float]
    not_200: int


def answered(connections: list[Connection], rate: float, count: int, warm_up_s: float) -> Answered:
    """Send so many requests, `rate` a second; back when all are answered. Unexpected, OSError, TimeoutError."""
    idle, due = deque(connections), deque[float]()
    times_ms: list[float] = []
    not_200 = sent = unanswered = 0
    with DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, EVENT_READ, connection)
        started_s = time.monotonic()
        while sent < count or unanswered:
            now_s = time.monotonic()
            while sent < count and (due_s := started_s + sent / rate) <= now_s:
                due.append(due_s)
                sent, unanswered = sent + 1, unanswered + 1
            while due and idle:
                idle.popleft().get(due.popleft())
            ready = selector.select(started_s + sent / rate - now_s if sent < count else GIVE_UP_S)
            if not ready and sent == count:
                raise TimeoutError(f"{unanswered} requests were not answered within {GIVE_UP_S:g} s")
            for key, _ in ready:
                if (status := key.data.read()) is None:
                    continue
                if key.data.due_s >= started_s + warm_up_s:
                    times_ms.append((time.monotonic() - key.data.due_s) * 1000)
                not_200 += status != 200
                unanswered -= 1
                idle.append(key.data)
    return Answered(times_ms, not_200)


def load(url: str, rate: float, seconds: float) -> dict[str, float]:
    """Milliseconds of the requests, and how many were not answered with 200."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    with ExitStack() as opened:
        streams = [opened.enter_context(socket.create_connection((host, port))) for _ in range(CONNECTIONS)]
        connections = [Connection(stream, request) for stream in streams]
        times_ms, not_200 = answered(connections, rate, int(rate * seconds), WARM_UP_S)
    ordered = sorted(times_ms)
    found = {f"p{share}": round(percentile(ordered, share / 100), 2) for share in (50, 99, 99.9)}
    return {"requests": len(ordered), "failed": not_200, **found, "max": round(ordered[-1], 2)}


if __name__ == "__main__":
    print(json.dumps(load(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))))
