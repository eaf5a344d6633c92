"""The fetcher of aiokafka 0.14.0 lets a cancellation out of its close that nobody has asked for."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher

from ranking_app.kafka_client import close


class Network:
    """In place of the connections."""

    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


def in_a_pause() -> AIOKafkaConsumer:
    """A consumer that pauses after a failed fetch."""
    fetcher = Fetcher.__new__(Fetcher)
    fetcher._fetch_waiters = set()
    fetcher._fetch_task = asyncio.ensure_future(asyncio.sleep(60))
    fetcher._pending_tasks = {asyncio.ensure_future(asyncio.sleep(60))}
    consumer = AIOKafkaConsumer.__new__(AIOKafkaConsumer)
    consumer._closed, consumer._coordinator, consumer._fetcher, consumer._client = False, None, fetcher, Network()
    return consumer


async def test_aiokafka_still_lets_it_out() -> None:
    consumer = in_a_pause()
    await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):  # else `_disconnect` in ranking_app/kafka_client.py can go
        await consumer.stop()
    assert not consumer._client.closed


async def test_who_closes_a_consumer_in_a_pause_is_not_cancelled_and_leaves_no_connection() -> None:
    consumer = in_a_pause()
    await asyncio.sleep(0)
    await close(consumer)
    assert consumer._client.closed
