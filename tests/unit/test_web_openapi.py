"""`/openapi.json`: OpenAPI 3.1 that every answer keeps to."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from ranking_app.rankings.boards.kinds import KINDS
from ranking_app.web.openapi import PROBLEMS
from ranking_app.web.operations import OPERATIONS
from tests.support.web import FakeReadModel, ask, get_json, second


@pytest.fixture
def shop():
    model = FakeReadModel().list("A", 2, title="A", sale_opens_at_ms=second("11:00:00") * 1000)
    model.sell("A", "11:30:00", 2, 2**65).sell("B", "11:30:00", 30).sell("B", "11:31:00", -1)
    model.list("C", 10, genre="dj", starts_at_ms=second("2026-07-04T09:00:00") * 1000).sell("C", "11:29:00", 9)
    return model


@pytest.fixture
async def document(shop):
    return await get_json(shop, "/openapi.json")


def strict(schema: Any) -> Any:
    """The same schemas, with fields that are not described forbidden: a new field must be described too."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: strict(part) for name, part in schema.items()}
    if isinstance(parts.get("properties"), dict) and parts.get("type") == "object":
        parts["additionalProperties"] = False
    return parts


def check(document, schema, value):
    whole = {**schema, "components": strict(document["components"])}
    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]
    assert errors == []


PATHS = {
    "/v1/rankings/sales": ["/v1/rankings/sales", "/v1/rankings/sales?window=all&by=amount&ties=dense"],
    "/v1/rankings/sell-out": ["/v1/rankings/sell-out", "/v1/rankings/sell-out?window=1h&status=any"],
    "/v1/rankings/hot": ["/v1/rankings/hot", "/v1/rankings/hot?blend=2h:100&explain=true"],
    "/v1/rankings/trending": ["/v1/rankings/trending?window=2h"],
    "/v1/rankings/nearly-sold-out": ["/v1/rankings/nearly-sold-out"],
    "/v1/rankings/cancellations": ["/v1/rankings/cancellations", "/v1/rankings/cancellations?by=rate"],
    "/v1/rankings/{board}/around/{id}": ["/v1/rankings/sales/around/A?window=all"],
    "/v1/rankings": ["/v1/rankings?boards=sales,hot;blend=1h:100"],
    "/v1/boards": ["/v1/boards"],
    "/v1/slices": ["/v1/slices"],
    "/v1/search": ["/v1/search?q=a", "/v1/search?q=nothing"],
    "/v1/schedules/{id}": ["/v1/schedules/A", "/v1/schedules/B", "/v1/schedules/A?asOf=20200101"],
    "/v1/schedules/{id}/sales": ["/v1/schedules/A/sales", "/v1/schedules/B/sales?step=5m"],
    "/v1/schedules/{id}/audit": ["/v1/schedules/A/audit", "/v1/schedules/B/audit?to=2026-06-14T11:31:00Z"],
    "/v1/ops": ["/v1/ops"],
    "/health/live": ["/health/live"],
    "/health/ready": ["/health/ready"],
}


@pytest.mark.parametrize(("template", "path"), [(t, path) for t, paths in PATHS.items() for path in paths])
async def test_every_answer_validates_against_the_schema_served(shop, document, template, path):
    answer = await ask(shop, path)
    content = document["paths"][template]["get"]["responses"]["200"]["content"]
    check(document, content[answer.headers["Content-Type"]]["schema"], answer.json)
    if "entries" in answer.json:
        assert answer.json["entries"], "an empty board proves nothing"


@pytest.mark.parametrize(
    ("template", "path", "loaded"),
    [
        ("/v1/rankings/sales", "/v1/rankings/sales?limit=0", True),
        ("/v1/rankings/sales", f"/v1/rankings/sales?{'x' * 5000}", True),
        ("/v1/rankings/sell-out", "/v1/rankings/sell-out", False),
        ("/v1/schedules/{id}", "/v1/schedules/Nobody", True),
        ("/v1/schedules/{id}/sales", "/v1/schedules/A/sales?step=x", True),
        ("/v1/schedules/{id}/audit", "/v1/schedules/A/audit?to=x", True),
        ("/health/ready", "/health/ready", False),
    ],
)
async def test_every_problem_validates_against_the_schema_served(shop, document, template, path, loaded):
    shop.loaded = loaded
    answer = await ask(shop, path)
    reference = document["paths"][template]["get"]["responses"][str(answer.status)]["$ref"]
    response = document["components"]["responses"][reference.removeprefix("#/components/responses/")]
    check(document, response["content"][answer.headers["Content-Type"]]["schema"], answer.json)


async def test_every_example_validates_against_its_own_schema(document):
    contents = [
        content
        for item in document["paths"].values()
        for content in item["get"]["responses"]["200"]["content"].values()
    ]
    contents += [c for response in document["components"]["responses"].values() for c in response["content"].values()]
    examples = [content for content in contents if "example" in content]
    assert len(examples) == sum(1 for op in OPERATIONS if op.answer) + len(PROBLEMS)
    for content in examples:
        check(document, content["schema"], content["example"])


async def test_it_is_openapi_3_1_and_its_schemas_are_json_schema_2020_12(document):
    assert document["openapi"].startswith("3.1.")
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


async def test_every_reference_leads_somewhere(document):
    found = re.findall(r"'\$ref': '#/components/(\w+)/(\w+)'", str(document))
    assert found
    for section, name in found:
        assert name in document["components"][section]


async def test_it_describes_every_route_and_no_other(document, shop):
    for path in set(document["paths"]) - {"/v1/live"}:  # a stream has no end
        known = path.replace("{id}", "A").replace("{board}", "sales")
        known += {"/v1/rankings": "?boards=sales", "/v1/search": "?q=a"}.get(path, "")
        assert (await ask(shop, known)).status == 200, path
    assert set(document["paths"]) == {
        "/v1/rankings/sales", "/v1/rankings/sell-out", "/v1/rankings/hot", "/v1/rankings/trending",
        "/v1/rankings/nearly-sold-out", "/v1/rankings/cancellations", "/v1/rankings",
        "/v1/rankings/{board}/around/{id}", "/v1/boards", "/v1/live", "/v1/slices", "/v1/search", "/v1/schedules/{id}",
        "/v1/schedules/{id}/sales", "/v1/schedules/{id}/audit", "/v1/ops",
        "/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/",
    }  # fmt: skip


async def test_its_defaults_are_those_that_are_used(document, shop):
    for path in (f"/v1/rankings/{name}" for name in KINDS):
        parameters = document["paths"][path]["get"]["parameters"]
        defaults = {p["name"]: p["schema"]["default"] for p in parameters if "default" in p["schema"]}
        query = "&".join(f"{name}={value}" for name, value in defaults.items())
        assert await get_json(shop, f"{path}?{query}") == await get_json(shop, path)
