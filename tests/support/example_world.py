"""A small world of sales, and what the app answers about it: the examples of `/openapi.json` and `/docs`.

    python -m tests.support.example_world

asks the app every documented question and writes ranking_app/web/examples.json anew. Do it after a change of an answer,
and read the difference; tests/unit/test_web_examples.py compares the file with the app.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import orjson
from aiohttp import HttpVersion10, HttpVersion11
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from ranking_app.clock import ManualClock
from ranking_app.metrics import Metrics
from ranking_app.rankings.panes import Pane, encode_pane, fold
from ranking_app.read_model.sources import CATALOGUE, SourceKey
from ranking_app.read_model.state import ReadModel, ReadRules
from ranking_app.read_model.switched import SwitchedReadModel
from ranking_app.settings import BASE
from ranking_app.web import examples, live
from ranking_app.web.app import create_web_app
from ranking_app.web.openapi import PROBLEMS
from ranking_app.web.ops import AboutProcess
from schemas.sale import Sale
from schemas.times import format_s
from tables.layout import pane_key, position_key
from tables.position import Position
from tests.support.project import ROOT
from tests.support.web import second

PATH = ROOT / "ranking_app" / "web" / "examples.json"

TOPICS = ("reservation.completed", "reservation.cancelled", "concert.schedule.created")
PARTITIONS = 3
FIRST_OFFSET = 1_000
AS_OF_S = second("11:30:00")
NOW_MS = AS_OF_S * 1000 - 250

ID, JAZZ, CLUB, BALLAD, GALA = (
    examples.ID,
    "JazzInThePark20260712",
    "IndieClubNight20260620",
    "BalladEvening20260801",
    "MidsummerGala",
)

QUESTIONS = {
    "salesBoard": "/v1/rankings/sales?limit=2",
    "sellOutBoard": "/v1/rankings/sell-out?limit=1",
    "hotBoard": "/v1/rankings/hot?limit=1&explain=true",
    "trendingBoard": "/v1/rankings/trending?limit=1",
    "nearlySoldOutBoard": "/v1/rankings/nearly-sold-out?limit=1",
    "cancellationsBoard": "/v1/rankings/cancellations?limit=1&by=rate",
    "around": f"/v1/rankings/sales/around/{ID}?span=1",
    "boards": "/v1/rankings?boards=sales;window=all;by=amount,hot&limit=1",
    "boardKinds": "/v1/boards",
    "slices": "/v1/slices",
    "search": "/v1/search?q=dj+fest",
    "schedule": f"/v1/schedules/{CLUB}",
    "salesCurve": f"/v1/schedules/{ID}/sales?to=2026-06-14T11:03:00Z",
    "audit": f"/v1/schedules/{ID}/audit?from=2026-06-14T11:14:00Z&to=2026-06-14T11:22:00Z",
    "ops": "/v1/ops",
    "alive": "/health/live",
    "ready": "/health/ready",
}
"""By the name of the operation."""

PROBLEM_QUESTIONS = {
    "invalid-parameter": "/v1/rankings/sales?limit=0",
    "unknown-schedule": "/v1/schedules/NoSuchShow",
    "unknown-board": "/v1/rankings/best",
    "not-on-board": f"/v1/rankings/nearly-sold-out/around/{ID}",
    "too-many-watchers": "/v1/live?boards=sales",
    "stream-needs-http-1-1": "/v1/live?boards=sales",
    "query-too-long": f"/v1/rankings/sales?genre={'x' * 4_000}",
    "still-loading": "/health/ready",
}
"""By the slug of the problem; how each is brought about: ask_problem."""


class Sold:
    """Reservations and cancellations, in any order; `logs` has them as they came."""

    def __init__(self) -> None:
        self._events: list[tuple[float, str, int, bool]] = []

    def sell(self, schedule_id: str, at_s: float, amount: int, cancelled: bool = False) -> None:
        """One seat, or its cancellation."""
        self._events.append((at_s, schedule_id, amount, cancelled))

    def steadily(self, schedule_id: str, begin: str, end: str, count: int, amount: int) -> None:
        """count reservations of one seat from begin on, evenly up to end."""
        begin_s, end_s = second(begin), second(end)
        for number in range(count):
            self.sell(schedule_id, begin_s + (end_s - begin_s) * number / count, amount)

    def logs(self) -> dict[SourceKey, list[Sale]]:
        """By the time they happened, each on the next partition of its topic, at the next offset."""
        sources = [SourceKey(role, number) for role in (0, 1) for number in range(PARTITIONS)]
        logs: dict[SourceKey, list[Sale]] = {source: [] for source in sources}
        for number, (at_s, schedule_id, amount, cancelled) in enumerate(sorted(self._events)):
            log = logs[SourceKey(int(cancelled), number % PARTITIONS)]
            log.append(Sale(FIRST_OFFSET + len(log), schedule_id, round(at_s * 1000), 1, amount, cancelled, None))
        return logs


def sales() -> Sold:
    """A day and a half at five shows."""
    sold = Sold()
    sold.steadily(JAZZ, "2026-06-13T02:00:00", "2026-06-14T10:30:00", 130, 88_000)
    sold.steadily(BALLAD, "2026-06-13T06:00:00", "2026-06-14T11:20:00", 60, 110_000)
    sold.steadily(GALA, "2026-06-13T20:00:00", "2026-06-14T11:10:00", 24, 45_000)
    for number in range(9):
        sold.sell(BALLAD, second("2026-06-14T07:00:00") + 1_511 * number, 110_000, cancelled=True)
    sold.steadily(CLUB, "09:45:00", "11:30:00", 270, 33_000)
    sold.steadily(JAZZ, "10:40:00", "11:30:00", 55, 88_000)
    opens_s = second("11:00:00")
    for number in range(100):  # a rush that slows down
        sold.sell(ID, opens_s + 461.4 * (number / 99) ** 1.5, 150_000)
    for clock in ("11:14:05", "11:14:48", "11:16:20"):
        sold.sell(ID, second(clock), 150_000, cancelled=True)
    for clock in ("11:17:30", "11:19:02", "11:21:03"):
        sold.sell(ID, second(clock), 150_000)
    return sold


def listings() -> Iterator[dict[str, Any]]:
    """The catalogue; nobody knows how large the gala is."""
    for values in (
        (ID, 100, "World DJ Festival", "Seoul Land", "Seoul", "dj", "2026-06-14T11:00:00Z", "2026-07-04T09:00:00Z"),
        (JAZZ, 3000, "Jazz in the Park", "Seoul Forest", "Seoul", "jazz", None, "2026-07-12T09:30:00Z"),
        (CLUB, 300, "Indie Club Night", "Club FF", "Busan", "indie", "2026-06-14T09:45:00Z", "2026-06-20T12:00:00Z"),
        (BALLAD, 1200, "발라드의 밤", "Art Center", "Daegu", "ballad", None, "2026-08-01T10:00:00Z"),
    ):
        names = "concertScheduleId", "capacity", "title", "venue", "region", "genre", "saleOpensAt", "startsAt"
        yield dict(zip(names, values, strict=True))


def world(loaded: bool = True) -> ReadModel:
    """The read model of a worker that has read all of it, half past eleven; or half of it, not loaded."""
    clock = ManualClock(NOW_MS)
    zone = ZoneInfo("UTC")
    model = ReadModel(ReadRules(TOPICS, PARTITIONS, "wall", zone, 60_000, 60_000, 65_536, 300_000), clock)
    for number, payload in enumerate(listings()):
        value = {"eventId": f"c-{number}", "eventType": TOPICS[2], "payload": payload}
        model.apply_listing(payload["concertScheduleId"].encode(), orjson.dumps(value), number, NOW_MS)
    for source, log in sales().logs().items():
        _apply(model, source, log if loaded else log[: len(log) // 2])
        model.set_end(source, 0, FIRST_OFFSET + len(log))
    model.set_end(CATALOGUE, 0, 4)
    model.changed()
    model.loaded = loaded
    return model


def _apply(model: ReadModel, source: SourceKey, log: list[Sale]) -> None:
    panes: dict[tuple[str, int], Pane] = {}
    fold(lambda schedule_id, minute: panes.setdefault((schedule_id, minute), Pane()), log)
    for (schedule_id, minute), pane in panes.items():
        key = pane_key(source.role, source.partition, minute, schedule_id)
        model.apply_change(source.partition, key, encode_pane(pane))
    position = Position(
        next_offset=FIRST_OFFSET + len(log),
        watermark_ms=max((sale.at_ms for sale in log), default=None),
        counted=FIRST_OFFSET - 10 + len(log),
        duplicates=7 + source.partition,
        dead_letters=1 - source.role,
        late=source.role,
        written_at_ms=NOW_MS,
        owner=f"10.0.0.{7 + source.partition % 2}:6066",
        takeovers=2,
    )
    if log:  # a minute before, so that it has a speed
        earlier = position.moved(counted=position.counted - len(log) // 20, written_at_ms=NOW_MS - 60_000)
        model.apply_change(source.partition, position_key(*source), earlier.encode())
    model.apply_change(source.partition, position_key(*source), position.encode())


async def ask(path: str, *, loaded: bool = True, http_1_1: bool = True) -> Any:
    """The JSON that the app answers."""
    about = AboutProcess(second("08:00:00") * 1000, worker="10.0.0.7:6066")
    app = create_web_app(
        SwitchedReadModel(BASE, world(loaded)), timezone=ZoneInfo("UTC"), metrics=Metrics(), about=about
    )
    version = HttpVersion11 if http_1_1 else HttpVersion10
    async with (
        TestClient(TestServer(app), version=version) as client,
        client.get(URL(path, encoded=True)) as response,
    ):
        return await response.json(content_type=None)


async def ask_problem(slug: str) -> Any:
    """The problem, brought about."""
    with patch.object(live, "MAX_CLIENTS", 0 if slug == "too-many-watchers" else live.MAX_CLIENTS):
        return await ask(
            PROBLEM_QUESTIONS[slug], loaded=slug != "still-loading", http_1_1=slug != "stream-needs-http-1-1"
        )


async def everything() -> dict[str, Any]:
    """What the file holds."""
    return {
        "answers": {name: {"path": path, "answer": await ask(path)} for name, path in QUESTIONS.items()},
        "problems": {
            slug: {"path": path, "answer": await ask_problem(slug)} for slug, path in PROBLEM_QUESTIONS.items()
        },
    }


def _make_room_for_new_problems() -> None:
    """The app does not start without an example of each."""
    if not PATH.exists():
        PATH.write_text('{"answers": {}, "problems": {}}')
    for kind in PROBLEMS:
        members = {"type": f"/docs#{kind.slug}", "title": kind.title, "status": int(kind.status)}
        examples.problems().setdefault(str(kind.slug), {"path": "", "answer": members})


def main(path: Path = PATH) -> None:
    """Write the file."""
    _make_room_for_new_problems()
    text = json.dumps(asyncio.run(everything()), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")
    print(f"{path.name}: the world as of {format_s(AS_OF_S)}")


if __name__ == "__main__":
    main()
