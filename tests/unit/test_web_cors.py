"""CORS: off by default, and only for what is read."""

from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ranking_app.metrics import Metrics
from ranking_app.web.app import create_web_app
from ranking_app.web.cors import parse_origins
from tests.support.web import FakeReadModel

SHOP = FakeReadModel().sell("A", "11:30:00")
HERE, THERE = "https://tickets.example", "https://elsewhere.example"


async def headers_of(origins, origin, path="/v1/rankings/sales", method="GET"):
    app = create_web_app(SHOP, timezone=ZoneInfo("UTC"), metrics=Metrics(), origins=parse_origins(origins))
    sent = {} if origin is None else {"Origin": origin}
    async with TestClient(TestServer(app)) as client, client.request(method, path, headers=sent) as response:
        return response.status, response.headers


async def test_by_default_no_page_from_elsewhere_may_read():
    status, headers = await headers_of("", THERE)
    assert status == 200
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert (await headers_of("", THERE, method="OPTIONS"))[0] == 405


async def test_pages_of_the_origins_named_may_read():
    _, headers = await headers_of(HERE, HERE)
    assert headers["Access-Control-Allow-Origin"] == HERE
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Origin" in headers.getall("Vary")
    for origin in (THERE, None, "null", HERE + ".evil.example"):
        _, headers = await headers_of(HERE, origin)
        assert "Access-Control-Allow-Origin" not in headers
        assert "Origin" in headers.getall("Vary"), "a cache must tell them apart all the same"


async def test_a_star_is_everybody_and_errors_are_readable_too():
    for path in ("/v1/rankings/sales", "/v1/rankings/sales?limit=0", "/v1/schedules/Nobody"):
        _, headers = await headers_of("*", THERE, path)
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in headers


async def test_metrics_and_pages_stay_our_own():
    for path in ("/metrics", "/", "/health/ready"):
        _, headers = await headers_of("*", THERE, path)
        assert "Access-Control-Allow-Origin" not in headers


async def test_a_preflight_is_answered():
    status, headers = await headers_of(HERE, HERE, method="OPTIONS")
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, HERE)
    assert "If-None-Match" in headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("text", ["tickets.example", "https://", "ftp://x", "https://x/path", "https://x *"])
def test_what_is_no_origin_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        parse_origins(text)
