"""A year of real purchases through a real broker and three workers: every number equals the oracle's."""

from functools import partial
from pathlib import Path

import pytest

from ranking_app.local.kafka import LocalKafka
from tests.support.own_settings import own_settings, own_topics
from tests.support.processes import Fleet
from tests.support.replay import (
    bad_positions,
    compare_all,
    dead_letter_positions,
    has_applied_all,
    prepare_replay,
)
from tests.support.waiting import Laps

SEED = 3_10
WORKERS = 3
PRODUCE_WITHIN_S = 300.0
APPLY_WITHIN_S = 300.0


def test_a_year_of_purchases_gives_the_same_boards_on_every_worker(
    kafka: LocalKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    laps, topics = Laps(), own_topics("replay")
    replay = prepare_replay("replay", tmp_path, SEED)
    with Fleet(own_settings("replay", kafka.url, clock="event"), tmp_path) as fleet:
        laps.lap("prepared")
        fleet.run("topics", "topics")
        workers = [fleet.worker(f"worker-{number}") for number in range(WORKERS)]
        for worker in workers:
            worker.wait_ready()
        laps.lap("workers ready")
        fleet.run("produce", "produce", str(replay.file), timeout_s=PRODUCE_WITHIN_S)
        laps.lap("produced")
        for worker in workers:
            worker.wait_for(partial(has_applied_all, worker, replay.oracle), APPLY_WITHIN_S, "applied all")
        laps.lap("all applied after another")
        comparison = compare_all(replay, workers)
        laps.lap("compared")
        with capsys.disabled():
            print(f"\n{replay.summary}\n{laps}\n{comparison.report()}")
        assert comparison.differences == []
        assert dead_letter_positions(kafka.bootstrap, topics) == bad_positions(replay.oracle)
        assert [worker.terminate() for worker in workers] == [0] * WORKERS
