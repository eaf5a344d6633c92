"""A worker on a real Kafka, with a hand inside: what black-box tests cannot bring about."""

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

import agents.apply
import agents.notifier
import agents.slices
import agents.upkeep
import ranking_app.app
from agents.apply import ApplyFailed
from agents.ownership import Ownership
from ranking_app.app import Worker
from ranking_app.client_problems import UnknownSchedule
from ranking_app.data_dir import DAMAGED_MARK
from ranking_app.kafka_client import client_options, reader, writer
from ranking_app.local.kafka import LocalKafka
from ranking_app.process import SAVED, ProcessStopped
from ranking_app.rankings.panes import fold
from ranking_app.read_model import follower
from ranking_app.read_model.state import ReadModel
from ranking_app.settings import Settings
from ranking_app.topics import ensure_topics
from ranking_app.upstream.consumer import BatchConsumer
from tables.layout import PANE, POSITION, parse_pane_key
from tables.panes import applied_of
from tests.support.in_process import InProcess, producing, read_topic, running, settings_of
from tests.support.waiting import wait_until


@pytest.fixture
def settings(kafka: LocalKafka, tmp_path: Path) -> Settings:
    """Without notifications of ranks: those have their own tests, and here each other one is counted."""
    return settings_of(f"w{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data", notify_top=0)


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


def lag(answer: Any) -> int:
    return sum(part["lag"] for part in answer["completeness"]["partitions"])


def sold(answer: Any) -> dict[str, int]:
    return {entry["concertScheduleId"]: entry["sold"] for entry in answer["entries"]}


def offsets(answer: Any) -> dict[tuple[str, int], int]:
    return {(part["topic"], part["partition"]): part["offset"] for part in answer["completeness"]["partitions"]}


async def committed(settings: Settings, tp: TopicPartition) -> int | None:
    consumer = reader(client_options(settings), group_id=settings.app_id)
    consumer.assign([tp])
    await consumer.start()
    try:
        offset: int | None = await consumer.committed(tp)
        return offset
    finally:
        await consumer.stop()


async def test_what_is_sold_is_on_the_board_and_survives_a_restart_and_a_lost_disk(
    settings: Settings, tmp_path: Path
) -> None:
    async with running(settings) as worker, producing(settings) as producer:
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        for number in range(30):
            await producer.send_and_wait(settings.completed_topic, envelope(f"S{number % 3}"), partition=number % 3)
        await worker.until("/v1/rankings/sales", lambda a: sold(a) == {"S0": 10, "S1": 10, "S2": 10})
        await worker.stop()
        for lose_disk in (False, True):
            if lose_disk:
                settings = settings.model_copy(update={"data_dir": tmp_path / "another"})
            async with running(settings) as again:
                board = await again.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
                assert sold(board) == {"S0": 10, "S1": 10, "S2": 10}


