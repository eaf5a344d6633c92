"""The web application: routes, and what surrounds every handler. Takes values, reads no settings."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from zoneinfo import ZoneInfo

from aiohttp import web

from ranking_app.metrics import Metrics
from ranking_app.rankings.boards.kinds import KINDS
from ranking_app.read_model.board_views import BoardViews
from ranking_app.web import health, pages
from ranking_app.web.audit import AuditHandlers
from ranking_app.web.board_answers import BoardAnswers
from ranking_app.web.cors import allow_origins
from ranking_app.web.home import Home
from ranking_app.web.live import LiveHandlers
from ranking_app.web.metrics import count_requests, metrics_handler
from ranking_app.web.openapi import build_openapi, openapi_handler
from ranking_app.web.ops import AboutProcess, ops_handler
from ranking_app.web.problems import problems
from ranking_app.web.rankings import RankingHandlers
from ranking_app.web.reads import ReadModel
from ranking_app.web.schedules import ScheduleHandlers
from ranking_app.web.search import SearchHandlers
from ranking_app.web.security import secure_when_prepared

NO_DEFAULTS: Mapping[str, str] = MappingProxyType({})

MAX_BODY_BYTES = 1_024
"""Nothing here reads a body; this bounds what a sender of one can make us hold."""


def create_web_app(
    read_model: ReadModel,
    *,
    timezone: ZoneInfo,
    metrics: Metrics,
    defaults: Mapping[str, str] = NO_DEFAULTS,
    about: AboutProcess | None = None,
    origins: tuple[str, ...] = (),
    home: Home | None = None,
) -> web.Application:
    """Everything the app answers, over one read model.

    timezone: of times in requests that name no offset. metrics: the process's; requests are counted in it.
    defaults: of parameters of boards, by name, that a setting chose. about: what the process says of itself.
    origins: whose pages may read the answers, as parse_origins gives them.
    home: the loop that the read model changes on, if that is another than the one that serves. No answer is made
    while it changes: what looks at the model is done there.
    """
    home = home or Home()
    app = web.Application(middlewares=[count_requests(metrics), problems], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(secure_when_prepared)
    allow_origins(app, origins)
    views = BoardViews(read_model)
    answers = BoardAnswers(views)
    rankings = RankingHandlers(read_model, answers, timezone, defaults)
    streams = LiveHandlers(read_model, answers, metrics, home)
    app.on_shutdown.append(streams.close)
    schedules = ScheduleHandlers(read_model, views, timezone)
    document = build_openapi(_own_version())
    static = pages.static_handler()
    app.add_routes(
        [
            home.get("/v1/boards", rankings.kinds),
            home.get_at_once("/v1/slices", rankings.slices),
            home.get("/v1/rankings", rankings.several, rankings.kept),
            *(home.get(f"/v1/rankings/{name}", rankings.board(kind), rankings.kept) for name, kind in KINDS.items()),
            home.get("/v1/rankings/{board}", rankings.unknown),
            home.get("/v1/rankings/{board}/around/{id:[^/]+}", rankings.around, rankings.kept),
            home.get("/v1/search", SearchHandlers(read_model, timezone).search),
            home.get_at_once("/v1/schedules/{id:[^/]+}", schedules.one, schedules.kept),
            home.get_at_once("/v1/schedules/{id:[^/]+}/sales", schedules.curve, schedules.kept),
            home.get("/v1/schedules/{id:[^/]+}/audit", AuditHandlers(read_model, timezone).audit),
            home.get("/v1/ops", ops_handler(read_model, about or AboutProcess(), _own_version())),
            home.get("/health/live", health.live),
            home.get("/health/ready", health.ready_handler(read_model)),
            home.get("/metrics", metrics_handler(metrics)),
        ]
    )
    app.add_routes(
        [
            web.get("/v1/live", rankings.live(streams, home), allow_head=False),
            web.get("/openapi.json", openapi_handler(document)),
            web.get("/docs", pages.docs_handler(document)),
            web.get("/", static),
            web.get("/ops", static),
            web.get("/static/{name:.+}", static),
        ]
    )
    return app


def _own_version() -> str:
    try:
        return version("ranking-app")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"
