"""Reads under load: `python -m benchmarks.reads`; the last line is JSON. See docs/performance.md.

One worker with a catalogue of 10,000 schedules takes in 10,000 events a second; it is asked for a top-100 board 500
times a second, for boards of a week ago that nobody asked for before, and watched by 1,000 live clients. Kafka, the
load and the clients share the machine with it.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import click
from aiokafka import AIOKafkaProducer

from benchmarks.app import start
from benchmarks.events import envelope, fill, popularity
from benchmarks.latency import percentile
from benchmarks.peers.load import Load, sending
from ranking_app.kafka_client import started, wait_for_brokers
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.ports import pick_ports
from ranking_app.settings import load_settings
from ranking_app.topics import ensure_topics

PARTITIONS = 3
TOPIC, CATALOGUE = "reservation.completed", "concert.schedule.created"
DAY_S = 86_400
HISTORY_EVENTS, HISTORY_DAYS = 300_000, 10
READ_RATE = 500
CLIENTS, CLIENT_EVENT_RATE, MARK_INTERVAL_S = 1_000, 1_000, 0.25
COLD_BOARDS = 20
SETTLE_S = 6.0
"""After a backlog the worker looks at all schedules for ranks of the last ten minutes; and the load has just begun."""

GIVE_UP_S = 120.0

LOAD_SPARE_S = 30.0
"""A load lasts so much longer than what it is measured for: to settle, and to start and connect those who read."""


@click.command()
@click.option("--schedules", default=10_000, show_default=True)
@click.option("--event-rate", default=10_000, show_default=True)
@click.option("--seconds", default=20.0, show_default=True)
def main(schedules: int, event_rate: int, seconds: float) -> None:
    """Load one worker, read from it, print how long the answers took."""
    with tempfile.TemporaryDirectory(prefix="ranking-bench-") as folder, LocalKafka(Path(folder) / "kafka") as kafka:
        print(json.dumps(asyncio.run(_bench(kafka, Path(folder), schedules, event_rate, seconds))))


async def _bench(kafka: LocalKafka, folder: Path, schedules: int, event_rate: int, seconds: float) -> dict[str, Any]:
    (port,) = pick_ports("127.0.0.1", 1)
    address = f"http://127.0.0.1:{port}"
    options = {"bootstrap_servers": kafka.bootstrap.split(",")}
    await wait_for_brokers(options, 30_000, None)
    await ensure_topics(load_settings(broker=kafka.url, app_id="bench"), options)
    names = [f"WorldDJFestival2025{number:06d}" for number in range(schedules)]
    producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True, linger_ms=2, max_batch_size=512 * 1024)
    async with started(producer):
        await asyncio.gather(*[await producer.send(CATALOGUE, value, key=key) for key, value in _listings(names)])
        await fill(producer, TOPIC, PARTITIONS, _sales(names, HISTORY_EVENTS, HISTORY_DAYS * DAY_S))
        settings = {"broker": kafka.url, "app_id": "bench", "data_dir": folder / "worker", "web_port": port}
        worker = start("worker", folder / "worker.log", **settings)
        try:
            await _until_read(address)
            return {
                "schedules": schedules,
                "events_per_second": event_rate,
                **await _measure(kafka, folder, producer, address, schedules, event_rate, seconds),
            }
        finally:
            worker.terminate()
            worker.wait(timeout=30)


async def _measure(
    kafka: LocalKafka,
    folder: Path,
    producer: AIOKafkaProducer,
    address: str,
    schedules: int,
    event_rate: int,
    seconds: float,
) -> dict[str, Any]:
    found: dict[str, Any] = {"cold_week_ago_ms": await _cold_boards(address)}
    print("boards of a week ago, each asked for the first time, ms:", found["cold_week_ago_ms"], flush=True)
    load = Load(TOPIC, PARTITIONS, event_rate, 2 * seconds + LOAD_SPARE_S, schedules)
    with sending(load, kafka.bootstrap, folder) as sent_rate:
        found |= await _read(address, seconds)
        sent_rate()  # else what was counted was not this load
    print(
        f"counted per second: alone {found['counted_per_second_alone']:,}, while read "
        f"{found['counted_per_second_read']:,}; lag then {found['lag_after']:,}; top 100: {found['top_100_ms']}",
        flush=True,
    )
    await _until_read(address)
    load = Load(TOPIC, PARTITIONS, CLIENT_EVENT_RATE, seconds + LOAD_SPARE_S, schedules)
    with sending(load, kafka.bootstrap, folder) as sent_rate:
        found["live_ms"] = await _watch(producer, address, seconds)
        sent_rate()
    print(f"live clients at {CLIENT_EVENT_RATE:,} events/s: {found['live_ms']}", flush=True)
    return found


async def _read(address: str, seconds: float) -> dict[str, Any]:
    """Let it count alone, then while a board is read."""
    found: dict[str, Any] = {}
    board = f"{address}/v1/rankings/sales?window=1h&limit=100"
    await asyncio.sleep(SETTLE_S)
    found["counted_per_second_alone"] = await _counted_per_second(address, seconds)
    reading = await _process("benchmarks.http_load", board, READ_RATE, seconds)
    found["counted_per_second_read"] = await _counted_per_second(address, seconds - 1)
    found["top_100_ms"] = await _output(reading)
    found["lag_after"] = await _lag(address)
    return found


async def _watch(producer: AIOKafkaProducer, address: str, seconds: float) -> Any:
    """What the live clients saw of the marks."""
    marking = asyncio.create_task(_mark(producer))
    board = f"{address}/v1/live?boards=sales;window=1h&limit=10"
    found = await _output(await _process("benchmarks.watchers", board, CLIENTS, seconds))
    marking.cancel()
    return found


def _listings(names: list[str]) -> Iterator[tuple[bytes, bytes]]:
    now = datetime.now(UTC).isoformat()
    for number, name in enumerate(names):
        payload = {"concertScheduleId": name, "capacity": 100 + number % 5_000, "title": f"World DJ Festival {number}",
                   "venue": f"Hall {number % 300}", "genre": ("dj", "rock", "trot")[number % 3]}  # fmt: skip
        event = {"eventId": str(uuid.uuid4()), "eventType": CATALOGUE, "eventTime": now, "payload": payload}
        yield name.encode(), json.dumps(event).encode()


def _sales(names: list[str], count: int, span_s: int) -> Iterator[bytes]:
    """Sales of the last span_s seconds in the order of time."""
    chance, run = random.Random(3), uuid.uuid4().hex[:20]
    chosen = chance.choices(names, popularity(len(names)), k=count)
    started_ms = time.time_ns() // 1_000_000 - span_s * 1000
    for number in range(count):
        at_ms = started_ms + number * span_s * 1000 // count
        event_id = f"{run[:8]}-{run[8:12]}-{run[12:16]}-{run[16:20]}-{number:012x}"
        yield envelope(event_id, at_ms, chosen[number], number)


async def _mark(producer: AIOKafkaProducer) -> None:
    """A sale of a schedule that is named after the time, each of more seats: at once the first of the board."""
    number = 0
    while True:
        number += 1
        now_ms = time.time_ns() // 1_000_000
        value = envelope(str(uuid.uuid4()), now_ms, f"mark-{now_ms}", number)
        value = value.replace(b'"quantity":1', b'"quantity":%d' % (9_000 + number))
        await producer.send(TOPIC, value, partition=number % PARTITIONS)
        await asyncio.sleep(MARK_INTERVAL_S)


async def _cold_boards(address: str) -> dict[str, float]:
    times_ms = []
    async with aiohttp.ClientSession() as session:
        for number in range(COLD_BOARDS):
            as_of = datetime.fromtimestamp(time.time() - 7 * DAY_S - number * 7_919, UTC).isoformat()[:19] + "Z"
            started_s = time.monotonic()
            url = f"{address}/v1/rankings/sales?window=1h&limit=100&asOf={as_of}"
            async with session.get(url) as answer:
                assert (await answer.json(content_type=None))["total"] > 0
            times_ms.append((time.monotonic() - started_s) * 1000)
    ordered = sorted(times_ms)
    return {"p50": round(percentile(ordered, 0.5), 1), "max": round(ordered[-1], 1)}


async def _ops(address: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(f"{address}/v1/ops") as answer:
        return await answer.json(content_type=None)


async def _counted_per_second(address: str, seconds: float) -> int:
    before, started_s = await _ops(address), time.monotonic()
    await asyncio.sleep(seconds)
    after, took_s = await _ops(address), time.monotonic() - started_s
    counted = sum(p["counted"] for p in after["partitions"]) - sum(p["counted"] for p in before["partitions"])
    return round(counted / took_s)


async def _lag(address: str) -> int:
    return sum(part["lag"] for part in (await _ops(address))["partitions"])


async def _until_read(address: str) -> None:
    deadline_s = time.monotonic() + GIVE_UP_S
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline_s:
            try:
                async with session.get(f"{address}/v1/rankings/sales?window=all&limit=1") as answer:
                    if answer.status == 200:
                        found = (await answer.json(content_type=None))["completeness"]
                        if found["complete"] and not any(part["lag"] for part in found["partitions"]):
                            return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise TimeoutError(f"the worker did not read everything within {GIVE_UP_S:g} s")


async def _process(module: str, *arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )


async def _output(process: asyncio.subprocess.Process) -> Any:
    out, _ = await process.communicate()
    return json.loads(out)


if __name__ == "__main__":
    main()
