"""Brokers go under load: with one of three gone everything goes on, with two gone the app waits, says so, resumes."""

import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranking_app.local.kafka import LocalKafka
from tests.e2e.test_shutdown import SCHEDULE, events_file, sold
from tests.support.own_settings import own_settings
from tests.support.processes import AppProcess, Fleet, WebProcess
from tests.support.waiting import wait_until

RATE = 2_000
COUNT = 400_000
"""More than is sent: the load is stopped at the end."""

WITHIN_S = 60.0
GONE_S = 5.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalKafka]:
    with LocalKafka(tmp_path / "cluster", brokers=3) as kafka:
        yield kafka


def metric(process: WebProcess, name: str) -> float:
    """The value of a metric without labels."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def rate_over(process: WebProcess, seconds: float) -> float:
    """Events a second that became visible meanwhile."""
    before, began_s = sold(process), time.monotonic()
    wait_until(lambda: time.monotonic() > began_s + seconds, seconds + 1, "time passes")
    return (sold(process) - before) / (time.monotonic() - began_s)


def status(process: WebProcess) -> str:
    """What its readiness says."""
    return str(process.client.get("/health/ready")["status"])


def test_brokers_go_and_come_back_under_load(cluster: LocalKafka, tmp_path: Path) -> None:
    with Fleet(own_settings("brokers-lost", cluster.url), tmp_path) as fleet:
        fleet.run("topics", "topics")
        workers = [fleet.worker(f"worker-{number}") for number in range(3)]
        for worker in workers:
            worker.wait_ready()
        load = fleet.command("load", "produce", "--rate", str(RATE), str(events_file(tmp_path, COUNT)))
        wait_until(lambda: sold(workers[0]) > 2 * RATE, WITHIN_S, "the load is applied")
        before = rate_over(workers[0], GONE_S)

        cluster.kill(0)
        gone_at_s = time.monotonic()
        wait_until(lambda: rate_over(workers[0], 1.0) > RATE / 2, WITHIN_S, "two brokers carry the load")
        took_s = time.monotonic() - gone_at_s
        during = rate_over(workers[0], GONE_S)
        cluster.restart(0)
        after = rate_over(workers[0], GONE_S)
        rates = f"{before:,.0f} before, {during:,.0f} without a broker, {after:,.0f} after"
        print(f"visible events/s at {RATE}/s sent: {rates}; the others took over within {took_s:.1f} s")

        _two_gone(cluster, workers, load)
        load.ask_to_stop()
        load.wait(WITHIN_S)
        _all_there(fleet, workers, load)


def _two_gone(cluster: LocalKafka, workers: list[WebProcess], load: AppProcess) -> None:
    """Below min.insync.replicas nothing can be acknowledged: everybody waits and says so, nobody gives up."""
    cluster.kill(0)
    cluster.kill(1)
    for worker in workers:
        worker.wait_for(lambda worker=worker: status(worker) == "stale", WITHIN_S, "says that it is stale")  # type: ignore[misc]
        assert metric(worker, "ranking_complete") == 0
    waited_s = time.monotonic()
    at_stop = sold(workers[0])
    wait_until(lambda: time.monotonic() > waited_s + GONE_S, GONE_S + 1, "time passes")
    assert sold(workers[0]) - at_stop < RATE, "more was applied than was under way"
    for worker in workers:
        worker.check_running()
    load.check_running()
    cluster.restart(0)
    cluster.restart(1)
    for worker in workers:
        worker.wait_for(lambda worker=worker: status(worker) == "ready", WITHIN_S, "goes on by itself")  # type: ignore[misc]
        assert metric(worker, "ranking_complete") == 1
    wait_until(lambda: sold(workers[0]) > at_stop + RATE, WITHIN_S, "the load is applied again")


def _all_there(fleet: Fleet, workers: list[WebProcess], load: AppProcess) -> None:
    """What `produce` says was acknowledged is there; a resent event has its id, so it counts once."""
    acknowledged = int(load.output().split(" events")[0].split()[-1].replace(",", ""))
    for worker in workers:
        worker.wait_for(lambda worker=worker: sold(worker) >= acknowledged, WITHIN_S, "has all")  # type: ignore[misc]
        assert worker.starts == 1
    assert len({sold(worker) for worker in workers}) == 1
    assert SCHEDULE in str(workers[0].client.get("/v1/rankings/sales"))
