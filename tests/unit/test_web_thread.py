"""Requests are taken on a thread of their own; what looks at the read model is done where that lives."""

import asyncio
import gc
import threading
import time
import weakref
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from ranking_app.errors import PortInUse
from ranking_app.metrics import Metrics
from ranking_app.web import home as home_module
from ranking_app.web.app import create_web_app
from ranking_app.web.home import STILL_CLIENTS, Home
from ranking_app.web.server import STOP_S, WebServer, WebThread
from tests.support.web import FakeReadModel

HOST = "127.0.0.1"
WITHIN_S = 10.0


class Watchful(FakeReadModel):
    """Refuses to be looked at by anybody but the thread that it was made on."""

    def __init__(self) -> None:
        self.owner = threading.get_ident()
        super().__init__()

    def __getattribute__(self, name):
        if name in {"schedules", "completeness", "activity", "changes_since", "panes_of"}:
            assert threading.get_ident() == self.owner, f"{name} is looked at from another thread"
        return super().__getattribute__(name)


def thread_of(model: FakeReadModel) -> WebThread:
    home = Home(asyncio.get_running_loop())
    return WebThread(WebServer(create_web_app(model, timezone=ZoneInfo("UTC"), metrics=Metrics(), home=home)))


@asynccontextmanager
async def asking(model: FakeReadModel):
    server = thread_of(model)
    await server.start(HOST, 0)
    try:
        async with aiohttp.ClientSession(f"http://{HOST}:{server.port}") as session:
            yield session
    finally:
        await server.stop()


PATHS = [
    "/v1/boards",
    "/v1/slices",
    "/v1/rankings?boards=sales,hot",
    "/v1/rankings/sales",
    "/v1/rankings/sales/around/A",
    "/v1/search?q=A",
    "/v1/schedules/A",
    "/v1/schedules/A/sales",
    "/v1/schedules/A/audit",
    "/v1/ops",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/",
]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_is_made_where_the_read_model_lives(path):
    async with asking(Watchful().sell("A", "11:30:00", 2)) as session, session.get(path) as answer:
        assert answer.status == 200, await answer.text()


async def test_a_live_stream_is_made_there_too():
    model = Watchful().sell("A", "11:30:00", 2)
    async with asking(model) as session, session.get("/v1/live?boards=sales") as stream, asyncio.timeout(WITHIN_S):
        assert b"snapshot" in await stream.content.readuntil(b"\n\n")
        model.sell("A", "11:31:00", 3)
        assert b"delta" in await stream.content.readuntil(b"\n\n")


async def test_a_problem_comes_through_as_it_is():
    async with asking(Watchful()) as session:
        for path, status in [("/v1/rankings/nothing", 404), ("/v1/rankings/sales?limit=x", 400), ("/v1/live", 400)]:
            async with session.get(path) as answer:
                assert (answer.status, answer.content_type) == (status, "application/problem+json")


async def test_a_kept_answer_is_sent_while_the_home_of_the_model_is_busy():
    path = "/v1/rankings/sales"
    async with asking(Watchful().sell("A", "11:30:00", 2)) as session:
        async with session.get(path) as answer:
            before = await answer.read()
        port = session._base_url.port
        found: list[bytes] = []
        other = threading.Thread(target=lambda: found.append(asyncio.run(_read(port, path))))
        other.start()
        other.join(WITHIN_S)  # this is the home, and it is busy with waiting
        assert found, "it waited for the home"
        assert found[0] == before


