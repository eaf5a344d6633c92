"""Notifications of workers on a real Kafka: each is there once, also while the one in charge changes."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

import agents.notifier
from ranking_app.app import Worker
from ranking_app.process import ProcessStopped
from ranking_app.settings import Settings
from tests.support.in_process import InProcess, envelope, producing, read_topic, running


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
