"""Two generations on a real Kafka, compared while both follow what is being sold."""

import asyncio
import contextlib
import itertools
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ranking_app.backfill.load import (
    GenerationBehind,
    LoadedModel,
    NoSuchGeneration,
    Source,
    loaded_models,
    settled_differences,
)
from ranking_app.backfill.show_differences import as_text
from ranking_app.backfill.trace import Trace
from ranking_app.clock import WallClock
from ranking_app.kafka_client import client_options
from ranking_app.local.kafka import LocalKafka
from ranking_app.process import read_rules
from ranking_app.rankings.panes import Pane, encode_pane
from ranking_app.read_model.sources import SourceKey
from ranking_app.settings import Settings
from tables.layout import pane_key
from tests.support.in_process import InProcess, producing, running, settings_of
from tests.support.processes import free_port

SCHEDULES = 5


@pytest.fixture
def old(kafka: LocalKafka, tmp_path: Path) -> Settings:
    return settings_of(f"b{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "old", notify_top=0)


@pytest.fixture
def new(old: Settings, tmp_path: Path) -> Settings:
    """The same topics, and a changelog of its own."""
    own = {"app_id": f"{old.app_id}-new", "data_dir": tmp_path / "new", "web_port": free_port()}
    return old.model_copy(update=own)


def source_of(settings: Settings) -> Source:
    return Source(settings.app_id, settings.changelog_topic, read_rules(settings))


@contextlib.asynccontextmanager
async def both_loaded(
    old: Settings, new: Settings, **ends: tuple[int, ...]
) -> AsyncIterator[tuple[LoadedModel, LoadedModel]]:
    both = (replace(source_of(settings), ends=ends) for settings in (old, new))
    async with loaded_models(*both, options=client_options(old), clock=WallClock(), timeout_s=60) as loaded:
        yield loaded


async def sell_until(stop: asyncio.Event, producer: Any, settings: Settings) -> None:
    """Some hundred sales a second, now and then one that is taken back."""
    for number in itertools.count():
        cancelled = number % 7 == 3
        event = {
            "eventId": str(uuid.uuid4()),
            "eventType": "reservation.cancelled" if cancelled else "reservation.completed",
            "eventTime": datetime.now(UTC).isoformat(),
            "payload": {"concertScheduleId": f"S{number % SCHEDULES}", "quantity": number % 4 + 1, "amount": number},
        }
        topic = settings.cancelled_topic if cancelled else settings.completed_topic
        await producer.send_and_wait(topic, json.dumps(event).encode(), partition=number % 3)
        await asyncio.sleep(0.005)
        if stop.is_set():
            return


async def has_counted_everything(worker: InProcess) -> None:
    await worker.until("/v1/rankings/sales", lambda a: not sum(p["lag"] for p in a["completeness"]["partitions"]))


async def test_two_generations_of_the_same_topics_are_equal_until_one_has_a_wrong_pane(
    old: Settings, new: Settings
) -> None:
    async with running(old) as one, producing(old) as producer:
        await one.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
        stop = asyncio.Event()
        selling = asyncio.create_task(sell_until(stop, producer, old))
        async with running(new) as other:
            await other.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"] and a["entries"])
            await are_equal_while_events_come(old, new)
            stop.set()
            await selling
            await has_counted_everything(one)
            await has_counted_everything(other)
            await other.stop()
        await one.stop()
        await a_wrong_pane_is_named(old, new, producer)
        await producer.send_and_wait(old.completed_topic, b"nobody counts this", partition=1)
        async with both_loaded(old, new) as loaded:
            with pytest.raises(GenerationBehind, match="partition 1 is applied up to"):
                await settled_differences(*loaded, timeout_s=0.5)
            model = loaded[0].model
            ends = tuple(model.position(SourceKey(0, number)).next_offset for number in range(3))
        async with both_loaded(old, new, **{old.completed_topic: ends}) as ended:
            found = await settled_differences(*ended)
            assert found.schedule_ids <= {"S2"}, "they are not waited for after their ends"


async def are_equal_while_events_come(old: Settings, new: Settings) -> None:
    async with both_loaded(old, new) as loaded:
        before = loaded[0].model.revision
        for _ in range(3):
            found = await settled_differences(*loaded, grace_s=0)
            assert found.equal, "\n".join(as_text(found, Trace(loaded[0].model, loaded[1].model)))
            assert found.compared.schedules == SCHEDULES
            assert found.compared.seconds and found.compared.rows
        assert loaded[0].model.revision > before, "events came meanwhile"


async def a_wrong_pane_is_named(old: Settings, new: Settings, producer: Any) -> None:
    async with both_loaded(old, new) as loaded:
        models = loaded[0].model, loaded[1].model
        assert (await settled_differences(*loaded, grace_s=0)).equal
        pane = models[1].panes_of("S2", 0, 2**32)[0]
        traced = next(p for p in Trace(*models).panes("S2", pane.minute) if p.source == (pane.role, pane.partition))
        assert traced.verdict == "same" and traced.new is not None
        seconds = {at_s: [totals.completed, totals.cancelled, totals.amount] for at_s, totals in traced.new.seconds}
        wrong_s = min(seconds)
        seconds[wrong_s][0] += 1
        key = pane_key(pane.role, pane.partition, pane.minute, "S2")
        value = encode_pane(Pane(pane.applied, seconds, pane.first))
        await producer.send_and_wait(new.changelog_topic, value, key=key, partition=pane.partition)
    async with both_loaded(old, new) as loaded:
        found = await settled_differences(*loaded, grace_s=0)
        (curve,) = found.curves
        assert (curve.schedule_id, curve.seconds) == ("S2", 1)
        assert curve.new.completed == curve.old.completed + 1
        trace = Trace(loaded[0].model, loaded[1].model, found.compared.until_s)
        (wrong,) = (p for p in trace.panes("S2", curve.minutes[0].minute) if p.verdict != "same")
        assert (wrong.source, wrong.verdict) == ((pane.role, pane.partition), "differs")
        assert wrong.new is not None and wrong.new.applied == pane.applied
        assert found.boards


async def test_a_generation_that_is_not_there_is_named(old: Settings) -> None:
    there = source_of(old)
    with pytest.raises(NoSuchGeneration, match=rf"expected topic '{there.changelog_topic}' with 3 partitions; it does"):
        async with loaded_models(there, there, options=client_options(old), clock=WallClock()):
            pass
