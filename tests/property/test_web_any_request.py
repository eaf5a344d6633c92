"""Any request that our own OpenAPI document describes, or nearly: an answer of the kinds it names, never a 500."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from yarl import URL

from ranking_app.metrics import Metrics
from ranking_app.web.app import create_web_app
from tests.support.web import FakeReadModel, second

REQUESTS = 100
"""For each operation that has parameters."""

FEW_REQUESTS = 10

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH")
Json = dict[str, Any]


class Served:
    """A web application over a few sales, and its own description of itself."""

    def __init__(self) -> None:
        model = FakeReadModel().list("A", 2, title="A", sale_opens_at_ms=second("11:00:00") * 1000).list("Ä/ 1", 9)
        model.sell("A", "11:30:00", 2, 2**65).sell("B", "11:30:00", 3).sell("B", "11:31:00", -1)
        self._runner = asyncio.Runner()
        app = create_web_app(model, timezone=ZoneInfo("Asia/Seoul"), metrics=Metrics())
        self._client = self._runner.run(self._start(app))
        status, _, self.document = self.ask("GET", "/openapi.json")
        assert status == 200

    @staticmethod
    async def _start(app: Any) -> Any:
        client = TestClient(TestServer(app))
        await client.start_server()
        return client

    def ask(self, method: str, target: str) -> tuple[int, str, Any]:
        """Status, media type, and JSON where it is JSON."""

        async def fetch() -> tuple[int, str, Any]:
            whole = f"http://{self._client.host}:{self._client.port}{target}"  # `//x` alone would be another host
            async with self._client.session.request(method, URL(whole, encoded=True)) as answer:
                body = await answer.read()
                is_json = body and "json" in answer.content_type
                return answer.status, answer.content_type, await answer.json(content_type=None) if is_json else None

        return self._runner.run(fetch())

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._runner.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    found = Served()
    yield found
    found.close()


numbers = st.integers(-3, 12) | st.integers() | st.sampled_from([1_000, 1_001, 2**31, 2**63, 10**400])
texts = st.text(max_size=6) | st.sampled_from(["A", "B", "Ä/ 1", "all", "1h", "0s", "P1D", "PT0.5S", "9" * 40 + "d"])
times = st.datetimes().map(lambda at: at.isoformat()) | st.sampled_from(
    ["2026-06-14T11:30:00Z", "2026-06-14T11:30:00.5+09:00", "20260614", "0001-01-01", "9999-12-31T23:59:59-23:59"]
)
raw = st.binary(max_size=6)


def value_of(schema: Json) -> st.SearchStrategy[Any]:
    """Values that a parameter's schema allows, and some that it does not."""
    choices = [st.sampled_from(schema["enum"])] if "enum" in schema else []
    kind = numbers if schema.get("type") == "integer" else times | texts
    return st.one_of(*choices, kind, texts, raw, st.just(""))


def target_of(path: str, operation: Json) -> st.SearchStrategy[str]:
    """The path with its parameters filled in, and a query with any of the others, some of them twice."""
    parameters = operation.get("parameters", [])
    in_path = {p["name"]: value_of(p["schema"]) for p in parameters if p["in"] == "path"}
    in_query = [(p["name"], p["schema"]) for p in parameters if p["in"] == "query"] or [("none", {})]
    pair = st.sampled_from(in_query).flatmap(lambda named: st.tuples(st.just(named[0]), value_of(named[1])))
    pairs = st.lists(pair | st.tuples(texts, texts), max_size=6)

    def built(filled: Json, query: list[tuple[Any, Any]]) -> str:
        whole = path
        for name, value in filled.items():
            whole = whole.replace("{" + name + "}", quoted(value))
        return whole + "?" + "&".join(f"{quoted(name)}={quoted(value)}" for name, value in query)

    return st.builds(built, st.fixed_dictionaries(in_path), pairs)


def quoted(value: object) -> str:
    return quote(value if isinstance(value, bytes) else str(value), safe="")


def described(document: Json, operation: Json, status: int) -> Json | None:
    """What the document says of an answer with this status."""
    response = operation["responses"].get(str(status))
    if response is not None and "$ref" in response:
        return dict(document["components"]["responses"][response["$ref"].rpartition("/")[2]])
    return response


PATHS = (
    "/v1/rankings/sales", "/v1/rankings/sell-out", "/v1/schedules/{id}", "/v1/schedules/{id}/sales",
    "/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_any_request_gets_an_answer_that_the_document_describes(served: Served, path: str) -> None:
    operation = served.document["paths"][path]["get"]

    @settings(max_examples=REQUESTS if "parameters" in operation else FEW_REQUESTS)
    @given(target_of(path, operation))
    def ask(target: str) -> None:
        status, media_type, body = served.ask("GET", target)
        if status in (404, 414) and "id" in path:
            return  # an empty id is another path
        response = described(served.document, operation, status)
        assert response is not None, f"{status} is not described for {path}: {target}"
        content = response["content"][next(found for found in response["content"] if found.startswith(media_type))]
        if body is not None:
            schema = {**content["schema"], "components": served.document["components"]}
            assert [error.message for error in Draft202012Validator(schema).iter_errors(body)] == []

    ask()


@settings(max_examples=REQUESTS)
@given(data=st.data(), method=st.sampled_from(METHODS))
def test_no_path_and_no_method_is_a_server_error(served: Served, data: st.DataObject, method: str) -> None:
    parts = data.draw(st.lists(texts | raw | st.sampled_from(["v1", "rankings", "schedules", "..", "."]), max_size=4))
    status, _, _ = served.ask(method, "/" + "/".join(quoted(part) for part in parts))
    assert 200 <= status < 500
