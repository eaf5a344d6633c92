"""Generations made of archives and topics on a real Kafka: equal to the live one, wherever the records come from."""

import asyncio
import itertools
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from ranking_app.archive.errors import ArchiveUnreadable, WrongArchivedEvent
from ranking_app.archive.write import write_archive
from ranking_app.backfill.begin import begin
from ranking_app.backfill.diff import DiffRules, compare_in, source_of
from ranking_app.backfill.errors import NoData, OffsetsGone
from ranking_app.backfill.load import loaded_models
from ranking_app.backfill.plan import Wish
from ranking_app.backfill.progress import progress_of
from ranking_app.backfill.session import session
from ranking_app.clock import WallClock
from ranking_app.counted_generation import CountedGeneration
from ranking_app.errors import WrongLine
from ranking_app.generations.control_state import generation_record
from ranking_app.generations.generation import Generation
from ranking_app.kafka_client import client_options
from ranking_app.local.kafka import LocalKafka
from ranking_app.settings import Settings
from tests.support.in_process import InProcess, producing, running, settings_of
from tests.support.processes import free_port

RULES = DiffRules(instants=5, limit=5, as_json=False, grace_s=0)
WITHIN_S = 60.0


@pytest.fixture
def live(kafka: LocalKafka, tmp_path: Path) -> Settings:
    return settings_of(f"h{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "live", notify_top=0)


def events(count: int, days_ago: int = 0) -> list[dict[str, Any]]:
    """Some are cancellations, some come twice."""
    start = datetime.now(UTC) - timedelta(days=days_ago, hours=1)
    made = []
    for number in range(count):
        kind = "cancelled" if number % 10 == 4 else "completed"
        made.append(
            {
                "eventId": f"{days_ago}-{number - (3 if number % 11 == 10 else 0)}",  # on the same partition
                "eventType": f"reservation.{kind}",
                "eventTime": (start + timedelta(seconds=number)).isoformat(),
                "payload": {"concertScheduleId": f"S{number % 7}", "quantity": number % 4 + 1, "amount": number},
            }
        )
    return made


async def send(settings: Settings, made: Sequence[dict[str, Any]]) -> None:
    async with producing(settings) as producer:
        for number, event in enumerate(made):
            topic = settings.cancelled_topic if event["eventType"].endswith("cancelled") else settings.completed_topic
            await producer.send(topic, json.dumps(event).encode(), partition=number % 3)
        await producer.flush()


async def delete_before(settings: Settings, offset: int) -> None:
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        tps = [TopicPartition(settings.completed_topic, number) for number in range(3)]
        await admin.delete_records({tp: RecordsToDelete(before_offset=offset) for tp in tps})
    finally:
        await admin.close()


async def counted(worker: InProcess, count: int) -> None:
    """Until the live generation has all of so many records."""
    await worker.until(
        "/v1/ops", lambda a: sum(p["offset"] for p in a["partitions"]) >= count and a["completeness"]["complete"]
    )


def of(live: Settings, name: str, tmp_path: Path, **more: Any) -> Settings:
    return live.model_copy(
        update={"generation": name, "data_dir": tmp_path / name, "web_port": free_port(), "broker_wait": 5_000, **more}
    )


async def caught_up(live: Settings, name: str, worker: InProcess) -> None:
    async with session(live, WallClock()) as opened:
        for _ in itertools.count():
            if worker.task is not None and worker.task.done():
                worker.task.result()
            seen = progress_of(opened.generation(name), "base", opened.there())
            if seen is not None and seen.workers and seen.caught_up and seen.lag == 0:
                return
            await opened.nap(0.1)


async def equal(live: Settings, name: str) -> bool:
    async with session(live, WallClock(), waits=False) as opened:
        return await compare_in(opened, "base", name, RULES)


async def begun(live: Settings, wish: Wish) -> None:
    async with session(live, WallClock(), waits=False) as opened:
        await begin(opened, wish)


async def test_archives_and_topics_together_make_the_same_tables_also_when_stopped_half_way(
    live: Settings, tmp_path: Path
) -> None:
    async with running(live) as worker:
        await send(live, events(3_000))
        await counted(worker, 3_000)
        await write_archive(live, tmp_path / "archive")
        await send(live, events(600, days_ago=1))
        await counted(worker, 3_600)
        await delete_before(live, 600)

        with pytest.raises(OffsetsGone, match=f"{live.completed_topic} partition 0: 0 to 599"):
            await begun(live, Wish("gone", from_ms=1))
        await begun(live, Wish("whole", archives=(tmp_path / "archive",)))
        slowly = of(live, "whole", tmp_path, backfill_rate=1_500)
        async with running(slowly) as other:
            await _some_counted(live, "whole", other)
        async with running(of(live, "whole", tmp_path)) as other, asyncio.timeout(WITHIN_S):
            await caught_up(live, "whole", other)
            assert await equal(live, "whole")


async def test_lines_of_a_file_count_like_records_and_once_whatever_is_stopped(live: Settings, tmp_path: Path) -> None:
    last_year = events(2_000, days_ago=300)
    (tmp_path / "last_year.ndjson").write_text("".join(json.dumps(event) + "\n" for event in last_year))
    async with running(live) as worker:
        await send(live, last_year)
        await counted(worker, 2_000)
        # The topics themselves are left out: the file is all that this generation has.
        wish = Wish("lines", archives=(tmp_path / "last_year.ndjson",), topics=("none",))
        await begun(live, wish)
        async with running(of(live, "lines", tmp_path, backfill_rate=1_000)) as other:
            await _some_counted(live, "lines", other)
        async with running(of(live, "lines", tmp_path)) as other, asyncio.timeout(WITHIN_S):
            await caught_up(live, "lines", other)
            status, answer = await other.get("/v1/ops")
            assert status == 200 and answer["completeness"]["generation"] == "base"
            assert await _sold_of(live, "lines") == sum(
                event["payload"]["quantity"] * (-1 if event["eventType"].endswith("cancelled") else 1)
                for event in {(e["eventType"], e["eventId"]): e for e in reversed(last_year)}.values()
            )


async def test_archives_that_cannot_be_read_are_refused_before_anything_is_made(live: Settings, tmp_path: Path) -> None:
    async with running(live) as worker:
        await send(live, events(300))
        await counted(worker, 300)
        await write_archive(live, tmp_path / "archive")
        file = next(path for path in sorted((tmp_path / "archive").rglob("*.parquet")))
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ArchiveUnreadable, match=file.name):
            await begun(live, Wish("torn", archives=(tmp_path / "archive",)))
        (tmp_path / "bad.ndjson").write_text(json.dumps(events(1)[0]) + '\n{"eventId": 1}\n')
        with pytest.raises((WrongArchivedEvent, WrongLine), match="line 2"):
            await begun(live, Wish("torn", archives=(tmp_path / "bad.ndjson",)))
        async with session(live, WallClock(), waits=False) as opened:
            assert set(opened.state.generations) == {"base"}


