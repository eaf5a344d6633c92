"""What can be asked, and how: the operations of `/openapi.json` and `/docs`, in the order of the pages."""

from dataclasses import dataclass
from typing import Any, get_args

from ranking_app.rankings.boards import SellOutStatus
from ranking_app.rankings.curve import By
from ranking_app.rankings.ties import Ties
from ranking_app.web import examples, models
from ranking_app.web.params import MAX_ID_CHARS, MAX_LIMIT, MAX_OFFSET
from ranking_app.web.problems import InvalidParameter, Problem, QueryTooLong, StillLoading, UnknownSchedule

WINDOW_FORMS = "a whole number with s, m, h or d (90s, 5m, 1h, 7d), or an ISO 8601 duration without months and years"

Parameter = dict[str, Any]
"""A parameter object of OpenAPI."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One GET. answer: the model of its JSON, None where it is something else."""

    path: str
    name: str
    tag: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...] = ()
    answer: type | None = None
    example: Any = None
    media_type: str = "application/json"
    problems: tuple[type[Problem], ...] = ()


def _query(name: str, description: str, schema: dict[str, Any], example: object | None = None) -> Parameter:
    parameter: Parameter = {
        "name": name,
        "in": "query",
        "required": False,
        "allowEmptyValue": True,
        "description": description,
        "schema": schema,
    }
    return parameter if example is None else {**parameter, "example": example}


def _choice(name: str, description: str, choices: tuple[str, ...], default: str) -> Parameter:
    return _query(name, description, {"type": "string", "enum": list(choices), "default": default})


def _instant(name: str, description: str) -> Parameter:
    forms = "ISO 8601 or YYYYMMDD; a fraction of a second is rounded up; without an offset in RANKING_TIMEZONE."
    return _query(name, f"{description} {forms}", {"type": "string"}, "2026-06-14T11:30:00Z")


def _window(default: str) -> Parameter:
    text = f"Length of the window: {WINDOW_FORMS}, or `all`."
    return _query("window", text, {"type": "string", "default": default}, "5m")


_AS_OF = _instant(
    "asOf", "End of the window, not in it; past or future. Default: the whole second of the clock plus one."
)
_LIMIT = _query("limit", "Entries on the page.", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 10})
_OFFSET = _query(
    "offset",
    "Entries before the page.",
    {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
)
_TIES = _choice("ties", "Ranks of equals: 1 2 2 4, 1 2 2 3, or 1 2 3 4.", get_args(Ties), "standard")
_ID: Parameter = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The concertScheduleId, percent-encoded (`/` is `%2F`).",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARS},
    "example": examples.ID,
}

_BOARD_PROBLEMS: tuple[type[Problem], ...] = (InvalidParameter, QueryTooLong, StillLoading)
_SCHEDULE_PROBLEMS: tuple[type[Problem], ...] = (
    InvalidParameter,
    UnknownSchedule,
    QueryTooLong,
    StillLoading,
)

OPERATIONS = (
    Operation(
        path="/v1/rankings/sales",
        name="salesBoard",
        tag="rankings",
        summary="Best sellers in a window",
        description="By net quantity or net amount inside the window; only schedules with a score above 0. "
        "Equals are ordered by the second of their last completed sale inside the window, then by id.",
        parameters=(
            _window("1h"),
            _choice("by", "What is summed up.", get_args(By), "quantity"),
            _AS_OF,
            _LIMIT,
            _OFFSET,
            _TIES,
        ),
        answer=models.SalesBoardAnswer,
        example=examples.SALES_BOARD,
        problems=_BOARD_PROBLEMS,
    ),
    Operation(
        path="/v1/rankings/sell-out",
        name="sellOutBoard",
        tag="rankings",
        summary="Fastest sell-outs",
        description="Schedules whose soldOutAt is inside the window, by sellOutSeconds ascending; equals are "
        "ordered by soldOutAt, then by id. `score` is sellOutSeconds.",
        parameters=(
            _window("all"),
            _AS_OF,
            _LIMIT,
            _OFFSET,
            _TIES,
            _choice(
                "status",
                "Only those still sold out, or also reopened ones.",
                get_args(SellOutStatus),
                "soldOut",
            ),
        ),
        answer=models.SellOutBoardAnswer,
        example=examples.SELL_OUT_BOARD,
        problems=_BOARD_PROBLEMS,
    ),
    Operation(
        path="/v1/schedules/{id}",
        name="schedule",
        tag="schedules",
        summary="One schedule",
        description="Everything before asOf. 404 only for an id in neither the events nor the catalogue.",
        parameters=(_ID, _AS_OF),
        answer=models.ScheduleAnswer,
        example=examples.SCHEDULE,
        problems=_SCHEDULE_PROBLEMS,
    ),
    Operation(
        path="/v1/schedules/{id}/sales",
        name="salesCurve",
        tag="schedules",
        summary="The sales curve of one schedule",
        description="A point for every step, also an empty one; the last may be short. At most 10,000.",
        parameters=(
            _ID,
            _instant("from", "Start of the first step. Default: the first sale, down to a whole step."),
            _instant("to", "End of the last step, not in it. Default: the whole second of the clock plus one."),
            _query("step", f"Length of a step: {WINDOW_FORMS}.", {"type": "string", "default": "60s"}, "60s"),
        ),
        answer=models.CurveAnswer,
        example=examples.CURVE,
        problems=_SCHEDULE_PROBLEMS,
    ),
    Operation(
        path="/health/live",
        name="live",
        tag="operations",
        summary="The process answers",
        description="Always 200. Restart the process when no answer comes.",
        answer=models.LiveAnswer,
        example=examples.LIVE,
    ),
    Operation(
        path="/health/ready",
        name="ready",
        tag="operations",
        summary="The boards are loaded",
        description="503 before the first complete load. It stays 200 while a partition is stale: the last "
        "good board is served then, and marked.",
        answer=models.ReadyAnswer,
        example=examples.READY,
        problems=(StillLoading,),
    ),
    Operation(
        path="/metrics",
        name="metrics",
        tag="operations",
        summary="Prometheus metrics",
        description="In Prometheus' text format.",
        media_type="text/plain",
    ),
    Operation(
        path="/openapi.json",
        name="openapi",
        tag="pages",
        summary="This description",
        description="OpenAPI 3.1.",
    ),
    Operation(
        path="/docs",
        name="docs",
        tag="pages",
        summary="This description as a page",
        description="Plain HTML; nothing is loaded from elsewhere.",
        media_type="text/html",
    ),
    Operation(
        path="/",
        name="board",
        tag="pages",
        summary="The live board",
        description="The page that shows the boards moving.",
        media_type="text/html",
    ),
)
