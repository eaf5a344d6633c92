"""A worker on a real Kafka, with a hand inside: what black-box tests cannot bring about."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

import agents.apply
import agents.upkeep
import ranking_app.app
import ranking_app.rankings.tally
from agents.decoding import ApplyFailed
from ranking_app.client_problems import UnknownSchedule
from ranking_app.kafka_client import client_options, writer
from ranking_app.rankings.panes import applied_of, place_of
from ranking_app.settings import Settings
from ranking_app.topics import ensure_topics
from tables.layout import PANE, POSITION
from tests.support.board_answers import lag, offsets, sold
from tests.support.in_process import InProcess, committed, envelope, producing, read_topic, running


async def test_stopped_while_its_producer_starts_it_leaves_no_connection_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, connected = [], asyncio.Event()

    def slow_writer(*arguments: Any, **more: Any) -> AIOKafkaProducer:
        producer = writer(*arguments, **more)
        start = producer._sender.start

        async def connects_and_waits() -> None:
            await start()
            connected.set()
            await asyncio.Event().wait()

        producer._sender.start = connects_and_waits
        made.append(producer)
        return producer

    monkeypatch.setattr(ranking_app.app, "writer", slow_writer)
    async with running(settings) as worker:
        await asyncio.wait_for(connected.wait(), 20)
        (producer,) = made
        connections = list(producer.client._conns.values())
        assert any(connection.connected() for connection in connections)
        await worker.stop()
    assert not any(connection.connected() for connection in connections)


async def test_ops_names_the_owner_of_every_partition_and_an_audit_leads_to_the_offsets(settings: Settings) -> None:
    for start in (1, 2):
        async with running(settings) as worker, producing(settings) as producer:
            await names_its_owner(worker, takeovers=start)
            await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
            sent = await producer.send_and_wait(settings.completed_topic, envelope("S", 2), partition=start)
            await leads_to(worker, partition=start, offset=sent.offset, sold_by_then=2 * start)


async def names_its_owner(worker: InProcess, takeovers: int) -> None:
    """Also of partitions on which nothing was ever sold."""
    ops = await worker.until("/v1/ops", lambda a: {part["takeovers"] for part in a["partitions"]} == {takeovers})
    name = f"127.0.0.1:{worker.settings.web_port}"
    assert ops["self"]["worker"] == name
    assert ops["workers"] == [{"worker": name, "partitions": [0, 1, 2]}]
    assert {part["worker"] for part in ops["partitions"]} == {name}


async def leads_to(worker: InProcess, partition: int, offset: int, sold_by_then: int) -> None:
    await worker.until("/v1/rankings/sales?window=all", lambda a: sold(a) == {"S": sold_by_then})
    _, audit = await worker.get("/v1/schedules/S/audit")
    found = {(source["partition"], source["firstOffset"]): source["completed"] for source in audit["sources"]}
    assert found[partition, offset] == 2
    assert audit["totals"]["quantity"] == sold_by_then == sum(pane["completed"] for pane in audit["panes"])
    ops = await worker.until("/v1/ops", lambda a: a["partitions"][partition]["eventsPerSecond"] > 0)
    assert ops["partitions"][partition]["counted"] == 1


async def test_an_exception_of_our_own_stops_the_worker_and_nothing_is_acknowledged_or_lost(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(schedule_id: str, minute: int) -> bytes:
        if schedule_id == "poison":
            raise ZeroDivisionError("a bug")
        return place_of(schedule_id, minute)

    async with running(settings) as worker, producing(settings) as producer:
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        topic = settings.completed_topic
        for _ in range(5):
            await producer.send_and_wait(topic, envelope("good"), partition=0)
        await worker.until("/v1/rankings/sales", lambda a: a["total"] == 1 and a["entries"][0]["sold"] == 5)
        monkeypatch.setattr(ranking_app.rankings.tally, "place_of", broken)
        poison = await producer.send_and_wait(topic, envelope("poison"), partition=0)
        await producer.send_and_wait(topic, envelope("good"), partition=0)
        error = await worker.failure()
    assert isinstance(error, ApplyFailed)
    assert topic in str(error)
    assert "partition 0" in str(error)
    assert f"offset {poison.offset}" in str(error)
    assert (await committed(settings, TopicPartition(topic, 0)) or 0) <= poison.offset
    monkeypatch.setattr(ranking_app.rankings.tally, "place_of", place_of)
    async with running(settings) as fixed:
        await fixed.until("/v1/rankings/sales", lambda a: sold(a) == {"good": 6, "poison": 1})


async def test_what_a_stale_owner_wrote_over_a_newer_pane_is_written_again(settings: Settings, tmp_path: Path) -> None:
    async with running(settings) as worker, producing(settings) as producer:
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        at = datetime.now(UTC).isoformat()
        await producer.send_and_wait(settings.completed_topic, envelope("S", at=at), partition=0)
        await worker.until("/v1/rankings/sales", lambda a: a["total"] == 1)
        old = [r for r in await read_topic(settings, settings.changelog_topic) if r.key[:1] in (PANE, POSITION)]
        await producer.send_and_wait(settings.completed_topic, envelope("S", at=at), partition=0)
        await worker.until("/v1/rankings/sales", lambda a: a["entries"][0]["sold"] == 2)
        for record in old:  # the zombie
            await producer.send_and_wait(settings.changelog_topic, record.value, key=record.key, partition=0)

        deadline_s = time.monotonic() + 20
        while True:
            newest = {r.key: r.value for r in await read_topic(settings, settings.changelog_topic)}
            if applied_of(newest[next(r.key for r in old if r.key[:1] == PANE)]) == 1:
                break
            assert time.monotonic() < deadline_s, "not healed"
            await asyncio.sleep(0.1)
        async with worker.asking() as ranking:
            assert sold(await ranking.board("sales")) == {"S": 2}
    settings = settings.model_copy(update={"data_dir": tmp_path / "another"})
    async with running(settings) as again:
        board = await again.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        assert sold(board) == {"S": 2}


async def test_markers_of_a_transactional_producer_leave_no_lag(settings: Settings) -> None:
    async with running(settings) as worker:
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        async with producing(settings, transactional_id=f"{settings.app_id}-source") as producer:
            async with producer.transaction():
                await producer.send(settings.completed_topic, envelope("S"), partition=1)
            await producer.begin_transaction()
            await producer.send(settings.completed_topic, envelope("aborted"), partition=1)
            await producer.abort_transaction()
        board = await worker.until(
            "/v1/rankings/sales",
            lambda a: lag(a) == 0 and a["total"] and offsets(a)[settings.completed_topic, 1] == 4,
        )
        assert [entry["concertScheduleId"] for entry in board["entries"]] == ["S"]


async def test_a_schedule_is_retired_with_tombstones_and_an_event_after_that_starts_it_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents.upkeep, "RETIRE_INTERVAL_S", 0.5)
    settings = settings.model_copy(update={"retention_days": 6 / 86_400})
    async with running(settings) as worker, producing(settings) as producer:
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        for partition in range(3):
            await producer.send_and_wait(settings.completed_topic, envelope("S", quantity=2), partition=partition)
        await worker.until("/v1/rankings/sales", lambda a: sold(a) == {"S": 6})
        await worker.until("/v1/rankings/sales?window=all", lambda a: sold(a) == {})
        async with worker.asking() as ranking:
            with pytest.raises(UnknownSchedule):
                await ranking.schedule("S")
        changelog = await read_topic(settings, settings.changelog_topic)
        panes = {record.key: record.value for record in changelog if record.key[:1] == PANE}
        assert len(panes) >= 3
        assert set(panes.values()) == {None}
        await producer.send_and_wait(settings.completed_topic, envelope("S"), partition=0)
        await worker.until("/v1/rankings/sales?window=all", lambda a: sold(a) == {"S": 1})


async def test_ensure_topics_twice_creates_nothing_the_second_time(settings: Settings) -> None:
    options = client_options(settings)
    first = await ensure_topics(settings, options)
    second = await ensure_topics(settings, options)
    assert all(created for _, created in first)
    assert not any(created for _, created in second)
