"""A worker in the test's own process, on a real Kafka, with topics of its own: for faults that need a hand inside."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiokafka import AIOKafkaProducer, TopicPartition

from ranking_app.app import run_worker
from ranking_app.client import RankingClient
from ranking_app.clock import WallClock
from ranking_app.kafka_client import client_options, partitions_of, reader, started
from ranking_app.settings import Settings, load_settings
from tests.support.own_settings import own_settings
from tests.support.processes import free_port

WITHIN_S = 40.0
READ_WITHIN_S = 90.0
"""An open transaction holds readers back until it times out, after 30 s."""


def settings_of(prefix: str, broker: str, data_dir: Path, **more: Any) -> Settings:
    """Settings with topics and a group of their own."""
    own = {name.removeprefix("RANKING_").lower(): value for name, value in own_settings(prefix, broker).items()}
    return load_settings(**own, data_dir=data_dir, web_port=free_port(), **more)


class InProcess:
    """A running worker, and what a test asks of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._stop = asyncio.Event()
        self.task = asyncio.create_task(run_worker(self.settings, WallClock(), self._stop))

    async def stop(self) -> None:
        """Stop cleanly; raises what the worker failed with."""
        self._stop.set()
        if self.task is not None:
            await asyncio.wait_for(self.task, 15)

    async def failure(self) -> BaseException:
        """What the worker ends with by itself, within the bound."""
        assert self.task is not None
        await asyncio.wait([self.task], timeout=WITHIN_S)
        error = self.task.exception() if self.task.done() else None
        assert error is not None, "the worker did not fail"
        return error

    def asking(self) -> RankingClient:
        """A client of this worker, to be used as a context manager."""
        return RankingClient(f"http://127.0.0.1:{self.settings.web_port}")

    async def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of an answer; (0, None) while nothing listens."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.settings.web_port}{path}") as answer,
            ):
                return answer.status, await answer.json(content_type=None)
        except aiohttp.ClientError:
            return 0, None

    async def until(self, path: str, holds: Callable[[Any], bool], within_s: float = WITHIN_S) -> Any:
        """The first answer of 200 for which holds is true."""
        deadline_s, last = time.monotonic() + within_s, None
        while time.monotonic() < deadline_s:
            if self.task is not None and self.task.done():
                self.task.result()
            status, last = await self.get(path)
            if status == 200 and holds(last):
                return last
            await asyncio.sleep(0.05)
        raise AssertionError(f"{path}: not within {within_s} s; last answer: {last}")


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[InProcess]:
    """A worker, started; stopped at the end if it still runs."""
    worker = InProcess(settings)
    worker.start()
    try:
        yield worker
    finally:
        if worker.task is not None and not worker.task.done():
            await worker.stop()


async def read_topic(settings: Settings, topic: str, partitions: int = 3, last: int | None = None) -> list[Any]:
    """Every record that a read_committed reader sees on a topic now, in the order of partitions.

    last: only those of so many offsets at the end of each partition.
    """
    async with started(reader(client_options(settings), isolation_level="read_committed")) as consumer:
        tps = partitions_of(topic, partitions)
        consumer.assign(tps)
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        for tp in tps:
            consumer.seek(tp, begins[tp] if last is None else max(begins[tp], ends[tp] - last))
        records: list[Any] = []
        deadline_s = time.monotonic() + READ_WITHIN_S
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            assert time.monotonic() < deadline_s, f"{topic} cannot be read to its end: {ends}"
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                records += batch
        return sorted(records, key=lambda record: (record.partition, record.offset))


async def committed(settings: Settings, tp: TopicPartition) -> int | None:
    """What the group of the app has committed; None: nothing."""
    consumer = reader(client_options(settings), group_id=settings.app_id)
    consumer.assign([tp])
    await consumer.start()
    try:
        offset: int | None = await consumer.committed(tp)
        return offset
    finally:
        await consumer.stop()


def envelope(schedule: str, quantity: int = 1, event_id: str | None = None, **more: Any) -> bytes:
    """A completed reservation of now."""
    return json.dumps(
        {
            "eventId": event_id or str(uuid.uuid4()),
            "eventType": more.pop("event_type", "reservation.completed"),
            "eventTime": more.pop("at", datetime.now(UTC).isoformat()),
            "payload": {"concertScheduleId": schedule, "quantity": quantity, "amount": 100 * quantity, **more},
        }
    ).encode()


@contextlib.asynccontextmanager
async def producing(settings: Settings, **more: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A producer, started."""
    producer = AIOKafkaProducer(**{**client_options(settings), "acks": "all", "enable_idempotence": True, **more})
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def header(record: Any, name: str) -> bytes:
    """The value of a record's header."""
    return dict(record.headers)[name]
