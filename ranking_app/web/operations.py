"""What can be asked, and how: the operations of `/openapi.json` and `/docs`, in the order of the pages."""

from dataclasses import dataclass
from typing import Any, get_args

from ranking_app.rankings.boards.board import BoardKind
from ranking_app.rankings.boards.board import Parameter as BoardParameter
from ranking_app.rankings.boards.kinds import KINDS
from ranking_app.rankings.slices import CAPACITY_CLASSES
from ranking_app.rankings.ties import Ties
from ranking_app.web import examples, models
from ranking_app.web.audit import MAX_PANES
from ranking_app.web.audit_answer import AuditAnswer
from ranking_app.web.ops_answer import OpsAnswer
from ranking_app.web.params import MAX_ID_CHARS, MAX_LIMIT, MAX_OFFSET, MAX_VALUE_CHARS
from ranking_app.web.problems import (
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
from ranking_app.web.questions import BOOLEANS, MAX_TEXT_CHARS
from ranking_app.web.search import MAX_FOUND
from ranking_app.web.search_answer import SearchAnswer

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

_Q: Parameter = {
    **_query("q", "Words to look for.", {"type": "string", "minLength": 1, "maxLength": MAX_VALUE_CHARS}, "dj fest"),
    "required": True,
    "allowEmptyValue": False,
}
_SEARCH_LIMIT = _query(
    "limit",
    "Schedules to show.",
    {"type": "integer", "minimum": 1, "maximum": MAX_FOUND, "default": 10},
)

_BOARD: Parameter = {
    "name": "board",
    "in": "path",
    "required": True,
    "description": "A board's name.",
    "schema": {"type": "string", "enum": list(KINDS)},
    "example": "sales",
}

_BOARD_PROBLEMS: tuple[type[Problem], ...] = (InvalidParameter, QueryTooLong, StillLoading)
_SCHEDULE_PROBLEMS: tuple[type[Problem], ...] = (
    InvalidParameter,
    UnknownSchedule,
    QueryTooLong,
    StillLoading,
)

_COMPARE = _query(
    "compare",
    "How much earlier the board is that movement is told against. Default: one window, at most 24 h.",
    {"type": "string"},
    "1h",
)
_EXPLAIN = _choice("explain", "Also the terms that a score is made of, where it has some.", BOOLEANS, "false")
_MOVEMENT = _choice(
    "movement",
    "`false` leaves out where entries stood before: quicker for those who read whole boards of the past.",
    BOOLEANS[::-1],
    "true",
)
_CURSOR = _query("cursor", "nextCursor of an earlier answer: the page behind it, of its asOf.", {"type": "string"})
_SLICE = (
    _query("genre", "Only shows of this genre.", {"type": "string", "maxLength": MAX_TEXT_CHARS}),
    _query("region", "Only shows in this region.", {"type": "string", "maxLength": MAX_TEXT_CHARS}),
    _query("venue", "Only shows at this venue.", {"type": "string", "maxLength": MAX_TEXT_CHARS}),
    _query(
        "capacityClass",
        "By seats: club below 1,000, theatre below 3,000, hall below 10,000, arena below 30,000, stadium.",
        {"type": "string", "enum": list(CAPACITY_CLASSES)},
    ),
    _instant("showFrom", "Only shows that start then or later."),
    _instant("showTo", "Only shows that start before."),
)


def _own(parameter: BoardParameter) -> Parameter:
    if parameter.choices:
        return _choice(parameter.name, parameter.description, parameter.choices, parameter.default)
    return _query(parameter.name, parameter.description, {"type": "string", "default": parameter.default})


def _board(kind: BoardKind) -> Operation:
    """The operation of one board, from where it is declared."""
    window = () if kind.default_window is None else (_window(kind.default_window),)
    own = tuple(_own(parameter) for parameter in kind.parameters)
    return Operation(
        path=f"/v1/rankings/{kind.name}",
        name=f"{camel(kind.name)}Board",
        tag="rankings",
        summary=kind.summary.en,
        description=kind.how.en,
        parameters=(*window, *own, _AS_OF, _LIMIT, _OFFSET, _CURSOR, _TIES, _COMPARE, _MOVEMENT, _EXPLAIN, *_SLICE),
        answer=models.BoardAnswer,
        problems=_BOARD_PROBLEMS,
    )


def camel(name: str) -> str:
    """A board's name as part of an operation's.

    >>> camel("nearly-sold-out")
    'nearlySoldOut'
    """
    first, *others = name.split("-")
    return first + "".join(other.title() for other in others)


OPERATIONS = (
    *(_board(kind) for kind in KINDS.values()),
    Operation(
        path="/v1/rankings/{board}/around/{id}",
        name="around",
        tag="rankings",
        summary="The entries around one schedule",
        description="A board as above, with its parameters; the page is the schedule and `span` entries on each side.",
        parameters=(
            _BOARD,
            _ID,
            _query("span", "Entries on each side.", {"type": "integer", "minimum": 0, "maximum": 100, "default": 5}),
            _AS_OF,
            _TIES,
            _COMPARE,
            _MOVEMENT,
            _EXPLAIN,
            *_SLICE,
        ),
        answer=models.BoardAnswer,
        problems=(*_BOARD_PROBLEMS, UnknownBoard, NotOnBoard),
    ),
    Operation(
        path="/v1/rankings",
        name="boards",
        tag="rankings",
        summary="Several boards of the same instant",
        description="`boards` names up to 10, joined with `,`; after a name come its own parameters, each with `;` "
        "before it. All other parameters are for every board.",
        parameters=(
            _query("boards", "The boards.", {"type": "string"}, "sales;window=1h,sales;window=all;by=amount,hot"),
            _AS_OF,
            _LIMIT,
            _OFFSET,
            _TIES,
            _COMPARE,
            _MOVEMENT,
            _EXPLAIN,
            *_SLICE,
        ),
        answer=models.BoardsAnswer,
        problems=_BOARD_PROBLEMS,
    ),
    Operation(
        path="/v1/live",
        name="live",
        tag="rankings",
        summary="Live boards as Server-Sent Events",
        description="Boards as in `/v1/rankings`, without asOf. Event `snapshot`: all of them, each with its `key`. "
        "Event `delta`, at most every 100 ms and only after a change: asOf, complete, and of each board that changed "
        "its key, asOf, window, total and the page in its order, where an entry that did not change stands as its id. "
        "Event `heartbeat`, every 5 s without a delta: asOf and complete. With `Last-Event-ID` a client that comes "
        "back gets the deltas that it missed, or a snapshot. secondsAtTop and peakAt are as of when an entry was "
        "sent last.",
        parameters=(
            _query("boards", "The boards.", {"type": "string"}, "sales;window=1h,hot"),
            _LIMIT,
            _OFFSET,
            _TIES,
            _COMPARE,
            _MOVEMENT,
            _EXPLAIN,
            *_SLICE,
        ),
        media_type="text/event-stream",
        problems=(*_BOARD_PROBLEMS, TooManyWatchers, StreamNeedsHttp11),
    ),
    Operation(
        path="/v1/boards",
        name="boardKinds",
        tag="rankings",
        summary="What boards there are",
        description="How each is ranked, in English and Korean, and its own parameters.",
        answer=models.BoardKindsAnswer,
    ),
    Operation(
        path="/v1/slices",
        name="slices",
        tag="rankings",
        summary="What boards can be sliced by",
        description="Every genre, region, venue and capacity class in the catalogue, with how many schedules have it.",
        answer=models.SlicesAnswer,
        problems=(QueryTooLong, StillLoading),
    ),
    Operation(
        path="/v1/search",
        name="search",
        tag="schedules",
        summary="Find schedules",
        description="Those that have every word of q somewhere in their title or venue, whatever the letter case or "
        "width. First those whose title begins with q, then by what was sold so far, then by id.",
        parameters=(_Q, _SEARCH_LIMIT),
        answer=SearchAnswer,
        problems=(InvalidParameter, QueryTooLong, StillLoading),
    ),
    Operation(
        path="/v1/schedules/{id}",
        name="schedule",
        tag="schedules",
        summary="One schedule",
        description="Everything before asOf. 404 only for an id in neither the events nor the catalogue.",
        parameters=(_ID, _AS_OF),
        answer=models.ScheduleAnswer,
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
        problems=_SCHEDULE_PROBLEMS,
    ),
    Operation(
        path="/v1/schedules/{id}/audit",
        name="audit",
        tag="schedules",
        summary="Where the numbers of one schedule come from",
        description="The totals of [from, to), and every pane (one minute of event time on one source partition) that "
        "has a part in them, with the lowest and the highest source offset counted in that minute: read these "
        "partitions between these offsets, and you find every event that was counted, among those of other schedules. "
        f"At most {MAX_PANES:,} panes.",
        parameters=(
            _ID,
            _instant("from", "Start of the range. Default: the first second with a sale or a cancellation."),
            _instant("to", "End of the range, not in it. Default: the whole second of the clock plus one."),
        ),
        answer=AuditAnswer,
        problems=_SCHEDULE_PROBLEMS,
    ),
    Operation(
        path="/v1/ops",
        name="ops",
        tag="operations",
        summary="Workers and partitions",
        description="Which worker owns which partition, how fast it counts, how far behind it is. Also before the "
        "first load.",
        answer=OpsAnswer,
    ),
    Operation(
        path="/health/live",
        name="alive",
        tag="operations",
        summary="The process answers",
        description="Always 200. Restart the process when no answer comes.",
        answer=models.LiveAnswer,
    ),
    Operation(
        path="/health/ready",
        name="ready",
        tag="operations",
        summary="The boards are loaded",
        description="503 before the first complete load. It stays 200 while a partition is stale: the last "
        "good board is served then, and marked.",
        answer=models.ReadyAnswer,
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
