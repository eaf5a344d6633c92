"""The Python client, against the real web application over a small read model."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ranking_app import client as client_module
from ranking_app.client import RankingClient
from ranking_app.client_problems import (
    ApiProblem,
    ClientError,
    ComeBackLater,
    InvalidParameter,
    NotOnBoard,
    NotReached,
    UnexpectedAnswer,
    UnknownBoard,
    UnknownSchedule,
)
from ranking_app.live_boards import LiveBoards, OutOfStep, after
from ranking_app.metrics import Metrics
from ranking_app.web.app import create_web_app
from ranking_app.web.server import WebServer
from tests.support.processes import free_port
from tests.support.project import ROOT
from tests.support.web import FakeReadModel, get_json

SLASHED = "a/b ü?"


@pytest.fixture
def shop() -> FakeReadModel:
    shop = FakeReadModel().list("A", 10, title="Dj Fest", genre="dj").list("B", 5000)
    return shop.sell("A", "11:30:00", 5, 700).sell("B", "11:31:00", 3, 900).sell(SLASHED, "11:32:00", 1)


async def served(shop: FakeReadModel, port: int = 0) -> WebServer:
    server = WebServer(create_web_app(shop, timezone=ZoneInfo("UTC"), metrics=Metrics()))
    await server.start("127.0.0.1", port)
    return server


@pytest.fixture
async def ranking(shop: FakeReadModel) -> AsyncIterator[RankingClient]:
    server = await served(shop)
    async with RankingClient(f"http://127.0.0.1:{server.port}/") as ranking:
        yield ranking
    await server.stop()


QUESTIONS: list[tuple[Callable[[RankingClient], Any], str]] = [
    (lambda r: r.kinds(), "/v1/boards"),
    (lambda r: r.board("sales"), "/v1/rankings/sales"),
    (
        lambda r: r.board("sales", window="all", by="amount", limit=1, genre=None),
        "/v1/rankings/sales?window=all&by=amount&limit=1",
    ),
    (lambda r: r.board("hot", explain=True), "/v1/rankings/hot?explain=true"),
    (
        lambda r: r.board("sales", asOf=datetime(2026, 6, 14, 11, 31, tzinfo=UTC)),
        "/v1/rankings/sales?asOf=2026-06-14T11:31:00Z",
    ),
    (lambda r: r.around("sales", SLASHED, span=1), "/v1/rankings/sales/around/a%2Fb%20%C3%BC%3F?span=1"),
    (
        lambda r: r.boards("sales;window=all", "hot", limit=2),
        "/v1/rankings?boards=sales%3Bwindow%3Dall%2Chot&limit=2",
    ),
    (lambda r: r.schedule("A"), "/v1/schedules/A"),
    (lambda r: r.schedule(SLASHED, as_of="20260101"), "/v1/schedules/a%2Fb%20%C3%BC%3F?asOf=20260101"),
    (lambda r: r.curve("A", step="5m"), "/v1/schedules/A/sales?step=5m"),
    (
        lambda r: r.curve("A", "2026-06-14T11:30:00Z", "2026-06-14T11:31:00Z"),
        "/v1/schedules/A/sales?from=2026-06-14T11:30:00Z&to=2026-06-14T11:31:00Z",
    ),
    (lambda r: r.audit("A"), "/v1/schedules/A/audit"),
    (lambda r: r.search("dj fest", limit=3), "/v1/search?q=dj+fest&limit=3"),
    (lambda r: r.slices(), "/v1/slices"),
    (lambda r: r.ops(), "/v1/ops"),
]


@pytest.mark.parametrize(("question", "path"), QUESTIONS, ids=[path for _, path in QUESTIONS])
async def test_each_method_returns_what_the_api_answers(shop, ranking, question, path):
    answer, expected = await question(ranking), await get_json(shop, path)
    for either in (answer, expected):  # they tell which way they were asked
        either.pop("links", None)
    assert answer == expected


async def test_pages_are_all_of_a_board_of_one_instant(shop, ranking):
    found = []
    async for page in ranking.pages("sales", limit=2):
        found.append([entry["concertScheduleId"] for entry in page["entries"]])
        shop.live_s += 3_600  # time goes on meanwhile
    assert found == [["A", "B"], [SLASHED]]


@pytest.mark.parametrize(
    ("question", "kind", "status", "parameter"),
    [
        (lambda r: r.board("sales", limit=0), InvalidParameter, 400, "limit"),
        (lambda r: r.board("best"), UnknownBoard, 404, None),
        (lambda r: r.schedule("Nobody"), UnknownSchedule, 404, None),
        (lambda r: r.around("trending", "A"), NotOnBoard, 404, None),
        (lambda r: r.board("sales", genre="x" * 5_000), ApiProblem, 414, None),
    ],
)
async def test_a_problem_is_an_exception_of_its_kind(ranking, question, kind, status, parameter):
    with pytest.raises(ApiProblem) as caught:
        await question(ranking)
    problem = caught.value
    assert (type(problem), problem.status, problem.parameter) == (kind, status, parameter)
    assert problem.detail in str(problem)
    assert problem.type.startswith("/docs#")


async def test_an_app_that_is_loading_says_when_to_come_back(shop, ranking):
    shop.loaded = False
    with pytest.raises(ComeBackLater) as caught:
        await ranking.board("sales")
    assert caught.value.retriable
    assert caught.value.retry_after_s == 2


async def test_where_nobody_listens_it_is_not_reached():
    async with RankingClient(f"http://127.0.0.1:{free_port()}") as ranking:
        for question in (ranking.ops(), anext(ranking.live("sales"))):
            with pytest.raises(NotReached, match="http"):
                await question


@pytest.mark.parametrize("status", [200, 404, 502])
async def test_what_is_no_ranking_app_is_an_unexpected_answer(status):
    async def page(_: web.Request) -> web.Response:
        return web.Response(status=status, text="<h1>Welcome")

    app = web.Application()
    app.router.add_get("/{any:.*}", page)
    async with TestServer(app) as server, RankingClient(str(server.make_url(""))) as ranking:
        with pytest.raises(UnexpectedAnswer):
            await ranking.ops()


async def test_too_slow_is_not_reached():
    async def never(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    app = web.Application()
    app.router.add_get("/{any:.*}", never)
    async with TestServer(app) as server, RankingClient(str(server.make_url("")), timeout_s=0.1) as ranking:
        with pytest.raises(NotReached):
            await ranking.ops()


async def test_a_time_without_a_zone_is_refused_since_it_would_be_read_in_the_zone_of_the_app(ranking):
    with pytest.raises(ValueError, match="expected a datetime with a zone"):
        await ranking.schedule("A", datetime(2026, 6, 14))


def test_importing_it_brings_neither_faust_nor_a_kafka_client():
    program = "import sys, ranking_app.client; print({'faust', 'aiokafka', 'rocksdict', 'mode'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


async def test_the_program_in_the_documentation_runs(ranking, tmp_path):
    (program,) = re.findall(
        r"```python\n(import asyncio.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL
    )
    path = tmp_path / "program.py"
    path.write_text(program.replace("http://127.0.0.1:6066", ranking._base))
    process = await asyncio.create_subprocess_exec(sys.executable, path, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    lines = output.decode().splitlines()
    assert lines[:3] == ["1 A 5", "2 B 3", f"3 {SLASHED} 1"]
    assert lines[3] == "No event and no catalogue record has the id 'NoSuchShow'."
    assert lines[4] == "2026-06-14T12:00:00Z ['hot', 'sales;window=1h'] 3"


def test_every_failure_has_one_base():
    assert all(issubclass(kind, ClientError) for kind in (NotReached, UnexpectedAnswer, ApiProblem))


# --- live ---


def ids(live: LiveBoards, key: str) -> list[tuple[str, int]]:
    return [(entry["concertScheduleId"], entry["score"]) for entry in live.boards[key]["entries"]]


async def until(stream: AsyncIterator[LiveBoards], holds: Callable[[LiveBoards], bool]) -> LiveBoards:
    async with asyncio.timeout(20):
        async for live in stream:
            if holds(live):
                return live
    raise AssertionError("the stream ended")


async def test_live_boards_follow_the_boards(shop, ranking):
    stream = ranking.live("sales;window=1h", "cancellations", limit=2)
    first = await anext(stream)
    assert first.complete
    assert first.changed == {"sales;window=1h", "cancellations"}
    assert ids(first, "sales;window=1h") == [("A", 5), ("B", 3)]
    shop.sell(SLASHED, "11:40:01", 3)
    live = await until(stream, lambda live: ids(live, "sales;window=1h") == [("A", 5), (SLASHED, 4)])
    shop.sell(SLASHED, "11:40:02", 4)
    live = await until(stream, lambda live: ids(live, "sales;window=1h") == [(SLASHED, 8), ("A", 5)])
    assert live.changed == {"sales;window=1h"}
    asked = await ranking.boards("sales;window=1h", "cancellations", limit=2)
    for board in asked["boards"]:
        moving = ("secondsAtTop", "peakAt")
        seen = live.boards[board["key"]]["entries"]
        assert [{**e, **dict.fromkeys(moving)} for e in seen] == [
            {**e, **dict.fromkeys(moving)} for e in board["entries"]
        ]
    await stream.aclose()


async def test_a_live_stream_comes_back_after_a_restart_of_the_app(shop, monkeypatch):
    monkeypatch.setattr(client_module, "FIRST_PAUSE_S", 0.05)
    server = await served(shop)
    port = server.port
    async with RankingClient(f"http://127.0.0.1:{port}") as ranking:
        stream = ranking.live("sales")
        assert ids(await anext(stream), "sales")[0] == ("A", 5)
        await server.stop()
        shop.sell("B", "11:45:00", 9)
        shop.loaded = False
        again = await served(shop, port)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        shop.loaded = True
        assert ids(await asyncio.wait_for(waiting, 20), "sales")[0] == ("B", 12)
        await stream.aclose()
    await again.stop()


async def test_a_question_that_cannot_be_answered_ends_a_live_stream_at_once(ranking):
    with pytest.raises(InvalidParameter):
        await anext(ranking.live("best"))


def board(*entries: str) -> dict[str, Any]:
    return {
        "key": "sales",
        "total": 2,
        "asOf": "t0",
        "entries": [{"concertScheduleId": e, "score": 1} for e in entries],
    }


def test_a_delta_keeps_what_it_names_by_id_and_puts_it_in_the_new_order():
    before = after(
        None,
        "snapshot",
        {"asOf": "t0", "complete": True, "generation": "base", "boards": [board("A", "B"), {**board(), "key": "hot"}]},
    )
    changed = {"concertScheduleId": "C", "score": 2}
    delta = {"key": "sales", "asOf": "t1", "window": None, "total": 3, "entries": [changed, "A"]}
    now = after(before, "delta", {"asOf": "t1", "complete": False, "generation": "base", "boards": [delta]})
    assert ids(now, "sales") == [("C", 2), ("A", 1)]
    assert (now.as_of, now.complete, now.changed) == ("t1", False, frozenset({"sales"}))
    assert now.boards["hot"] is before.boards["hot"]
    assert ids(before, "sales") == [("A", 1), ("B", 1)]


def test_a_heartbeat_only_moves_the_time():
    before = after(None, "snapshot", {"asOf": "t0", "complete": True, "generation": "base", "boards": [board("A")]})
    assert after(before, "heartbeat", {"asOf": "t9", "complete": False, "generation": "base"}) == LiveBoards(
        "t9", False, "base", before.boards, frozenset()
    )


@pytest.mark.parametrize("delta", [{"key": "hot", "entries": []}, {"key": "sales", "entries": ["B"]}])
def test_what_is_told_of_something_unknown_is_out_of_step(delta):
    before = after(None, "snapshot", {"asOf": "t0", "complete": True, "generation": "base", "boards": [board("A")]})
    with pytest.raises(OutOfStep):
        after(before, "delta", {"asOf": "t1", "complete": True, "generation": "base", "boards": [delta]})
    with pytest.raises(OutOfStep):
        after(None, "delta", {"asOf": "t1", "complete": True, "generation": "base", "boards": []})
