"""Workers killed with SIGKILL in the middle of the replay, twice with their disk: not one number changes."""

import time
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

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
from tests.support.waiting import Laps, wait_until

SEED = 3_11
WORKERS = 3
KILLS = 5
LOST_DISKS = 2
PRODUCE_FOR_S = 40.0
"""The rate is chosen so that producing takes this long; all kills fall into it."""

DOWN_AT_MOST_S = 3.0
PRODUCE_WITHIN_S = 300.0
APPLY_WITHIN_S = 300.0
"""A killed worker's partitions wait for the group's session timeout, which may come several times."""


class Kill(NamedTuple):
    """One SIGKILL: when (since producing began), whom, with its disk or not, and for how long it is down."""

    at_s: float
    worker: int
    loses_disk: bool
    down_s: float


def kill_plan(seed: int) -> list[Kill]:
    """Five kills at random moments of the production; the same seed gives the same."""
    random = Random(seed)
    moments_s = sorted(random.uniform(0.05, 0.95) * PRODUCE_FOR_S for _ in range(KILLS))
    without_disk = random.sample(range(KILLS), LOST_DISKS)
    return [
        Kill(at_s, random.randrange(WORKERS), number in without_disk, random.uniform(0, DOWN_AT_MOST_S))
        for number, at_s in enumerate(moments_s)
    ]


def test_five_sigkills_change_no_number(kafka: LocalKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    laps, topics = Laps(), own_topics("kill")
    replay = prepare_replay("kill", tmp_path, SEED)
    with Fleet(own_settings("kill", kafka.url, clock="event"), tmp_path) as fleet:
        laps.lap("prepared")
        fleet.run("topics", "topics")
        workers = [fleet.worker(f"worker-{number}") for number in range(WORKERS)]
        for worker in workers:
            worker.wait_ready()
        laps.lap("workers ready")
        rate = replay.records / PRODUCE_FOR_S
        producer = fleet.command("produce", "produce", str(replay.file), "--rate", f"{rate:.0f}")
        began_s = time.monotonic()

        def wait_for_moment(at_s: float) -> None:
            wait_until(lambda: time.monotonic() >= began_s + at_s, PRODUCE_FOR_S, f"second {at_s:.1f}")

        for kill in kill_plan(SEED):
            wait_for_moment(kill.at_s)
            producer.check_running()
            victim = workers[kill.worker]
            victim.kill()
            if kill.loses_disk:
                victim.lose_disk()
            wait_for_moment(kill.at_s + kill.down_s)
            victim.start()

        assert producer.wait(PRODUCE_WITHIN_S) == 0, producer.tail()
        laps.lap("produced")
        for worker in workers:
            worker.wait_for(partial(has_applied_all, worker, replay.oracle), APPLY_WITHIN_S, "applied all")
        laps.lap("all applied after another")
        comparison = compare_all(replay, workers)
        laps.lap("compared")
        with capsys.disabled():
            print(f"\n{replay.summary}\n{kill_plan(SEED)}\n{laps}\n{comparison.report()}")
        assert comparison.differences == []
        # A crash may write a dead letter again; its position is its identity.
        assert sorted(set(dead_letter_positions(kafka.bootstrap, topics))) == bad_positions(replay.oracle)
        assert [worker.terminate() for worker in workers] == [0] * WORKERS


def test_the_plan_has_five_kills_and_two_lost_disks() -> None:
    plan = kill_plan(SEED)
    assert len(plan) == KILLS and sum(kill.loses_disk for kill in plan) == LOST_DISKS
    assert plan == kill_plan(SEED) and all(0 < kill.at_s < PRODUCE_FOR_S for kill in plan)