async def _read(port: int, path: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(f"http://{HOST}:{port}{path}") as answer:
        return await answer.read()


@asynccontextmanager
async def elsewhere():
    """Another loop, in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, WITHIN_S)
        loop.close()


async def test_what_awaits_nothing_is_done_at_home_and_its_failure_told():
    async with elsewhere() as loop, asyncio.timeout(WITHIN_S):
        home = Home(loop)
        assert await home.do_at_once(threading.get_ident) == await home.do(_ident())
        with pytest.raises(ZeroDivisionError):
            await home.do_at_once(lambda: 1 // 0)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await home.do_at_once(lambda: next(iter(())))
        with pytest.raises(asyncio.CancelledError):
            await home.do_at_once(_cancelled)
        assert await Home().do_at_once(threading.get_ident) == threading.get_ident()


async def test_what_nobody_waits_for_any_more_is_not_done():
    async with elsewhere() as loop, asyncio.timeout(WITHIN_S):
        home, done, go_on = Home(loop), list[str](), threading.Event()
        loop.call_soon_threadsafe(go_on.wait)
        asked = asyncio.create_task(home.do_at_once(lambda: done.append("asked")))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait([asked])
        go_on.set()
        await home.do_at_once(lambda: done.append("after"))
        assert done == ["after"]


async def test_a_failure_leaves_nothing_to_the_garbage_collector():
    async with elsewhere() as loop, asyncio.timeout(WITHIN_S):
        held: list[weakref.ref[Watchful]] = []

        def fail() -> None:
            model = Watchful()
            held.append(weakref.ref(model))
            raise LookupError

        home = Home(loop)
        gc.disable()
        try:
            with pytest.raises(LookupError):
                await home.do_at_once(fail)
            await home.do_at_once(bool)  # the frame of the one before is left by then
            assert held[0]() is None
        finally:
            gc.enable()


async def _ident() -> int:
    return threading.get_ident()


def _cancelled() -> None:
    raise asyncio.CancelledError


async def test_home_takes_no_turn_while_many_are_written_to_and_does_while_few_are(monkeypatch):
    monkeypatch.setattr(home_module, "STILL_S", WITHIN_S)  # however slow the machine is, nobody gives up
    home_loop = asyncio.get_running_loop()
    home = Home(home_loop)

    async def has_its_turn_while_written_to(clients: int, wait_s: float) -> bool:
        turn = threading.Event()
        async with home.still(clients):
            home_loop.call_soon_threadsafe(turn.set)
            return turn.wait(wait_s)  # as a thousand writes do, this keeps the thread that writes

    async with elsewhere() as loop, asyncio.timeout(2 * WITHIN_S):
        for clients, wait_s, takes_turns in ((STILL_CLIENTS, 0.1, False), (STILL_CLIENTS - 1, WITHIN_S, True)):
            writing = asyncio.run_coroutine_threadsafe(has_its_turn_while_written_to(clients, wait_s), loop)
            assert await asyncio.wrap_future(writing) is takes_turns


async def test_home_goes_on_at_once_when_who_writes_is_cancelled_before_it_waits(monkeypatch):
    monkeypatch.setattr(home_module, "STILL_S", 10 * WITHIN_S)
    home = Home(asyncio.get_running_loop())

    async def write() -> None:
        async with home.still(STILL_CLIENTS):
            raise AssertionError("it was cancelled before")

    async with elsewhere() as loop:
        writing = asyncio.run_coroutine_threadsafe(write(), loop)
        time.sleep(0.1)  # noqa: ASYNC251 - home is busy, and has not heard of it
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        time.sleep(0.1)  # noqa: ASYNC251
        before_s = time.monotonic()
        await asyncio.sleep(0.01)
        assert time.monotonic() - before_s < WITHIN_S
        assert writing.cancelled()


async def test_an_answer_under_way_at_a_stop_ends_with_the_thread(caplog):
    server = thread_of(FakeReadModel().sell("A", "11:30:00", 2))
    await server.start(HOST, 0)
    async with (
        aiohttp.ClientSession(f"http://{HOST}:{server.port}") as session,
        session.get("/v1/live?boards=sales") as stream,
        asyncio.timeout(WITHIN_S),
    ):
        await stream.content.readuntil(b"\n\n")
        started_s = time.monotonic()
        await server.stop()
        assert time.monotonic() - started_s < STOP_S
    assert "web" not in {thread.name for thread in threading.enumerate()}
    assert not caplog.records, "a task that was destroyed while it was pending, or the like"


async def test_stopping_ends_the_thread_and_may_be_done_again_and_before_a_start():
    server = thread_of(FakeReadModel())
    await server.stop()
    await server.start(HOST, 0)
    assert "web" in {thread.name for thread in threading.enumerate()}
    await server.stop()
    await server.stop()
    assert "web" not in {thread.name for thread in threading.enumerate()}


async def test_a_port_in_use_is_told_and_leaves_no_thread():
    first, second = thread_of(FakeReadModel()), thread_of(FakeReadModel())
    await first.start(HOST, 0)
    try:
        with pytest.raises(PortInUse):
            await second.start(HOST, first.port)
    finally:
        await second.stop()
        await first.stop()
    assert "web" not in {thread.name for thread in threading.enumerate()}
