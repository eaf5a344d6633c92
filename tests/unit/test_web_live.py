"""`/v1/live` over a real connection."""

import asyncio
import contextlib
import json
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from ranking_app.metrics import Metrics
from ranking_app.web import live
from ranking_app.web.app import create_web_app
from ranking_app.web.server import WebServer
from tests.support.web import FakeReadModel, refused


@pytest.fixture
def shop():
    return FakeReadModel().sell("A", "11:30:00", 2).sell("B", "11:31:00", 1)


@pytest.fixture
async def url(shop):
    server = WebServer(create_web_app(shop, timezone=ZoneInfo("UTC"), metrics=Metrics()))
    await server.start("127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}/v1/live"
    await server.stop()


class Stream:
    """The events of one connection, as a browser reads them."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> tuple[str, str | None, Any]:
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            while (line := (await self.response.content.readline()).decode()) != "\n":
                assert line, "the stream ended"
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
        return fields["event"], fields.get("id"), json.loads(fields["data"])


@contextlib.asynccontextmanager
async def watching(url: str, query: str, **headers: str):
    async with aiohttp.ClientSession() as session, session.get(f"{url}?{query}", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        yield Stream(response)


async def test_a_sale_reaches_a_client_as_a_delta(shop, url):
    async with watching(url, "boards=sales;window=1h,hot&limit=1") as stream:
        event, _, snapshot = await stream.next()
        assert event == "snapshot"
        assert [board["key"] for board in snapshot["boards"]] == ["sales;window=1h", "hot"]
        assert snapshot["boards"][0]["entries"][0]["concertScheduleId"] == "A"
        shop.sell("B", "11:32:00", 5)
        event, _, delta = await stream.next()
        assert event == "delta"
        assert delta["boards"][0]["entries"][0]["concertScheduleId"] == "B"


async def test_a_client_that_comes_back_gets_what_it_missed(shop, url):
    async with watching(url, "boards=sales") as kept:
        await kept.next()
        async with watching(url, "boards=sales") as stream:
            _, first_id, _ = await stream.next()
        shop.sell("B", "11:32:00", 5)
        missed = await kept.next()
        async with watching(url, "boards=sales", **{"Last-Event-ID": first_id}) as again:
            assert await again.next() == missed


async def test_a_client_that_does_not_read_is_cut_and_the_others_go_on(shop, url, monkeypatch):
    monkeypatch.setattr(live, "MOST_WAITING_BYTES", 20_000)
    for number in range(300):
        shop.sell(f"S{number}", "11:30:00", 1)
    port = int(url.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000)
    writer.write(b"GET /v1/live?boards=sales&limit=300 HTTP/1.1\r\nHost: x\r\n\r\n")
    async with watching(url, "boards=sales&limit=1") as other:
        await other.next()
        async with asyncio.timeout(30):
            number = 0
            while not writer.transport.is_closing():
                number += 1
                for name in range(300):
                    shop.sell(f"S{name}", "11:33:00", number)
                await other.next()
                if number > 20:
                    await reader.read(1)  # a broken connection shows when it is read
                    with contextlib.suppress(ConnectionError):
                        await reader.read(10_000_000)
                    break
    writer.close()


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "boards"),
        ("boards=best", "boards"),
        ("boards=sales&asOf=20260101", "asOf"),
        ("boards=sales&limit=0", "limit"),
    ],
)
async def test_what_cannot_be_live_is_refused(shop, query, parameter):
    status, problem = await refused(shop, f"/v1/live?{query}")
    assert (status, problem["parameter"]) == (400, parameter)


async def test_there_is_a_most_of_clients_and_of_channels(shop, url, monkeypatch):
    monkeypatch.setattr(live, "MAX_CLIENTS", 2)
    monkeypatch.setattr(live, "MAX_CHANNELS", 1)
    async with watching(url, "boards=sales"), aiohttp.ClientSession() as session:
        async with session.get(f"{url}?boards=hot") as response:
            assert (response.status, (await response.json(content_type=None))["title"]) == (
                503,
                "Too many live streams",
            )
            assert response.headers["Retry-After"]
        async with watching(url, "boards=sales"), session.get(f"{url}?boards=sales") as response:
            assert response.status == 503


async def test_http_1_0_has_no_streams(url):
    port = int(url.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /v1/live?boards=sales HTTP/1.0\r\nHost: x\r\n\r\n")
    assert b" 505 " in await reader.readline()
    writer.close()


async def test_before_the_load_there_is_no_stream(shop):
    shop.loaded = False
    assert (await refused(shop, "/v1/live?boards=sales"))[0] == 503


async def test_a_stop_of_the_server_ends_the_streams_at_once(shop):
    server = WebServer(create_web_app(shop, timezone=ZoneInfo("UTC"), metrics=Metrics()))
    await server.start("127.0.0.1", 0)
    async with watching(f"http://127.0.0.1:{server.port}/v1/live", "boards=sales") as stream:
        await stream.next()
        async with asyncio.timeout(0.9):
            await server.stop()
        assert await stream.response.content.read() == b""
