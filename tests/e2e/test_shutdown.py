"""Stopping under load: within the bound, with nothing applied again, and no reader notices a rolling restart."""

import asyncio
import http.client
import json
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from ranking_app.kafka_client import reader, started
from ranking_app.local.kafka import LocalKafka
from tests.support.own_settings import own_settings, own_topics
from tests.support.processes import Fleet, WebProcess
from tests.support.waiting import wait_until
from tests.support.web_client import Client, UnexpectedStatus

RATE = 2_000
SCHEDULE = "S"
PARTITIONS = 3
ALL_THERE_S = 60.0
FAILOVER_S = 5.0
"""Longest that a client asks one worker after the other: they restart one by one, so somebody always answers."""

ASK_EVERY_S = 0.02


def events_file(directory: Path, count: int) -> Path:
    """`count` events of one schedule as `produce` takes them."""
    path = directory / "events.ndjson"
    at = datetime.now(UTC).isoformat()
    payload = {"concertScheduleId": SCHEDULE, "quantity": 1, "amount": 100}
    with path.open("w") as lines:
        for _ in range(count):
            event = {"eventId": str(uuid.uuid4()), "eventType": "reservation.completed", "eventTime": at}
            lines.write(json.dumps({**event, "payload": payload}) + "\n")
    return path


def sold(process: WebProcess) -> int:
    """What the schedule has sold, by this process; 0 before the first sale, and while nobody answers."""
    try:
        return int(process.client.schedule(SCHEDULE)["sold"])
    except (UnexpectedStatus, OSError, http.client.HTTPException):
        return 0


def committed(kafka: LocalKafka, settings: dict[str, str]) -> dict[int, int | None]:
    """The offsets that the group has committed of the completed topic, by partition."""

    async def ask() -> dict[int, int | None]:
        options = {"bootstrap_servers": kafka.bootstrap.split(",")}
        async with started(reader(options, group_id=settings["RANKING_APP_ID"])) as consumer:
            tps = [TopicPartition(settings["RANKING_COMPLETED_TOPIC"], number) for number in range(PARTITIONS)]
            return {tp.partition: await consumer.committed(tp) for tp in tps}

    return asyncio.run(ask())


def applied(process: WebProcess, topic: str) -> dict[int, int]:
    """How far each partition of a topic is applied, as an answer says it."""
    parts = process.client.get("/v1/rankings/sales")["completeness"]["partitions"]
    return {part["partition"]: part["offset"] for part in parts if part["topic"] == topic}


def counted(process: WebProcess) -> int:
    """Events that this process has counted since it started, by its own metrics."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return sum(int(float(line.split()[-1])) for line in text.splitlines() if line.startswith("ranking_events_total{"))


def test_sigterm_under_load_is_quick_and_nothing_is_applied_again(kafka: LocalKafka, tmp_path: Path) -> None:
    settings, count = own_settings("shutdown", kafka.url), 20_000
    topic = own_topics("shutdown").completed
    with Fleet(settings, tmp_path) as fleet:
        fleet.run("topics", "topics")
        watcher = fleet.serve("watcher")
        worker = fleet.worker("worker").wait_ready()
        watcher.wait_ready()
        load = fleet.command("load", "produce", "--rate", str(RATE), str(events_file(tmp_path, count)))
        wait_until(lambda: sold(worker) > RATE, ALL_THERE_S, "a second's load was applied")
        began_s = time.monotonic()
        assert worker.terminate() == 0, worker.tail()
        took_s = time.monotonic() - began_s
        assert "stopped_uncleanly" not in worker.output()
        wait_until(lambda: applied(watcher, topic) == committed(kafka, settings), 10, "what is applied is committed")
        at_stop = sold(watcher)
        assert 0 < at_stop < count, "it was not stopped under load"
        worker.start()
        worker.wait_for(lambda: sold(worker) == count, ALL_THERE_S, "has all events")
        assert counted(worker) == count - at_stop, "an event was applied again, or left out"
        assert load.wait(30) == 0
    print(f"stopped within {took_s:.1f} s at {at_stop} of {count} events; the next start counted the other ones")


class StickyReader:
    """Asks one worker for the total, again and again; when it does not answer, the next one.

    Readers follow the changelog each for itself, so the next worker may be some milliseconds behind: an answer that
    is behind what was seen, by its own completeness block, is asked for again.
    """

    def __init__(self, workers: list[WebProcess]) -> None:
        self._clients = [Client(worker.port, timeout_s=2.0) for worker in workers]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._seen: dict[tuple[str, int], int] = {}
        self.totals: list[int] = []
        self.moves = 0
        self.behind = 0
        self.longest_s = 0.0
        self.failures: list[str] = []

    def __enter__(self) -> "StickyReader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for client in self._clients:
            client.close()

    def _run(self) -> None:
        while not self._stop.wait(ASK_EVERY_S):
            began_s = time.monotonic()
            while not self._ask():
                if time.monotonic() > began_s + FAILOVER_S:
                    self.failures.append(f"no worker answered for {FAILOVER_S:g} s")
                    return
            self.longest_s = max(self.longest_s, time.monotonic() - began_s)

    def _ask(self) -> bool:
        try:
            answer = self._clients[0].schedule(SCHEDULE)
        except (UnexpectedStatus, OSError, http.client.HTTPException):
            self._clients.append(self._clients.pop(0))
            self.moves += 1
            self._stop.wait(0.005)
            return False
        if not self._is_newer(answer["completeness"]["partitions"]):
            self.behind += 1
            self._stop.wait(0.005)
            return False
        self.totals.append(int(answer["sold"]))
        return True

    def _is_newer(self, partitions: list[dict[str, Any]]) -> bool:
        offsets = {(part["topic"], part["partition"]): part["offset"] for part in partitions}
        if any(offsets[key] < seen for key, seen in self._seen.items()):
            return False
        self._seen = offsets
        return True


def test_a_rolling_restart_under_load_is_not_noticed_by_readers(kafka: LocalKafka, tmp_path: Path) -> None:
    settings, count = own_settings("rolling", kafka.url), 240_000
    with Fleet(settings, tmp_path) as fleet:
        fleet.run("topics", "topics")
        workers = [fleet.worker(f"worker-{number}") for number in range(3)]
        for worker in workers:
            worker.wait_ready()
        load = fleet.command("load", "produce", "--rate", str(RATE), str(events_file(tmp_path, count)))
        wait_until(lambda: sold(workers[0]) > 0, ALL_THERE_S, "the load arrives")
        with StickyReader(workers) as client:
            for worker in workers:
                assert worker.terminate() == 0, worker.tail()
                worker.start()
                worker.wait_ready()
            load.ask_to_stop()  # raises if it has ended by itself: the restarts were to be under load
            load.wait(60)
            wait_until(lambda: len({sold(worker) for worker in workers}) == 1, ALL_THERE_S, "the workers agree")
    assert not client.failures
    assert client.moves >= 1
    assert client.totals == sorted(client.totals)
    print(
        f"{len(client.totals)} answers, none backwards; {client.moves} moves to the next worker, {client.behind} "
        f"answers asked for again; the longest wait was {client.longest_s * 1000:.0f} ms"
    )
