"""What the worker writes to cannot be written: it waits or stops with a reason, and acknowledges nothing."""

import asyncio
import json
import random
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

import ranking_app.app
from agents.dead_letters import DeadLetterNotAcknowledged
from ranking_app.errors import RankingError
from ranking_app.kafka_client import client_options, reader
from ranking_app.local.kafka import LocalKafka
from ranking_app.settings import Settings
from ranking_app.topics import changelog_config, delete_topic, ensure_topics
from ranking_app.upstream.consumer import TablesLost
from schemas.dead_letter import read_dead_letter_headers
from tables.changelog import PRODUCER_OPTIONS
from tests.support.in_process import InProcess, producing, read_topic, running, settings_of

WATCHED_S = 3.0
"""How long nothing must happen; flushes and commits come several times in it."""

BAD = b"no json"


@pytest.fixture
def settings(kafka: LocalKafka, tmp_path: Path) -> Settings:
    return settings_of(f"n{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing topic is given up on after 6 s, not after 40."""
    monkeypatch.setattr(ranking_app.app, "PRODUCER_OPTIONS", {**PRODUCER_OPTIONS, "request_timeout_ms": 6_000})


def event(schedule: str = "S") -> bytes:
    return json.dumps(
        {
            "eventId": str(uuid.uuid4()),
            "eventType": "reservation.completed",
            "eventTime": datetime.now(UTC).isoformat(),
            "payload": {"concertScheduleId": schedule},
        }
    ).encode()


async def configure(settings: Settings, topic: str, **values: str) -> None:
    """Replace the topic's configuration; underscores stand for dots."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        named = {name.replace("_", "."): value for name, value in values.items()}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, named)])
    finally:
        await admin.close()
    await asyncio.sleep(0.5)  # until every thread of the broker has heard of it


async def acknowledged(settings: Settings, topic: str, partition: int = 0) -> int:
    """The group's committed offset: what would not come again."""
    consumer = reader(client_options(settings), group_id=settings.app_id)
    consumer.assign([TopicPartition(topic, partition)])
    await consumer.start()
    try:
        return await consumer.committed(TopicPartition(topic, partition)) or 0
    finally:
        await consumer.stop()


async def send(settings: Settings, *values: bytes, topic: str | None = None) -> None:
    async with producing(settings) as producer:
        for value in values:
            await producer.send_and_wait(topic or settings.completed_topic, value, key=b"k", partition=0)


async def loaded(worker: InProcess) -> None:
    await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])


def sold(answer: Any) -> int:
    return sum(entry["sold"] for entry in answer["entries"])


def applied(answer: Any, topic: str) -> int:
    parts = answer["completeness"]["partitions"]
    return next(part["offset"] for part in parts if (part["topic"], part["partition"]) == (topic, 0))


async def check_waits(worker: InProcess, settings: Settings, applied_to: int) -> None:
    """For a while: it runs, nothing moves, nothing is acknowledged."""
    topic, until_s = settings.completed_topic, time.monotonic() + WATCHED_S
    while time.monotonic() < until_s:
        _, answer = await worker.get("/v1/rankings/sales")
        assert applied(answer, topic) == applied_to
        await asyncio.sleep(0.2)
    assert await acknowledged(settings, topic) <= applied_to
    assert worker.task is not None
    assert not worker.task.done()


async def test_below_min_insync_replicas_it_waits_and_goes_on_by_itself(can_run_kafka: None, tmp_path: Path) -> None:
    with LocalKafka(tmp_path / "kafka", brokers=3) as cluster:
        settings = settings_of("isr", cluster.url, tmp_path / "data")
        letters = f"{settings.completed_topic}-dlt"
        await ensure_topics(settings, client_options(settings))
        await configure(settings, letters, min_insync_replicas="3")
        async with running(settings) as worker:
            await loaded(worker)
            await send(settings, event())
            await worker.until("/v1/rankings/sales", lambda a: sold(a) == 1)
            cluster.kill(2)  # everything but the dead letters can be written still
            await send(settings, BAD, event())
            await check_waits(worker, settings, applied_to=1)
            await configure(settings, letters, min_insync_replicas="2")
            await worker.until("/v1/rankings/sales", lambda a: sold(a) == 2)

            await configure(settings, settings.changelog_topic, **changelog_config(), min_insync_replicas="3")
            await send(settings, event())
            await check_waits(worker, settings, applied_to=3)
            await configure(settings, settings.changelog_topic, **changelog_config(), min_insync_replicas="2")
            await worker.until("/v1/rankings/sales", lambda a: sold(a) == 3)
        assert await acknowledged(settings, settings.completed_topic) == 4
        assert [record.value for record in await read_topic(settings, letters)] == [BAD]


