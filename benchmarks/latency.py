"""Latency: from producing an event to the first HTTP answer that contains it, under a steady load."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiokafka import AIOKafkaProducer

from benchmarks.events import envelope, envelopes

PROBE_INTERVAL_S = 0.05
SLICE_S = 0.004
"""The load is sent in slices this long: smooth, as many small producers make it."""

POLL_S = 0.001
"""Between an answer without the event and the next request."""

GIVE_UP_S = 5.0


async def measure(
    producer: AIOKafkaProducer, topic: str, partitions: int, address: str, rate: int, seconds: float
) -> list[float]:
    """Milliseconds of each probe: an event on a schedule of its own, asked for until it is there."""
    sending = asyncio.create_task(load(producer, topic, partitions, rate, envelopes(1_000_000, 500, seed=2)))
    try:
        async with asker(address) as ask:
            await asyncio.sleep(1.0)  # the load has settled
            probes: list[float] = []
            until_s = time.monotonic() + seconds
            while time.monotonic() < until_s:  # one after the other: probes must not become a load of their own
                probes.append(await _probe(ask, producer, topic, len(probes) % partitions))
                await asyncio.sleep(PROBE_INTERVAL_S)
            return sorted(probes)
    finally:
        sending.cancel()


async def load(producer: AIOKafkaProducer, topic: str, partitions: int, rate: int, values: Iterator[bytes]) -> None:
    """Send values round robin at `rate` per second, until cancelled; at once back if it is 0."""
    if not rate:
        return
    started_s, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - started_s) * rate)
        while sent < due:
            sent += 1
            await producer.send(topic, next(values), partition=sent % partitions)
        await asyncio.sleep(SLICE_S)


class Asker:
    """One kept connection, asked for one path after the other.

    A client library takes three times the processor time that the server takes for the answer, of which there are up to
    a thousand a second: both share the processors.
    """

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer

    async def status(self, path: str) -> int:
        """Of the answer, which is read."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await self._reader.readexactly(length)
        return int(head.split(b" ", 2)[1])


@asynccontextmanager
async def asker(address: str) -> AsyncIterator[Asker]:
    """Of a server at http://host:port."""
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Asker(parts.netloc, reader, writer)
    finally:
        writer.close()


async def _probe(ask: Asker, producer: AIOKafkaProducer, topic: str, partition: int) -> float:
    schedule = f"probe-{uuid.uuid4().hex}"
    event = envelope(str(uuid.uuid4()), time.time_ns() // 1_000_000, schedule, 1)
    started_s = time.monotonic()
    await producer.send(topic, event, partition=partition)
    while time.monotonic() - started_s < GIVE_UP_S:
        if await ask.status(f"/v1/schedules/{schedule}/sales") == 200:
            return (time.monotonic() - started_s) * 1000
        await asyncio.sleep(POLL_S)
    raise TimeoutError(f"event on partition {partition} not in any answer after {GIVE_UP_S:g} s")


def percentile(ordered: list[float], share: float) -> float:
    """The value below which `share` of the ordered values lie (nearest rank)."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
