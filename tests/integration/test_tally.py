"""A backlog on a real Kafka, with and without the process beside the worker: what a naive count gives."""

import asyncio
import json
import os
import random
import signal
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

import agents.decoding
from agents.decoding import Decoding
from agents.slices import TalliedSlice
from agents.tally_process import TallyProcess
from ranking_app.kafka_client import client_options
from ranking_app.local.kafka import LocalKafka
from ranking_app.settings import Settings
from ranking_app.topics import ensure_topics
from tests.support.in_process import producing, read_topic, running, settings_of
from tests.support.pids import is_running

EVENTS = 12_000
SCHEDULES = 50
BAD_EVERY, REPEAT_EVERY = 400, 150
WITHIN_S = 20.0
STOPS_WITHIN_S = 10.0


def value(number: int, at: str, rng: random.Random) -> tuple[str, int, bytes]:
    """Schedule, what it adds to what is sold, and the event."""
    schedule, quantity, cancels = f"S{rng.randrange(SCHEDULES)}", rng.randint(1, 4), rng.random() < 0.1
    event = {
        "eventId": f"id-{number}",
        "eventType": "reservation.cancelled" if cancels else "reservation.completed",
        "eventTime": at,
        "payload": {"concertScheduleId": schedule, "quantity": quantity, "amount": 100 * quantity},
    }
    return schedule, -quantity if cancels else quantity, json.dumps(event).encode()


class Backlog:
    """What is on the topics, counted as it was made. The last partition has no duplicates."""

    def __init__(self) -> None:
        rng = random.Random(14)
        at = datetime.now(UTC).isoformat()
        self.records: list[list[bytes]] = [[], [], []]
        self.sold: Counter[str] = Counter()
        self.duplicates = 0
        self.bad: list[tuple[int, int]] = []
        good: list[list[bytes]] = [[], [], []]
        for number in range(EVENTS):
            partition = number % 3
            own = self.records[partition]
            if rng.randrange(BAD_EVERY) == 0:
                self.bad.append((partition, len(own)))
                own.append(b"{no event")
            elif partition < 2 and good[partition] and rng.randrange(REPEAT_EVERY) == 0:
                self.duplicates += 1
                own.append(rng.choice(good[partition]))
            else:
                schedule, adds, event = value(number, at, rng)
                self.sold[schedule] += adds
                good[partition].append(event)
                own.append(event)
        self.sold = Counter({schedule: sold for schedule, sold in self.sold.items() if sold > 0})


async def publish(settings: Settings, backlog: Backlog) -> None:
    await ensure_topics(settings, client_options(settings))
    async with producing(settings, linger_ms=5) as producer:
        for partition, own in enumerate(backlog.records):
            for one in own:
                await producer.send(settings.completed_topic, one, partition=partition)
        await producer.flush()


def wait_for_the_process_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker would be through with so few events before the process is there."""
    slices = Decoding.slices

    async def when_it_is_there(decoding: Decoding, *args: Any) -> Any:
        beside = decoding._tallying
        assert isinstance(beside, TallyProcess)
        deadline_s = time.monotonic() + WITHIN_S
        while beside._running is None or not beside._running._ready:
            assert time.monotonic() < deadline_s, "the process beside does not come"
            if beside._running is None:
                beside.ask([], args[0].rules, 0)
            await asyncio.sleep(0.02)
        return await slices(decoding, *args)

    monkeypatch.setattr(Decoding, "slices", when_it_is_there)


@pytest.mark.parametrize("beside", [True, False], ids=["with a process beside", "alone"])
async def test_a_backlog_gives_what_a_naive_count_gives(
    kafka: LocalKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    settings = settings_of(f"t{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data", notify_top=0, tally_process=beside)
    backlog = Backlog()
    assert backlog.duplicates > 10 and len(backlog.bad) > 10
    await publish(settings, backlog)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    made: list[TalliedSlice] = []

    class Noted(TalliedSlice):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(agents.decoding, "TalliedSlice", Noted)
    if beside:
        wait_for_the_process_beside(monkeypatch)
    with capture_logs() as logs:
        async with running(settings) as worker:
            board = await worker.until(
                f"/v1/rankings/sales?window=all&limit={SCHEDULES}",
                lambda a: (
                    sum(part["offset"] for part in a["completeness"]["partitions"]) >= EVENTS
                    and a["completeness"]["complete"]
                ),
            )
            pids = [entry["pid"] for entry in logs if entry["event"] == "tally_process_started"]
            assert [is_running(pid) for pid in pids] == [True] * beside
    assert not any(map(is_running, pids))
    assert {entry["concertScheduleId"]: entry["sold"] for entry in board["entries"]} == backlog.sold
    assert (board["completeness"]["duplicates"], board["completeness"]["deadLetters"]) == (
        backlog.duplicates,
        len(backlog.bad),
    )
    letters = await read_topic(settings, f"{settings.completed_topic}-dlt")
    found = [(one.partition, int.from_bytes(dict(one.headers)["kafka_dlt-original-offset"], "big")) for one in letters]
    assert sorted(found) == sorted(backlog.bad)
    assert (sum(one.count for one in made) > EVENTS // 4) if beside else not made


async def test_a_worker_whose_process_beside_hangs_stops_in_time(
    kafka: LocalKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(f"t{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data", notify_top=0)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    wait_for_the_process_beside(monkeypatch)
    hanging: list[int] = []
    ask = TallyProcess.ask
    taken = asyncio.Event()

    def hang_and_ask(beside: TallyProcess, *args: Any) -> Any:
        if beside._running is not None and beside._running._ready and not hanging:
            hanging.append(beside._running.pid)
            os.kill(hanging[0], signal.SIGSTOP)
        answer = ask(beside, *args)
        if answer is not None:
            taken.set()
        return answer

    monkeypatch.setattr(TallyProcess, "ask", hang_and_ask)
    backlog = Backlog()
    await publish(settings, backlog)
    try:
        async with running(settings) as worker:
            await asyncio.wait_for(taken.wait(), WITHIN_S)
            started_s = time.monotonic()
            await worker.stop()
            assert time.monotonic() - started_s < STOPS_WITHIN_S
        assert not is_running(hanging[0])
    finally:
        for pid in filter(is_running, hanging):
            os.kill(pid, signal.SIGKILL)