async def test_a_restart_with_its_disk_reads_only_what_came_to_the_changelog_since(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[bytes] = []
    apply_change = ReadModel.apply_change

    def noting(model: ReadModel, partition: int, key: bytes, value: bytes | None) -> None:
        applied.append(key)
        apply_change(model, partition, key, value)

    monkeypatch.setattr(ReadModel, "apply_change", noting)
    saved = settings.data_dir / SAVED
    async with running(settings) as worker, producing(settings) as producer:
        for number in range(30):
            await producer.send_and_wait(settings.completed_topic, envelope(f"S{number}"), partition=number % 3)
        await worker.until("/v1/rankings/sales?limit=100", lambda a: len(sold(a)) == 30 and lag(a) == 0)
        monkeypatch.setattr(follower, "SAVE_AFTER_RECORDS", 1)
        await asyncio.to_thread(wait_until, saved.exists, 10)
        await producer.send_and_wait(settings.completed_topic, envelope("since"), partition=0)
        board = await worker.until("/v1/rankings/sales?limit=100", lambda a: sold(a).get("since") == 1)
        await worker.stop()
        applied.clear()
        async with running(settings) as again:
            restarted = await again.until("/v1/rankings/sales?limit=100", lambda a: a["completeness"]["complete"])
            assert sold(restarted) == sold(board)
            assert len(sold(restarted)) == 31
            assert [parse_pane_key(key)[3] for key in applied if key[:1] == PANE] == ["since"]
            await again.stop()
        saved.write_bytes(saved.read_bytes()[:-1])
        async with running(settings) as damaged:
            read_anew = await damaged.until("/v1/rankings/sales?limit=100", lambda a: a["completeness"]["complete"])
            assert sold(read_anew) == sold(restarted)


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
    real_fold = fold

    def broken(pane_of: Any, sales: Any) -> Any:
        sales = list(sales)
        if any(sale.schedule_id == "poison" for sale in sales):
            raise ZeroDivisionError("a bug")
        return real_fold(pane_of, sales)

    async with running(settings) as worker, producing(settings) as producer:
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        topic = settings.completed_topic
        for _ in range(5):
            await producer.send_and_wait(topic, envelope("good"), partition=0)
        await worker.until("/v1/rankings/sales", lambda a: a["total"] == 1 and a["entries"][0]["sold"] == 5)
        monkeypatch.setattr(agents.apply, "fold", broken)
        monkeypatch.setattr(agents.slices, "fold", broken)
        poison = await producer.send_and_wait(topic, envelope("poison"), partition=0)
        await producer.send_and_wait(topic, envelope("good"), partition=0)
        error = await worker.failure()
    assert isinstance(error, ApplyFailed)
    assert topic in str(error)
    assert "partition 0" in str(error)
    assert f"offset {poison.offset}" in str(error)
    assert (await committed(settings, TopicPartition(topic, 0)) or 0) <= poison.offset
    monkeypatch.setattr(agents.apply, "fold", real_fold)
    monkeypatch.setattr(agents.slices, "fold", real_fold)
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


async def test_notifications_are_on_their_topic_once_whoever_is_in_charge(settings: Settings, tmp_path: Path) -> None:
    other = settings.model_copy(update={"data_dir": tmp_path / "second", "web_port": 0})
    listing = {"eventId": "c", "eventType": "concert.schedule.created"}
    async with producing(settings) as producer, running(settings) as worker:
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        value = json.dumps({**listing, "payload": {"concertScheduleId": "S", "capacity": 10}}).encode()
        await producer.send_and_wait(settings.catalogue_topic, value, key=b"S")
        for number in range(10):
            await producer.send_and_wait(settings.completed_topic, envelope("S"), partition=number % 3)
        await worker.until("/v1/schedules/S", lambda a: a["status"] == "soldOut")
        await _until_raised(settings, 7)
        async with running(other):  # a second worker joins: roles are handed round
            await producer.send_and_wait(
                settings.cancelled_topic, envelope("S", event_type="reservation.cancelled"), partition=0
            )
            await _until_raised(settings, 8)
    async with running(settings) as again:
        await again.until("/v1/schedules/S", lambda a: a["status"] == "reopened")
        async with producing(settings) as producer:
            await producer.send_and_wait(settings.completed_topic, envelope("S"), partition=0)
        raised = await _until_raised(settings, 9)
    ids = [json.loads(record.value)["eventId"] for record in raised]
    assert len(set(ids)) == len(ids) == 9
    kinds = sorted(json.loads(record.value)["eventType"] for record in raised)
    assert (
        kinds == ["ranking.milestone.reached"] * 6 + ["ranking.schedule.reopened"] + ["ranking.schedule.sold-out"] * 2
    )


async def test_a_bug_in_what_the_notifier_computes_stops_the_worker(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(agents.notifier, "news", broken)
    listing = {"eventId": "c", "eventType": "concert.schedule.created"}
    async with producing(settings) as producer:
        worker = InProcess(settings)
        worker.start()
        value = json.dumps({**listing, "payload": {"concertScheduleId": "S", "capacity": 10}}).encode()
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        await producer.send_and_wait(settings.catalogue_topic, value, key=b"S")
        await producer.send_and_wait(settings.completed_topic, envelope("S"), partition=0)
        error = await worker.failure()
    assert isinstance(error, ProcessStopped)
    assert "ZeroDivisionError" in str(error)


async def test_of_two_notifiers_that_believe_to_be_in_charge_each_notification_comes_from_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = Worker._restore

    async def restore_and_believe(worker: Worker, partitions: Any) -> None:
        await restore(worker, partitions)
        await worker._notifier.start()

    monkeypatch.setattr(Worker, "_restore", restore_and_believe)
    other = settings.model_copy(update={"data_dir": tmp_path / "second", "web_port": 0})
    schedules = [f"S{number}" for number in range(8)]
    async with producing(settings) as producer, running(settings) as worker, running(other):
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        for schedule in schedules:
            payload = {"concertScheduleId": schedule, "capacity": 1}
            value = json.dumps({"eventId": "c", "eventType": "concert.schedule.created", "payload": payload}).encode()
            await producer.send_and_wait(settings.catalogue_topic, value, key=schedule.encode())
        for schedule in schedules:  # slowly: both get their turn to be in charge in between
            await producer.send_and_wait(settings.completed_topic, envelope(schedule), partition=0)
            await asyncio.sleep(0.8)
        raised = await _until_raised(settings, 7 * len(schedules))
    ids = [json.loads(record.value)["eventId"] for record in raised]
    assert len(set(ids)) == len(ids) == 7 * len(schedules)


async def _until_raised(settings: Settings, count: int) -> list[Any]:
    deadline_s = time.monotonic() + 30
    while True:
        raised = await read_topic(settings, settings.notification_topic)
        if len(raised) >= count:
            await asyncio.sleep(1.0)  # a second one would come now
            return await read_topic(settings, settings.notification_topic)
        assert time.monotonic() < deadline_s, f"{len(raised)} of {count} notifications"
        await asyncio.sleep(0.1)


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


@pytest.mark.parametrize("damage", ["CURRENT", "MANIFEST", "mark"])
async def test_a_damaged_store_is_restored_at_the_start(settings: Settings, damage: str) -> None:
    async with running(settings) as worker, producing(settings) as producer:
        await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        for number in range(6):
            await producer.send_and_wait(settings.completed_topic, envelope("S"), partition=number % 3)
        await worker.until("/v1/rankings/sales", lambda a: sold(a) == {"S": 6})
        await worker.stop()
        (current,) = settings.data_dir.rglob("*-1.db/CURRENT")
        if damage == "mark":
            (current.parent / DAMAGED_MARK).touch()
        else:
            for path in current.parent.glob(f"{damage}*"):
                path.write_bytes(b"\xff" * 64)
        async with running(settings) as again:
            await again.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
            for number in range(3):
                await producer.send_and_wait(settings.completed_topic, envelope("S"), partition=number)
            await again.until("/v1/rankings/sales", lambda a: sold(a) == {"S": 9})


async def test_what_was_applied_and_not_committed_leaves_no_lag_of_the_group(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill between the two: nothing new comes, and Kafka's tools would show a lag for ever."""

    async def no_commit(*_: Any, **__: Any) -> bool:
        return False

    tp = TopicPartition(settings.completed_topic, 0)
    async with producing(settings) as producer:
        with monkeypatch.context() as patch:
            patch.setattr(BatchConsumer, "commit", no_commit)
            async with running(settings) as worker:
                await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
                for _ in range(5):
                    await producer.send_and_wait(settings.completed_topic, envelope("S"), partition=0)
                await worker.until("/v1/rankings/sales", lambda a: sold(a) == {"S": 5})
        assert not await committed(settings, tp)
        async with running(settings) as again:
            await again.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
            deadline_s = time.monotonic() + 20
            while await committed(settings, tp) != 5:
                assert time.monotonic() < deadline_s, "never committed"
                await asyncio.sleep(0.2)


@pytest.mark.parametrize("lasts_s", [0.0, 0.5], ids=["before the seek", "still under way at the seek"])
async def test_what_a_poll_of_the_generation_before_takes_is_read_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, lasts_s: float
) -> None:
    """A partition without any state: no commit and no position say where it has to go on."""
    restore, fetch = Ownership.restore, AIOKafkaConsumerThread._fetch_records
    stale: list[asyncio.Task[Any]] = []
    taken: list[Any] = []

    async def slow_fetch(thread: AIOKafkaConsumerThread, *args: Any, **kwargs: Any) -> Any:
        if stale and not taken:
            taken.append("asked")
            await asyncio.sleep(lasts_s)
            thread.consumer.resume_flow()  # as a poll that began before the flow was stopped
            taken.append(await fetch(thread, *args, **kwargs))
            return taken[-1]
        return await fetch(thread, *args, **kwargs)

    async def restore_beside_a_stale_poll(ownership: Ownership, partitions: Any) -> None:
        await restore(ownership, partitions)
        thread = workers[0]._app.consumer._thread
        sources = {tp for tp in workers[0]._app.consumer.assignment() if tp.topic == settings.completed_topic}
        stale.append(asyncio.create_task(thread.getmany(sources, 1.0)))
        await asyncio.wait(stale, timeout=None if lasts_s == 0 else 0.05)

    workers: list[Any] = []
    started = Worker.run

    async def run(worker: Worker) -> None:
        workers.append(worker)
        await started(worker)

    await ensure_topics(settings, client_options(settings))
    async with producing(settings) as producer:
        for partition in range(3):
            await producer.send_and_wait(settings.completed_topic, envelope("S"), partition=partition)
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "run", run)
        patch.setattr(Ownership, "restore", restore_beside_a_stale_poll)
        patch.setattr(AIOKafkaConsumerThread, "_fetch_records", slow_fetch)
        async with running(settings) as worker:
            await worker.until("/v1/rankings/sales", lambda a: sold(a) == {"S": 3})
            await asyncio.wait(stale)
    assert taken, "no poll came in between"


async def test_ensure_topics_twice_creates_nothing_the_second_time(settings: Settings) -> None:
    options = client_options(settings)
    first = await ensure_topics(settings, options)
    second = await ensure_topics(settings, options)
    assert all(created for _, created in first)
    assert not any(created for _, created in second)
