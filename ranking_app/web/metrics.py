"""`/metrics`, and the counting of requests."""

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ranking_app.metrics import CONTENT_TYPE, Metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Anyone can invent methods; a label of its own for each would fill the memory."""


def count_requests(metrics: Metrics) -> Middleware:
    """The outermost middleware: every request by route template, method and status, and how long it took."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        started_s = time.perf_counter()
        status = 500
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as exc:
            status = exc.status
            raise
        finally:
            route = _template(request)
            method = request.method if request.method in _METHODS else "other"
            metrics.http_requests.labels(route, method, str(status)).inc()
            metrics.http_request_seconds.labels(route).observe(time.perf_counter() - started_s)

    return counted


def _template(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


def metrics_handler(metrics: Metrics) -> Handler:
    """`GET /metrics`."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    return answer
