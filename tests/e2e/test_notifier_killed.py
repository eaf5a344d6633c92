"""The notifier dies with notifications raised and not committed: a read_committed reader sees each of them once."""

import asyncio
import json
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from ranking_app.kafka_client import partitions_of, reader, started
from ranking_app.local.kafka import LocalKafka
from tests.support.oracle_builders import envelope
from tests.support.own_settings import own_settings
from tests.support.processes import Fleet, WebProcess
from tests.support.waiting import wait_until

PREFIX = "notifier-killed"
PARTITIONS = 3
MILESTONES_SOLD_OUT_AND_NUMBER_ONE = 8
WITHIN_S = 60.0


class DyingWorker(WebProcess):
    """The worker whose notifier is killed before its first commit."""

    module = "tests.support.dying_notifier"


def raised(kafka: LocalKafka, topic: str, isolation: str) -> list[str]:
    """The eventIds of all notifications that such a reader sees now."""

    async def read() -> list[str]:
        options = {"bootstrap_servers": kafka.bootstrap.split(",")}
        async with started(reader(options, isolation_level=isolation)) as consumer:
            consumer.assign(partitions_of(topic, PARTITIONS))
            await consumer.seek_to_beginning()
            return await _to_the_end(consumer)

    return asyncio.run(read())


async def _to_the_end(consumer: AIOKafkaConsumer) -> list[str]:
    ids: list[str] = []
    ends = await consumer.end_offsets(list(consumer.assignment()))
    deadline_s = time.monotonic() + WITHIN_S
    while any([await consumer.position(tp) < end for tp, end in ends.items()]) and time.monotonic() < deadline_s:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            ids += [json.loads(record.value)["eventId"] for record in records]
    return ids


def test_each_notification_is_seen_once_although_the_first_notifier_died_before_its_commit(
    kafka: LocalKafka, tmp_path: Path
) -> None:
    payload = {"concertScheduleId": "S", "capacity": 10}
    listing = {"eventId": "c", "eventType": "concert.schedule.created", "payload": payload}
    file = tmp_path / "events.ndjson"
    settings = own_settings(PREFIX, kafka.url)
    topic = settings["RANKING_NOTIFICATION_TOPIC"]
    with Fleet(settings, tmp_path) as fleet:
        fleet.run("topics", "topics")
        dying = DyingWorker("worker", "worker", fleet.settings, tmp_path)
        fleet.processes.append(dying)
        dying.start().wait_ready()
        # Sold now: to be number 1 is news for two minutes.
        events = [listing, *(envelope("S", int(time.time()) - 5) for _ in range(10))]
        file.write_text("".join(json.dumps(event) + "\n" for event in events))
        fleet.run("produce", "produce", str(file))
        assert dying.wait(WITHIN_S) == -9
        assert raised(kafka, topic, "read_uncommitted"), "it was to die with notifications on the topic"

        worker = WebProcess("worker", "worker", fleet.settings, tmp_path)
        fleet.processes.append(worker)
        worker.start().wait_ready()

        def all_are_raised() -> bool:
            return len(set(raised(kafka, topic, "read_committed"))) == MILESTONES_SOLD_OUT_AND_NUMBER_ONE

        wait_until(all_are_raised, WITHIN_S, "all are raised")
        seen = raised(kafka, topic, "read_committed")
        assert sorted(seen) == sorted(set(seen))
        assert len(raised(kafka, topic, "read_uncommitted")) > len(seen)
