"""`GET /v1/ops`: which worker owns which partition, how fast it counts, how far behind it is."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ranking_app.clock import ManualClock
from ranking_app.metrics import Metrics
from ranking_app.read_model.sources import CATALOGUE, SourceKey
from ranking_app.read_model.state import ReadModel, ReadRules
from ranking_app.web.app import create_web_app
from ranking_app.web.ops import AboutProcess
from tables.layout import position_key
from tables.position import Position
from tests.support.web import get_json, second, shown

TOPICS = ("reservation.completed", "reservation.cancelled", "concert.schedule.created")
NOON_MS = second("12:00:00") * 1000
RULES = ReadRules(TOPICS, 2, "wall", ZoneInfo("UTC"), 60_000, 60_000, 65_536, 300_000)


def apply(model: ReadModel, source: SourceKey, position: Position) -> None:
    model.apply_change(source.partition, position_key(*source), position.encode())


@pytest.fixture
def model() -> ReadModel:
    """Two workers, two partitions; one is busy, one is four records behind."""
    made = ReadModel(RULES, ManualClock(NOON_MS))
    made.loaded = True
    for source in (*made.sources(), CATALOGUE):
        made.set_end(source, 0, 0)
    busy = Position(next_offset=100, watermark_ms=NOON_MS - 30_000, counted=90, written_at_ms=NOON_MS - 30_000)
    for position in (busy, busy.moved(next_offset=400, counted=390, written_at_ms=NOON_MS, late=3, duplicates=7)):
        apply(made, SourceKey(0, 0), position.taken_over_by("b:2"))
    apply(made, SourceKey(1, 0), Position().taken_over_by("b:2"))
    for role in (0, 1):
        apply(made, SourceKey(role, 1), Position(next_offset=5, dead_letters=1, owner="a:1", takeovers=4))
    made.set_end(SourceKey(0, 0), 0, 404)
    return made


async def test_it_names_the_workers_and_what_they_own(model):
    assert (await get_json(model, "/v1/ops"))["workers"] == [
        {"worker": "a:1", "partitions": [1]},
        {"worker": "b:2", "partitions": [0]},
    ]


async def test_each_reservation_partition_says_where_it_is_and_what_was_counted(model):
    partitions = (await get_json(model, "/v1/ops"))["partitions"]
    assert partitions[0] == {
        "topic": TOPICS[0], "partition": 0, "worker": "b:2", "offset": 400, "lag": 4,
        "watermark": "2026-06-14T11:59:30.000Z", "eventsPerSecond": 10.0,
        "counted": 390, "late": 3, "duplicates": 7, "deadLetters": 0, "takeovers": 1,
    }  # fmt: skip
    assert partitions[2] == {
        "topic": TOPICS[1], "partition": 0, "worker": "b:2", "offset": 0, "lag": 0, "watermark": None,
        "eventsPerSecond": 0.0, "counted": 0, "late": 0, "duplicates": 0, "deadLetters": 0, "takeovers": 1,
    }  # fmt: skip
    assert [(p["topic"], p["partition"]) for p in partitions] == [(t, n) for t in TOPICS[:2] for n in (0, 1)]


async def test_a_partition_that_nobody_took_yet_has_no_worker():
    unread: Any = ReadModel(RULES, ManualClock(NOON_MS))
    found = await get_json(unread, "/v1/ops")
    assert found["workers"] == []
    assert {part["worker"] for part in found["partitions"]} == {None}
    assert found["completeness"]["complete"] is False, "it is answered before the first load too"


async def test_it_says_who_answers_and_since_when(model):
    about = AboutProcess(NOON_MS - 3_600_500, worker="a:1")
    app = create_web_app(model, timezone=ZoneInfo("UTC"), metrics=Metrics(), about=about)
    async with TestClient(TestServer(app)) as client, client.get("/v1/ops") as response:
        found = (await response.json())["self"]
    assert (found["worker"], found["startedAt"]) == ("a:1", shown("10:59:59"))
    assert found["version"]


async def test_a_serve_instance_is_no_worker(model):
    assert (await get_json(model, "/v1/ops"))["self"]["worker"] is None
