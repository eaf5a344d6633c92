"""The application on a port: byte for byte, starting, stopping, and addresses that cannot be had."""

import asyncio
import contextlib
import json
import resource
import socket
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest

from ranking_app.errors import PortInUse, WebAddressUnusable
from ranking_app.metrics import Metrics
from ranking_app.web.app import create_web_app
from ranking_app.web.server import WebServer, allowed_connections
from tests.support.web import FakeReadModel

HOST = "127.0.0.1"


def new_server(model=None, **more):
    return WebServer(create_web_app(model or FakeReadModel(), timezone=ZoneInfo("UTC"), metrics=Metrics()), **more)


@asynccontextmanager
async def running(model=None, **more):
    server = new_server(model, **more)
    await server.start(HOST, 0)
    try:
        yield server
    finally:
        await server.stop()


async def send(port, request):
    """The bytes of an answer to the bytes of a request."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), timeout=5)
    writer.close()
    await writer.wait_closed()
    return answer


def get(target, method="GET"):
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()


async def test_port_0_takes_a_free_port_and_says_which():
    async with running() as server:
        assert server.port > 0
        assert (await send(server.port, get("/health/live"))).startswith(b"HTTP/1.1 200")


async def test_a_port_in_use_is_one_line_naming_it_and_the_setting_to_change():
    async with running() as first:
        port, second = first.port, new_server()
        with pytest.raises(PortInUse) as caught:
            await second.start(HOST, port)
        await second.stop()
        assert (await send(port, get("/health/live"))).startswith(b"HTTP/1.1 200")
    text = str(caught.value)
    assert f"{HOST}:{port} is in use" in text
    assert "RANKING_WEB_PORT" in text
    assert "\n" not in text
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_an_address_that_is_not_of_this_machine_is_one_line_naming_it_and_the_settings(host):
    with pytest.raises(WebAddressUnusable) as caught:
        await new_server().start(host, 0)
    text = str(caught.value)
    assert f"{host}:0" in text
    assert "RANKING_WEB_HOST" in text
    assert "\n" not in text


async def test_after_a_stop_the_port_is_free_again():
    async with running() as server:
        port = server.port
    again = new_server()
    await again.start(HOST, port)
    await again.stop()


async def test_stopping_twice_or_before_a_start_does_nothing():
    server = new_server()
    await server.stop()
    await server.start(HOST, 0)
    await server.stop()
    await server.stop()


async def test_a_stop_does_not_wait_for_idle_connections():
    async with running() as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"}")
        await asyncio.wait_for(server.stop(), timeout=2)
        writer.close()


@pytest.mark.parametrize("dots", [".", "..", "..."])
async def test_an_id_of_dots_works_when_encoded(dots):
    encoded = dots.replace(".", "%2E")
    async with running(FakeReadModel().sell(dots, "11:00:00")) as server:
        answer = await send(server.port, get(f"/v1/schedules/{encoded}"))
    assert f'"concertScheduleId":"{dots}"'.encode() in answer


NOT_HTTP = [
    b"hello\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # a browser that expects TLS
    get("/" + "x" * 9_000),
    get("/health/live", method="BREW"),
    get("/health/live").replace(b"Host", b"H" * 9_000),
    get("/health/live").replace(b"Host: x\r\n", b""),
]


@pytest.mark.parametrize("request_bytes", NOT_HTTP, ids=range(len(NOT_HTTP)))
async def test_what_is_not_http_is_a_problem_without_versions_and_no_traceback_is_logged(request_bytes, caplog):
    async with running() as server:
        head, _, body = (await send(server.port, request_bytes)).partition(b"\r\n\r\n")
        assert (await send(server.port, get("/health/live"))).startswith(b"HTTP/1.1 200")
    assert b" 400 " in head.splitlines()[0]
    assert b"Content-Type: application/problem+json" in head
    assert b"Server: ranking-app\r" in head
    assert json.loads(body)["title"] == "Bad Request"
    assert caplog.records == []


async def test_a_large_body_is_not_read():
    async with running() as server:
        request = get("/v1/rankings/sales", method="POST").replace(b"Host: x", b"Host: x\r\nContent-Length: 99999999")
        assert (await send(server.port, request)).startswith(b"HTTP/1.1 405")


async def test_it_can_listen_on_ipv6():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    server = new_server()
    try:
        await server.start("::1", 0)
    except WebAddressUnusable:
        pytest.skip("no IPv6 loopback on this machine")
    assert server.port > 0
    await server.stop()


async def test_one_connection_too_many_is_cut_and_the_others_go_on():
    async with running(most_connections=3) as server:
        kept = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        for reader, writer in kept:
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" in await reader.readline()
        kept.pop()[1].close()
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in await reader.readline()
        for _, open_writer in (*kept, (reader, writer)):
            open_writer.close()


def test_files_are_left_for_brokers_and_stores(monkeypatch):
    limits = {"now": (1_024, 4_096)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.update(now=wanted))
    assert allowed_connections() == 3_096
    assert limits["now"] == (4_096, 4_096)
    limits["now"] = (200, 200)
    assert allowed_connections() == 100
    limits["now"] = (65_536, 65_536)
    assert allowed_connections() == 10_000
