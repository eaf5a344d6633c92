"""SIGTERM while no broker answers: nothing can be flushed or committed, and still every process ends in time."""

import time
from pathlib import Path

from ranking_app.local.kafka import LocalKafka
from tests.e2e.test_shutdown import events_file, sold
from tests.support.own_settings import own_settings
from tests.support.processes import Fleet, WebProcess
from tests.support.waiting import wait_until

PROMISED_S = 10.0
WITHIN_S = 60.0


def seconds_to_stop(process: WebProcess) -> float:
    """From SIGTERM to its end; its exit code has to say that this was asked for."""
    began_s = time.monotonic()
    assert process.terminate() == 0, process.tail()
    return time.monotonic() - began_s


def test_a_stop_does_not_wait_for_brokers_that_are_away(tmp_path: Path) -> None:
    with LocalKafka(tmp_path / "kafka") as kafka, Fleet(own_settings("away", kafka.url), tmp_path) as fleet:
        fleet.run("topics", "topics")
        loading, loaded = fleet.worker("loading").wait_ready(), fleet.serve("serve").wait_ready()
        load = fleet.command("load", "produce", "--rate", "2000", str(events_file(tmp_path, 100_000)))
        wait_until(lambda: sold(loaded) > 2_000, WITHIN_S, "events are counted")
        kafka.kill(0)
        began_s = time.monotonic()
        wait_until(lambda: time.monotonic() > began_s + 3, 5, "what is under way begins to wait")
        stopped = {process.name: seconds_to_stop(process) for process in (loading, loaded)}
        load.kill()
    print({name: round(seconds, 1) for name, seconds in stopped.items()})
    assert max(stopped.values()) <= PROMISED_S