async def test_what_is_deleted_before_it_was_counted_stops_the_worker_with_its_offsets(
    live: Settings, tmp_path: Path
) -> None:
    async with running(live) as worker:
        await send(live, events(900))
        await counted(worker, 900)
        await begun(live, Wish("late"))
        await delete_before(live, 50)
        other = InProcess(of(live, "late", tmp_path))
        other.start()
        assert "offsets 0 to 49" in str(await other.failure())
        assert (await worker.get("/health/ready"))[0] == 200


async def test_a_range_and_topics_that_were_chosen_are_all_that_counts(live: Settings, tmp_path: Path) -> None:
    async with running(live) as worker:
        await send(live, events(300))
        await counted(worker, 300)
        await asyncio.sleep(0.01)  # the times of records are milliseconds
        between_ms = WallClock().now_ms()
        await send(live, events(400, days_ago=1))
        await counted(worker, 700)
        await begun(live, Wish("early", to_ms=between_ms, topics=(live.completed_topic,)))
        async with running(of(live, "early", tmp_path)) as other, asyncio.timeout(WITHIN_S):
            await caught_up(live, "early", other)
            await send(live, events(100, days_ago=2))
            await counted(worker, 800)
            completed = {e["eventId"]: e for e in reversed(events(300)) if e["eventType"].endswith("completed")}
            assert await _sold_of(live, "early") == sum(e["payload"]["quantity"] for e in completed.values())
        with pytest.raises(NoData):
            await begun(live, Wish("none", from_ms=WallClock().now_ms() + 3_600_000))


async def test_what_was_written_to_the_control_topic_is_in_the_state_at_once(live: Settings) -> None:
    async with session(live, WallClock(), waits=False) as opened:
        for number in range(30):  # the markers of a transaction come a moment after its commit
            await opened.write([generation_record(Generation(f"g{number}", 3))])
            assert f"g{number}" in opened.state.generations


async def test_partitions_that_a_topic_has_not_yet_hold_up_nothing(
    live: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[tuple[str, int], int] = {}
    first_offset = CountedGeneration._first_offset

    async def noted(counted: CountedGeneration, topic: str, partition: int) -> int:
        asked[topic, partition] = await first_offset(counted, topic, partition)
        return asked[topic, partition]

    monkeypatch.setattr(CountedGeneration, "_first_offset", noted)
    async with running(live) as worker:
        await send(live, events(300))
        await counted(worker, 300)
        await begun(live, Wish("six", partitions=6))
        async with running(of(live, "six", tmp_path)) as other, asyncio.timeout(WITHIN_S):
            await caught_up(live, "six", other)
            while len(asked) < 12:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert set(asked.values()) == {0} and await equal(live, "six")


async def _some_counted(live: Settings, name: str, worker: InProcess) -> None:
    async with session(live, WallClock()) as opened, asyncio.timeout(WITHIN_S):
        while not ((seen := progress_of(opened.generation(name), "base", opened.there())) and seen.counted > 100):
            if worker.task is not None and worker.task.done():
                worker.task.result()
            await opened.nap(0.05)
        assert not seen.caught_up or seen.lag, "it was over before it could be stopped half way"


async def _sold_of(live: Settings, name: str) -> int:
    async with session(live, WallClock(), waits=False) as opened:
        one = source_of(opened, name)
        async with loaded_models(one, one, options=opened.options, clock=opened.clock) as (loaded, _):
            as_of_s = loaded.model.live_as_of_s()
            return sum(schedule.curve.sold_before(as_of_s) for schedule in loaded.model.schedules.values())
