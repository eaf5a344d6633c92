"""What a measurement begins with: brokers that answer, the topics of the app, and events to count."""

import contextlib
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaProducer

from benchmarks.events import envelopes, fill
from benchmarks.stock_rate import PARTITIONS, TOPIC
from ranking_app.kafka_client import started, wait_for_brokers
from ranking_app.local.kafka import LocalKafka
from ranking_app.settings import Settings
from ranking_app.topics import ensure_topics


@contextlib.asynccontextmanager
async def filled_topic(
    kafka: LocalKafka, settings: Settings, events: int, schedules: int
) -> AsyncIterator[tuple[AIOKafkaProducer, int]]:
    """A producer for what comes after them, and how many events there are."""
    options = {"bootstrap_servers": kafka.bootstrap.split(",")}
    await wait_for_brokers(options, 30_000, None)
    await ensure_topics(settings, options)
    producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True, max_batch_size=512 * 1024)
    async with started(producer):
        count = await fill(producer, TOPIC, PARTITIONS, envelopes(events, schedules))
        print(f"{count:,} events of {schedules} schedules on {TOPIC}, {PARTITIONS} partitions", flush=True)
        yield producer, count
