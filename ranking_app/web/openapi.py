"""`/openapi.json`: OpenAPI 3.1 of what the app answers, made from the models and the operations."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import TypeAdapter

from ranking_app.web import examples, models
from ranking_app.web.dump import json_response
from ranking_app.web.operations import OPERATIONS, Operation
from ranking_app.web.problems import (
    MEDIA_TYPE,
    InvalidParameter,
    NotOnBoard,
    Problem,
    QueryTooLong,
    StillLoading,
    StreamNeedsHttp11,
    TooManyWatchers,
    UnknownBoard,
    UnknownSchedule,
)

PROBLEMS: Mapping[type[Problem], type] = {
    InvalidParameter: models.ParameterProblemAnswer,
    UnknownSchedule: models.ProblemAnswer,
    UnknownBoard: models.ProblemAnswer,
    NotOnBoard: models.ProblemAnswer,
    TooManyWatchers: models.ProblemAnswer,
    StreamNeedsHttp11: models.ProblemAnswer,
    QueryTooLong: models.ProblemAnswer,
    StillLoading: models.LoadingProblemAnswer,
}
"""The kinds of problem that have a section in `/docs`, in its order, and its model."""

MAX_SHOWN_CHARS = 200

DESCRIPTION = """\
Live rankings of concert ticket sales, exact to the second. Read-only: GET, and HEAD wherever GET is.

An empty parameter is an absent one, a parameter given twice is an error, unknown ones are ignored. Windows
are half-open: what happened at `asOf` is not in it. Errors are RFC 9457 problems. A `+` in a time is
percent-encoded (`%2B`). Every process answers for all partitions; `completeness` says how far it is."""


@cache
def build_openapi(version: str) -> Mapping[str, Any]:
    """The whole document. version: of the app, as `info.version`. Made once: pydantic takes 0.1 s for it."""
    answers = [op.answer for op in OPERATIONS if op.answer] + [*PROBLEMS.values()]
    unique = list(dict.fromkeys(answers))
    _, schemas = TypeAdapter.json_schemas(
        [(model.__name__, "serialization", TypeAdapter(model)) for model in unique],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "ranking-app", "version": version, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": {op.path: {"get": _operation(op)} for op in OPERATIONS},
        "components": {"schemas": schemas["$defs"], "responses": {k.__name__: _problem(k) for k in PROBLEMS}},
    }


def openapi_handler(document: Mapping[str, Any]) -> Handler:
    """`GET /openapi.json`."""

    async def answer(request: web.Request) -> web.Response:
        return json_response(document)

    return answer


def _operation(op: Operation) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"} if op.media_type == "application/json" else {"type": "string"}
    if op.answer:
        schema = {"$ref": f"#/components/schemas/{op.answer.__name__}"}
    content: dict[str, Any] = {"schema": schema}
    if op.name in examples.answers():
        content |= _example(examples.answers()[op.name])
    responses = {"200": {"description": op.summary, "content": {op.media_type: content}}}
    problems = {str(int(k.status)): {"$ref": f"#/components/responses/{k.__name__}"} for k in op.problems}
    return {
        "operationId": op.name,
        "tags": [op.tag],
        "summary": op.summary,
        "description": op.description,
        "parameters": list(op.parameters),
        "responses": {**responses, **problems},
    }


def _problem(kind: type[Problem]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{PROBLEMS[kind].__name__}"}
    response: dict[str, Any] = {
        "description": (kind.__doc__ or kind.title).strip(),
        "content": {MEDIA_TYPE: {"schema": schema, **_example(examples.problems()[str(kind.slug)])}},
    }
    if kind is StillLoading:
        seconds = {"type": "integer", "description": "Seconds to wait."}
        response["headers"] = {"Retry-After": {"schema": seconds}}
    return response


def _example(example: examples.Example) -> dict[str, Any]:
    """As members of a media type object; what was asked is an extension, and a very long question is cut."""
    path = example["path"]
    return {"example": example["answer"], "x-example-of": path if len(path) <= MAX_SHOWN_CHARS else f"{path[:60]}…"}