async def test_a_letter_too_large_for_its_topic_is_compressed_else_cut_and_holds_up_nothing(settings: Settings) -> None:
    await ensure_topics(settings, client_options(settings))
    topic = f"{settings.completed_topic}-dlt"
    await configure(settings, topic, max_message_bytes="3000")
    noise = random.Random(5).randbytes(50_000)
    async with running(settings) as worker:
        await loaded(worker)
        await send(settings, b"x" * 50_000, noise, BAD, event())
        answer = await worker.until("/v1/rankings/sales", lambda a: sold(a) == 1)
        assert answer["completeness"]["deadLetters"] == 3
    first, second, third = await read_topic(settings, topic)
    assert first.value == b"x" * 50_000
    assert (third.key, third.value) == (b"k", BAD)
    parsed = read_dead_letter_headers(second.headers)
    assert parsed is not None
    assert (parsed[0].offset, parsed[0].cut_from) == (1, 50_000)
    assert second.key == b"k"
    assert noise.startswith(second.value)
    assert 1_000 < len(second.value) < 3_000


async def test_a_dead_letter_topic_too_small_for_any_letter_stops_the_worker_which_says_so(settings: Settings) -> None:
    await ensure_topics(settings, client_options(settings))
    await configure(settings, f"{settings.completed_topic}-dlt", max_message_bytes="100")
    async with running(settings) as worker:
        await loaded(worker)
        await send(settings, event(), BAD)
        error = await worker.failure()
    assert isinstance(error, DeadLetterNotAcknowledged)
    assert "max.message.bytes" in str(error)
    assert await acknowledged(settings, settings.completed_topic) <= 1
    await configure(settings, f"{settings.completed_topic}-dlt", max_message_bytes="100000")
    async with running(settings) as again:
        await again.until("/v1/rankings/sales", lambda a: a["completeness"]["deadLetters"] == 1 and sold(a) == 1)


async def test_without_its_dead_letter_topic_it_stops_and_the_next_start_makes_it_anew(
    settings: Settings, hasty: None
) -> None:
    topic = f"{settings.completed_topic}-dlt"
    async with running(settings) as worker:
        await loaded(worker)
        await send(settings, BAD)
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["deadLetters"] == 1)
        await delete_topic(topic, client_options(settings))
        await asyncio.sleep(1.0)
        await send(settings, BAD, event())
        await check_waits(worker, settings, applied_to=1)
        error = await worker.failure()
    assert isinstance(error, DeadLetterNotAcknowledged)
    assert topic in str(error)
    assert await acknowledged(settings, settings.completed_topic) == 1
    async with running(settings) as again:
        await again.until("/v1/rankings/sales", lambda a: a["completeness"]["deadLetters"] == 2 and sold(a) == 1)
    assert [record.value for record in await read_topic(settings, topic)] == [BAD]


async def test_without_its_changelog_it_stops_and_acknowledges_nothing_more(settings: Settings, hasty: None) -> None:
    async with running(settings) as worker:
        await loaded(worker)
        await send(settings, event())
        await worker.until("/v1/rankings/sales", lambda a: sold(a) == 1)
        await delete_topic(settings.changelog_topic, client_options(settings))
        await asyncio.sleep(1.0)
        await send(settings, event())
        error = await worker.failure()
    assert isinstance(error, RankingError)
    assert await acknowledged(settings, settings.completed_topic) == 1


async def test_a_changelog_made_anew_is_noticed_at_the_next_start(settings: Settings) -> None:
    async with running(settings) as worker:
        await loaded(worker)
        await send(settings, event())
        await worker.until("/v1/rankings/sales", lambda a: sold(a) == 1)
        await worker.stop()
    await delete_topic(settings.changelog_topic, client_options(settings))
    again = InProcess(settings)
    again.start()
    assert isinstance(await again.failure(), TablesLost)


async def test_without_its_catalogue_it_counts_on_and_says_that_it_is_incomplete(settings: Settings) -> None:
    async with running(settings) as worker:
        await loaded(worker)
        await delete_topic(settings.catalogue_topic, client_options(settings))
        await send(settings, event())
        await worker.until("/v1/rankings/sales", lambda a: not a["completeness"]["complete"])
        await worker.until("/v1/rankings/sales", lambda a: sold(a) == 1)
        await worker.stop()
    assert await acknowledged(settings, settings.completed_topic) == 1
    async with running(settings) as again:  # the start makes the topic anew
        answer = await again.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        assert sold(answer) == 1
