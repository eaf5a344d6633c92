"""Pages: the live board, the operations page and the description, from this server alone."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ranking_app.web.pages import PAGES, STATIC_DIR, static_handler
from tests.support.web import FakeReadModel, ask, get_json, refused

SHOP = FakeReadModel()


KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}


@pytest.mark.parametrize(("address", "name"), PAGES.items())
async def test_every_page_is_at_its_address(address, name):
    answer = await ask(SHOP, address)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.body == (STATIC_DIR / name).read_bytes()


@pytest.mark.parametrize("address", PAGES)
async def test_every_file_that_a_page_asks_for_is_served_by_its_policy(address):
    page = await ask(SHOP, address)
    asked = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.body.decode())
    assert asked
    for path in asked:
        answer = await ask(SHOP, path)
        assert answer.status == 200, path
        assert answer.headers["Content-Type"].split(";")[0] == KINDS[path[path.rindex(".") :]]
    policy = page.headers["Content-Security-Policy"]
    for directive in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"):
        assert directive in policy
    assert "unsafe" not in policy
    for inline in (b"<script>", b"<style", b" style=", b" onclick="):
        assert inline not in page.body, "the policy forbids inline ones"


async def test_every_static_file_is_served_as_it_is():
    files = [path for path in STATIC_DIR.rglob("*") if path.suffix in KINDS]
    assert any(path.parent != STATIC_DIR for path in files)
    for path in files:
        answer = await ask(SHOP, f"/static/{path.relative_to(STATIC_DIR).as_posix()}")
        assert (answer.status, answer.body) == (200, path.read_bytes()), path
        assert answer.headers["Content-Type"].split(";")[0] == KINDS[path.suffix]


async def test_nothing_outside_the_static_files_is_served():
    for path in (
        "/static/..%2Fapp.py",
        "/static/%2e%2e/app.py",
        "/static/vendor/..%2F..%2Fapp.py",
        "/static/%2Fetc%2Fpasswd",
        "/static/vendor",
        "/static/vendor/",
        "/static/vendor/README.md",
        "/static/",
        "/static",
        "/ops/",
        "/ops.html",
    ):
        assert (await refused(SHOP, path))[0] == 404, path


async def test_what_is_added_to_the_directory_later_is_not_served(tmp_path):
    (tmp_path / "index.html").write_text("page")
    (tmp_path / "ops.html").write_text("page")
    app = web.Application()
    app.add_routes([web.get("/static/{name:.+}", static_handler(tmp_path))])
    (tmp_path / "late.js").write_text("late")
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/static/late.js")).status == 404
        assert (await client.get("/static/index.html")).status == 200


async def test_an_unchanged_file_is_not_sent_again():
    first = await ask(SHOP, "/static/style.css")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await ask(SHOP, "/static/style.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


async def test_the_description_as_a_page_shows_every_operation_parameter_and_problem():
    document = await get_json(SHOP, "/openapi.json")
    page = (await ask(SHOP, "/docs")).body.decode()
    for path, item in document["paths"].items():
        assert f"GET {path}</code>" in page
        for parameter in item["get"]["parameters"]:
            assert f"<td><code>{parameter['name']}</code></td>" in page
    for response in document["components"]["responses"].values():
        [content] = response["content"].values()
        assert f'id="{content["example"]["type"].removeprefix("/docs#")}"' in page


async def test_the_type_of_a_problem_leads_to_its_section():
    _, problem = await refused(SHOP, "/v1/rankings/sales?limit=x")
    path, anchor = problem["type"].split("#")
    assert f'id="{anchor}"' in (await ask(SHOP, path)).body.decode()


async def test_the_description_needs_no_script_and_nothing_from_elsewhere():
    answer = await ask(SHOP, "/docs")
    page, policy = answer.body.decode(), answer.headers["Content-Security-Policy"]
    for other in ("<script", "<link", "<img", "http://", "https://"):
        assert other not in page
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert f"style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert "script-src" not in policy
