"""A mistake in our own folding code: the worker stops loudly, and a fixed one misses nothing."""

import json
import time
from functools import partial
from pathlib import Path

from ranking_app.local.kafka import LocalKafka
from tests.support.arrival import Placed, as_records
from tests.support.broken_worker import POISON
from tests.support.oracle import Oracle
from tests.support.oracle_builders import envelope
from tests.support.own_settings import own_rules, own_settings, own_topics
from tests.support.processes import Fleet, WebProcess
from tests.support.replay import has_applied_all

PREFIX = "own-fault"
TOPICS = own_topics(PREFIX)
PARTITION = 1
STOPS_WITHIN_S = 60.0
APPLY_WITHIN_S = 60.0
PATIENT = 20


class BrokenWorker(WebProcess):
    """The worker with a fault in its folding code."""

    module = "tests.support.broken_worker"


def test_our_own_exception_stops_the_worker_and_loses_nothing(kafka: LocalKafka, tmp_path: Path) -> None:
    now_s = int(time.time())
    names = ["A", "B", POISON, "A", "C"]
    placed = [
        Placed(TOPICS.completed, PARTITION, json.dumps(envelope(name, now_s - PATIENT + number)).encode())
        for number, name in enumerate(names)
    ]
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"".join(record.line() for record in placed))
    with Fleet(own_settings(PREFIX, kafka.url), tmp_path) as fleet:
        fleet.run("topics", "topics")
        broken = BrokenWorker("broken", "worker", fleet.settings, tmp_path)
        fleet.processes.append(broken)
        broken.start().wait_ready()
        fleet.run("produce", "produce", str(file))

        assert broken.wait(STOPS_WITHIN_S) == 1
        complaint = next(line for line in broken.output().splitlines() if line.startswith("ranking-app: "))
        for fact in (TOPICS.completed, f"partition {PARTITION}", f"offset {names.index(POISON)}"):
            assert fact in complaint
        assert "Traceback" not in complaint

        # The same data directory: what the broken worker left there must not hide anything.
        fixed = WebProcess("broken", "worker", fleet.settings, tmp_path)
        fleet.processes.append(fixed)
        fixed.start().wait_ready()
        truth = Oracle(as_records(placed), own_rules(PREFIX))
        fixed.wait_for(partial(has_applied_all, fixed, truth), APPLY_WITHIN_S, "applied all")
        board = fixed.client.board("/v1/rankings/sales", window="all")
        assert [(entry["concertScheduleId"], entry["sold"]) for entry in board["entries"]] == [
            ("A", 2), ("B", 1), (POISON, 1), ("C", 1),
        ]  # fmt: skip
        assert board["completeness"]["duplicates"] == 0
