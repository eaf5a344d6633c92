"""Notifications of ranks, on a real Kafka: each once, whoever is in charge, and quiet where rivals swap places."""

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.rank_watch import RankWatch
from ranking_app.local.kafka import LocalKafka
from ranking_app.settings import Settings
from tests.support.in_process import producing, read_topic, running, settings_of

WITHIN_S = 30.0


@pytest.fixture
def settings(kafka: LocalKafka, tmp_path: Path) -> Settings:
    """The first place is the top: two schedules are enough."""
    return settings_of(f"r{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data", notify_top=1)


def sale(schedule: str, quantity: int, ago_s: int = 0) -> bytes:
    """A completed reservation, ago_s seconds ago."""
    return json.dumps(
        {
            "eventId": str(uuid.uuid4()),
            "eventType": "reservation.completed",
            "eventTime": (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat(),
            "payload": {"concertScheduleId": schedule, "quantity": quantity},
        }
    ).encode()


async def raised(settings: Settings, count: int) -> list[tuple[str, str, Any]]:
    """Type, schedule and the one before of all notifications, once there are so many and no more come."""
    deadline_s = time.monotonic() + WITHIN_S
    while len(await read_topic(settings, settings.notification_topic)) < count:
        assert time.monotonic() < deadline_s, f"fewer than {count} notifications"
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.5)  # one too many would come now
    envelopes = [json.loads(record.value) for record in await read_topic(settings, settings.notification_topic)]
    assert len({envelope["eventId"] for envelope in envelopes}) == len(envelopes)
    return sorted(
        (e["eventType"], e["payload"]["concertScheduleId"], e["payload"].get("previousConcertScheduleId"))
        for e in envelopes
    )


ENTERED, FIRST = "ranking.board.entered-top", "ranking.board.number-one"


async def test_a_new_number_1_is_raised_once_across_restarts_while_rivals_swap_places(settings: Settings) -> None:
    topic = settings.completed_topic
    async with producing(settings) as producer:
        async with running(settings) as worker:
            await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
            # A has been first for a while, and is no news: B is.
            await producer.send_and_wait(topic, sale("A", 20, ago_s=1_000), partition=0)
            await producer.send_and_wait(topic, sale("B", 10, ago_s=1_000), partition=1)
            await worker.until("/v1/rankings/sales", lambda a: a["total"] == 2)
            await producer.send_and_wait(topic, sale("B", 11), partition=1)
            expected = [(ENTERED, "B", None), (FIRST, "B", "A")]
            assert await raised(settings, 2) == expected
        async with running(settings) as again:
            await again.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
            for turn in range(6):
                await producer.send_and_wait(topic, sale("AB"[turn % 2], 2), partition=turn % 2)
                await asyncio.sleep(0.3)
            assert await raised(settings, 2) == expected


async def test_with_top_0_no_rank_is_raised(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()
    look = RankWatch.look

    def noting(watch: RankWatch, ids: set[bytes]) -> Any:
        found = look(watch, ids)
        if watch._boards.schedules:
            looked.set()
        return found

    monkeypatch.setattr(RankWatch, "look", noting)
    quiet = settings.model_copy(update={"notify_top": 0})
    async with producing(settings) as producer, running(quiet) as worker:
        await producer.send_and_wait(settings.completed_topic, sale("A", 50), partition=0)
        await worker.until("/v1/rankings/sales", lambda a: a["total"] == 1)
        await asyncio.wait_for(looked.wait(), WITHIN_S)
        assert await raised(settings, 0) == []
