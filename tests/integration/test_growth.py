"""Source topics with fewer partitions than the tables, and what happens when they are grown: on a real Kafka."""

import asyncio
import contextlib
import importlib
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from agents.ownership import Ownership
from ranking_app import topics
from ranking_app.kafka_client import client_options, reader
from ranking_app.local.kafka import LocalKafka
from ranking_app.settings import Settings
from ranking_app.topics import (
    METADATA_MAX_AGE_MS,
    TopicNotGrown,
    TopicWouldShrink,
    WrongPartitionCount,
    dead_letter_name,
    ensure_topics,
    grow_source_topics,
    partition_counts,
)
from tests.support.board_answers import lag, offsets, sold
from tests.support.in_process import InProcess, envelope, producing, read_topic, running, settings_of
from tests.support.processes import free_port
from tests.support.waiting import wait_until

NOTICED_WITHIN_S = 12.0


@pytest.fixture
def settings(kafka: LocalKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Six tables. Workers take source topics with fewer partitions."""

    def may_grow(*args: Any, **_: Any) -> Any:
        return ensure_topics(*args, may_grow=True)

    for module in ("ranking_app.app", "ranking_app.process"):
        with contextlib.suppress(ImportError, AttributeError):
            monkeypatch.setattr(importlib.import_module(module), "ensure_topics", may_grow)
        with contextlib.suppress(ImportError, AttributeError):
            monkeypatch.setattr(
                importlib.import_module(module),
                "reader",
                lambda *a, **k: reader(*a, **{"metadata_max_age_ms": METADATA_MAX_AGE_MS, **k}),
            )
    return settings_of(f"g{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data", notify_top=0, partitions=6)


async def three_partitions(settings: Settings) -> None:
    """The topics as an app with three tables left them."""
    await ensure_topics(
        settings.model_copy(update={"app_id": f"{settings.app_id}-before", "partitions": 3}), client_options(settings)
    )


def listed(answer: Any) -> list[tuple[str, int]]:
    return [(part["topic"], part["partition"]) for part in answer["completeness"]["partitions"]]


def all_partitions(settings: Settings, count: int) -> list[tuple[str, int]]:
    sources = [(topic, number) for topic in settings.source_topics for number in range(count)]
    return [*sources, (settings.catalogue_topic, 0)]


class Selling:
    """A producer that sends to every partition that it knows of, all the time."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer
        self.sent: Counter[tuple[str, int]] = Counter()

    @property
    def sold(self) -> dict[str, int]:
        """What is to be on the board: a completion sells two, a cancellation gives one back."""
        found: Counter[str] = Counter()
        for (topic, number), count in self.sent.items():
            found[f"S{number}"] += 2 * count if topic == self._settings.completed_topic else -count
        return dict(found)

    async def once(self) -> None:
        """One record to every partition."""
        for topic in self._settings.source_topics:
            cancels = topic == self._settings.cancelled_topic
            for number in sorted(await self._producer.partitions_for(topic)):
                event_type = "reservation.cancelled" if cancels else "reservation.completed"
                record = envelope(f"S{number}", 1 if cancels else 2, event_type=event_type)
                await self._producer.send_and_wait(topic, record, partition=number)
                self.sent[topic, number] += 1

    async def until_stopped(self, stop: asyncio.Event) -> None:
        """Again and again."""
        while not stop.is_set():
            await self.once()


@contextlib.asynccontextmanager
async def selling(settings: Settings) -> AsyncIterator[tuple[Selling, asyncio.Event]]:
    """A producer that goes on until the event is set."""
    stop = asyncio.Event()
    async with producing(settings, metadata_max_age_ms=200) as producer:
        found = Selling(settings, producer)
        task = asyncio.create_task(found.until_stopped(stop))
        try:
            yield found, stop
        finally:
            stop.set()
            await task


@pytest.mark.parametrize("workers", [1, 2])
async def test_running_workers_take_up_new_source_partitions_from_their_beginning_and_nothing_is_lost(
    settings: Settings, tmp_path: Path, workers: int
) -> None:
    await three_partitions(settings)
    async with contextlib.AsyncExitStack() as stack:
        every = [
            await stack.enter_async_context(running(one))
            for one in (
                settings.model_copy(update={"data_dir": tmp_path / f"data-{number}", "web_port": free_port()})
                for number in range(workers)
            )
        ]
        worker = every[0]
        before = await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        assert listed(before) == all_partitions(settings, 3)
        async with selling(settings) as (sales, stop):
            await worker.until("/v1/rankings/sales", lambda a: len(sold(a)) == 3)
            await grow_source_topics(settings, client_options(settings), 6)
            grown_s = time.monotonic()
            for one in every:
                await one.until(
                    "/v1/rankings/sales",
                    lambda a: listed(a) == all_partitions(settings, 6),
                    within_s=NOTICED_WITHIN_S - (time.monotonic() - grown_s),
                )
            await worker.until("/v1/rankings/sales", lambda a: len(sold(a)) == 6, within_s=30)
            stop.set()
        assert len(sales.sent) == 12
        for one in every:
            after = await one.until("/v1/rankings/sales", lambda a: sales.sent.items() <= offsets(a).items())
            assert sold(after) == sales.sold
            assert listed(after) == all_partitions(settings, 6)
            await one.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"] and lag(a) == 0)
        await owned_by(worker, workers)


async def owned_by(worker: InProcess, workers: int) -> None:
    """So many workers have the same number of partitions, and both topics' partition p is with one of them."""

    def owners(answer: Any) -> dict[tuple[str, int], str | None]:
        return {(part["topic"], part["partition"]): part["worker"] for part in answer["partitions"]}

    ops = await worker.until("/v1/ops", lambda a: len(set(owners(a).values()) - {None}) == workers)
    found = owners(ops)
    completed, cancelled = worker.settings.source_topics
    assert all(found[completed, number] == found[cancelled, number] for number in range(6))
    assert set(Counter(found.values()).values()) == {12 // workers}


async def test_tables_without_source_partitions_are_let_go_before_they_move(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[set[int]] = []
    let_go = Ownership.let_go

    async def noting(ownership: Ownership, revoked: set[Any]) -> None:
        await let_go(ownership, revoked)
        left.append(ownership.partitions)

    monkeypatch.setattr(Ownership, "let_go", noting)
    await three_partitions(settings)
    async with running(settings) as worker:
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        left.clear()
        another = settings.model_copy(update={"data_dir": tmp_path / "another", "web_port": free_port()})
        async with running(another):
            await asyncio.to_thread(wait_until, lambda: bool(left), 20, "the other has joined")
    assert not any(left)


async def test_a_bad_record_of_a_new_partition_finds_its_dead_letter_partition(settings: Settings) -> None:
    await three_partitions(settings)
    async with running(settings) as worker, producing(settings, metadata_max_age_ms=200) as producer:
        topic = settings.completed_topic
        await producer.send_and_wait(topic, b"before", partition=0)  # from now on the worker knows three of them
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["deadLetters"] == 1)
        await grow_source_topics(settings, client_options(settings), 6)
        while 5 not in await producer.partitions_for(topic):  # noqa: ASYNC110 - what its client asks for in the background
            await asyncio.sleep(0.05)
        await producer.send_and_wait(topic, b"after", partition=5)
        await producer.send_and_wait(topic, envelope("S"), partition=5)
        await worker.until("/v1/rankings/sales", lambda a: sold(a) == {"S": 1} and lag(a) == 0)
    letters = await read_topic(settings, dead_letter_name(topic), partitions=6)
    assert [(letter.partition, letter.value) for letter in letters] == [(0, b"before"), (5, b"after")]


async def test_fewer_source_partitions_than_tables_are_taken_only_where_they_may_grow(settings: Settings) -> None:
    options = client_options(settings)
    await three_partitions(settings)
    with pytest.raises(WrongPartitionCount, match="has 3 partitions, but this app needs 6"):
        await ensure_topics(settings, options)
    created = [spec.name for spec, now in await ensure_topics(settings, options, may_grow=True) if now]
    assert created == [settings.changelog_topic]
    with pytest.raises(WrongPartitionCount, match="has 3 partitions, but this app needs 2"):
        await ensure_topics(settings.model_copy(update={"partitions": 2}), options, may_grow=True)


async def test_growing_twice_changes_nothing_the_second_time_and_never_shrinks(settings: Settings) -> None:
    options = client_options(settings)
    await three_partitions(settings)
    names = [*map(dead_letter_name, settings.source_topics), *settings.source_topics]
    assert await grow_source_topics(settings, options, 6) == [(name, 3, 6) for name in names]
    assert await grow_source_topics(settings, options, 6) == []
    with pytest.raises(TopicWouldShrink, match="6 partitions, more than 5"):
        await grow_source_topics(settings, options, 5)
    assert await partition_counts(names, options) == dict.fromkeys(names, 6)
    await ensure_topics(settings, options)


async def test_dead_letters_come_first_and_growth_that_broke_off_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = client_options(settings)
    await three_partitions(settings)
    grow = topics._grow

    async def not_the_sources(admin: Any, name: str, partitions: int) -> None:
        if name == settings.completed_topic:
            raise TopicNotGrown("the power went")
        await grow(admin, name, partitions)

    with monkeypatch.context() as patch:
        patch.setattr(topics, "_grow", not_the_sources)
        with pytest.raises(TopicNotGrown):
            await grow_source_topics(settings, options, 6)
    letters = [dead_letter_name(topic) for topic in settings.source_topics]
    counts = await partition_counts([*letters, *settings.source_topics], options)
    assert list(counts.values()) == [6, 6, 3, 3]
    await ensure_topics(settings, options, may_grow=True)
    assert await grow_source_topics(settings, options, 6) == [(topic, 3, 6) for topic in settings.source_topics]


async def test_a_source_that_was_grown_without_its_dead_letters_is_refused(settings: Settings) -> None:
    options = client_options(settings)
    await three_partitions(settings)
    await grow_only(settings.completed_topic, options)
    with pytest.raises(WrongPartitionCount, match=f"{settings.completed_topic}-dlt' has 3 partitions and its source 6"):
        await ensure_topics(settings, options, may_grow=True)


async def grow_only(topic: str, options: Any) -> None:
    """As `kafka-topics.sh --alter` does."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        await topics._grow(admin, topic, 6)
        await topics._wait_until_led(options, topic, 6)
    finally:
        await admin.close()


async def test_a_topic_that_does_not_exist_is_not_grown(settings: Settings) -> None:
    with pytest.raises(TopicNotGrown, match="does not exist"):
        await grow_source_topics(settings, client_options(settings), 6)
