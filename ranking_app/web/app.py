"""The web application: routes, and what surrounds every handler. Takes values, reads no settings."""

from importlib.metadata import PackageNotFoundError, version
from zoneinfo import ZoneInfo

from aiohttp import web

from ranking_app.metrics import Metrics
from ranking_app.web import health, pages
from ranking_app.web.metrics import count_requests, metrics_handler
from ranking_app.web.openapi import build_openapi, openapi_handler
from ranking_app.web.problems import problems
from ranking_app.web.rankings import RankingHandlers
from ranking_app.web.reads import ReadModel
from ranking_app.web.schedules import ScheduleHandlers
from ranking_app.web.security import secure_when_prepared

MAX_BODY_BYTES = 1_024
"""Nothing here reads a body; this bounds what a sender of one can make us hold."""


def create_web_app(read_model: ReadModel, *, timezone: ZoneInfo, metrics: Metrics) -> web.Application:
    """Everything the app answers, over one read model.

    timezone: of times in requests that name no offset. metrics: the process's; requests are counted in it.
    The read model must change only on the loop that serves: an answer is made without giving up control.
    """
    app = web.Application(middlewares=[count_requests(metrics), problems], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(secure_when_prepared)
    rankings = RankingHandlers(read_model, timezone)
    schedules = ScheduleHandlers(read_model, timezone)
    document = build_openapi(_own_version())
    static = pages.static_handler()
    app.add_routes(
        [
            web.get("/v1/rankings/sales", rankings.sales),
            web.get("/v1/rankings/sell-out", rankings.sell_out),
            web.get("/v1/schedules/{id:[^/]+}", schedules.one),
            web.get("/v1/schedules/{id:[^/]+}/sales", schedules.curve),
            web.get("/health/live", health.live),
            web.get("/health/ready", health.ready_handler(read_model)),
            web.get("/metrics", metrics_handler(metrics)),
            web.get("/openapi.json", openapi_handler(document)),
            web.get("/docs", pages.docs_handler(document)),
            web.get("/", static),
            web.get("/static/{name}", static),
        ]
    )
    return app


def _own_version() -> str:
    try:
        return version("ranking-app")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"
