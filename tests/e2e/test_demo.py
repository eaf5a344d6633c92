"""`ranking-app demo` as a user runs it: one command, boards that move, Ctrl-C, nothing left."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.demo import Demo, descendants, running_demo, runs
from tests.support.waiting import wait_until
from tests.support.web_client import Client, Json

STOP_WITHIN_S = 10.0
RATE = 300


@pytest.fixture
def demo(can_run_kafka: None, tmp_path: Path) -> Iterator[Demo]:
    with running_demo(tmp_path, RATE) as running:
        yield running


def test_the_demo_shows_moving_boards_survives_a_dead_worker_and_stops_on_one_ctrl_c(
    demo: Demo, tmp_path: Path
) -> None:
    web = Client(int(demo.wait_address().rpartition(":")[2]))
    assert web.status("/") == 200
    assert web.status("/static/app.js") == 200
    assert web.status("/docs") == 200

    first = wait_until(lambda: _board_with_titles(web), 30, "a board of sales of shows in the catalogue")
    wait_until(lambda: _sold(web) > _total(first) + 4 * RATE, 30, "sales that go on")
    wait_until(lambda: web.get("/v1/rankings/sell-out")["total"], 90, "a show that sells out")
    wait_until(lambda: web.get("/v1/rankings/sales")["completeness"]["deadLetters"], 60, "a malformed event")
    wait_until(
        lambda: re.search(r"workers 3/3 \| lag [\d,]+ \| sold out [1-9]", demo.output()),
        30,
        "a line of status",
    )

    workers = demo.workers()
    assert len(workers) == 3
    os.kill(max(workers), signal.SIGKILL)  # the one started last: not the one that answers us
    wait_until(lambda: re.search(r"worker \d died \(signal 9\)", demo.output()), 20, "notice of a dead worker")
    wait_until(lambda: re.search(r"worker \d restarted", demo.output()), 20, "its restart")
    before = _sold(web)
    wait_until(lambda: _sold(web) > before + RATE, 60, "sales after the restart")

    everything = [pid for pid, _ in descendants(demo.pid)]
    assert len(everything) >= 4
    begun_s = time.monotonic()
    demo.interrupt()
    assert demo.wait(STOP_WITHIN_S) == 0
    assert time.monotonic() - begun_s < STOP_WITHIN_S
    assert not [pid for pid in everything if runs(pid)]
    assert list((tmp_path / "tmp").glob("ranking-demo-*")) == []
    assert "Traceback" not in demo.output()


def test_nothing_survives_the_demo_when_it_is_killed(demo: Demo) -> None:
    demo.wait_address()
    everything = [pid for pid, _ in descendants(demo.pid)]
    assert len(everything) >= 4
    demo.kill()
    wait_until(lambda: not [pid for pid in everything if runs(pid)], 5, "the end of every child")


def _board_with_titles(web: Client) -> Json:
    """Empty while there is none: sales and catalogue are read side by side, and either may come first."""
    if web.status("/health/ready") != 200:
        return {}
    board = web.board("/v1/rankings/sales", window="all")
    known = all(entry["title"] and entry["capacity"] for entry in board["entries"])
    return board if board["entries"] and known else {}


def _total(board: Json) -> int:
    return sum(entry["score"] for entry in board["entries"])


def _sold(web: Client) -> int:
    return _total(web.board("/v1/rankings/sales", window="all"))
