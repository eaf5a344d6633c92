"""A poll that brings little rests before the next one, and nothing is fetched meanwhile; a backlog does not wait."""

import asyncio
import time
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from ranking_app.upstream import consumer as ours
from ranking_app.upstream.consumer import LIVE_RECORDS, BatchConsumerThread

SALES, MORE_SALES, CHANGELOG = (TopicPartition(name, 0) for name in ("sales", "more-sales", "changelog"))
POLLED = {TP(*SALES), TP(*MORE_SALES)}


class Consumer:
    """What is used of an aiokafka consumer."""

    def __init__(self) -> None:
        self.assigned = {SALES, MORE_SALES, CHANGELOG}
        self.paused_now: set[TopicPartition] = set()

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.assigned)

    def pause(self, *partitions: TopicPartition) -> None:
        assert self.assigned.issuperset(partitions), "aiokafka would raise"
        self.paused_now.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        assert self.assigned.issuperset(partitions), "aiokafka would raise"
        self.paused_now.difference_update(partitions)


class Polls:
    """A consumer's thread whose polls bring what a test says; notes what was paused while each was under way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.consumer = Consumer()
        self.paused_in_poll: list[set[TopicPartition]] = []
        self.brings = 0
        self._thread: Any = object.__new__(BatchConsumerThread)
        self._thread._polling = asyncio.Lock()
        self._thread._rests_until_s = self._thread._computed_s = 0.0
        self._thread._resting = frozenset()

        async def found(*_: Any) -> Any:
            self.paused_in_poll.append(set(self.consumer.paused_now))
            return {SALES: [object()] * self.brings} if self.brings else {}

        monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", found)

    async def poll(self, brings: int) -> float:
        """Returns the seconds that it took."""
        self.brings = brings
        started_s = time.monotonic()
        await self._thread._fetch_records(self.consumer, POLLED, timeout=0.0)
        return time.monotonic() - started_s


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> Polls:
    return Polls(monkeypatch)


async def test_after_a_live_poll_nothing_is_fetched_until_the_next_one(polls: Polls) -> None:
    await polls.poll(LIVE_RECORDS - 1)
    assert polls.consumer.paused_now == {SALES, MORE_SALES}, "of a changelog, only its owner decides"
    await polls.poll(0)
    assert polls.paused_in_poll == [set(), set()]
    assert polls.consumer.paused_now == set(), "who waits for a first event has a fetch under way"


async def test_who_is_behind_does_not_rest(polls: Polls) -> None:
    await polls.poll(LIVE_RECORDS)
    assert polls.consumer.paused_now == set()


async def test_what_was_held_back_stays_so(polls: Polls) -> None:
    polls.consumer.pause(CHANGELOG)
    await polls.poll(1)
    await polls.poll(0)
    assert polls.consumer.paused_now == {CHANGELOG}


async def test_what_was_revoked_while_it_rested_is_not_resumed(polls: Polls) -> None:
    await polls.poll(1)
    polls.consumer.assigned.remove(MORE_SALES)
    await polls.poll(0)
    assert SALES not in polls.consumer.paused_now


async def test_it_rests_as_long_as_the_process_computed_and_no_longer_than_a_bound(
    polls: Polls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "LONGEST_REST_S", 0.2)
    computed_s = iter([1.0, 1.05, 9.0])
    monkeypatch.setattr(time, "process_time", lambda: next(computed_s))
    await polls.poll(1)
    await polls.poll(1)
    assert await polls.poll(1) >= 0.05
    assert await polls.poll(0) >= 0.2
