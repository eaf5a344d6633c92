"""A worker on a real Kafka that begins again: with its disk or without it, with commits or without them."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from agents.ownership import Ownership
from ranking_app.app import Worker
from ranking_app.data_dir import DAMAGED_MARK
from ranking_app.kafka_client import client_options
from ranking_app.process import SAVED
from ranking_app.read_model import follower
from ranking_app.read_model.state import ReadModel
from ranking_app.settings import Settings
from ranking_app.topics import ensure_topics
from ranking_app.upstream.consumer import BatchConsumer
from tables.layout import PANE, parse_pane_key
from tests.support.board_answers import lag, sold
from tests.support.in_process import committed, envelope, producing, running
from tests.support.waiting import wait_until


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
