"""What a request is answered when it cannot be served: RFC 9457 problems, `application/problem+json`.

Handlers raise a `Problem`; `problems` (a middleware) turns it, aiohttp's own 404 and 405, and anything that
should not have happened into an answer. A traceback goes to the log, never to the client.
"""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from ranking_app.web.dump import dump

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER_S = 2
"""A complete load takes seconds; sooner would only add to its work."""


class Problem(Exception):
    """A request that is answered with an error. Subclasses are the kinds; detail is for the one who asked."""

    status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR
    title: str = ""
    slug: str | None = None
    """The section of `/docs` that explains this kind; None where the status says it all."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers: dict[str, str] = {"Cache-Control": "no-store"}
        self.members: dict[str, object] = {}
        """What this kind adds to the members of every problem."""


class PlainProblem(Problem):
    """A problem that is no more than its HTTP status: RFC 9457 calls its type `about:blank`."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.title = status.phrase


class InvalidParameter(Problem):
    """A query parameter cannot be used; the member `parameter` names it, `detail` says what was expected."""

    status = HTTPStatus.BAD_REQUEST
    slug = "invalid-parameter"
    title = "Invalid parameter"

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(f"{parameter}: {detail}")
        self.members["parameter"] = parameter


class UnknownSchedule(Problem):
    """No reservation event and no catalogue record has this id (or its schedule was retired)."""

    status = HTTPStatus.NOT_FOUND
    slug = "unknown-schedule"
    title = "Unknown schedule"


class UnknownBoard(Problem):
    """There is no board of this name; `/v1/boards` lists them."""

    status = HTTPStatus.NOT_FOUND
    slug = "unknown-board"
    title = "Unknown board"


class NotOnBoard(Problem):
    """The schedule is known, but not on this board at this instant."""

    status = HTTPStatus.NOT_FOUND
    slug = "not-on-board"
    title = "Not on the board"


class TooManyWatchers(Problem):
    """This process has as many live streams as it takes; ask again after `Retry-After` seconds, or poll."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    slug = "too-many-watchers"
    title = "Too many live streams"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers["Retry-After"] = str(RETRY_AFTER_S)


class StreamNeedsHttp11(Problem):
    """A live stream is sent in chunks, which HTTP/1.0 does not know."""

    status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    slug = "stream-needs-http-1-1"
    title = "A live stream needs HTTP/1.1"


class QueryTooLong(Problem):
    """The query string is longer than any question needs."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    slug = "query-too-long"
    title = "Query too long"


class StillLoading(Problem):
    """The boards are being read from the changelog; ask again after `Retry-After` seconds."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    slug = "still-loading"
    title = "Still loading"

    def __init__(self, extra: Mapping[str, object] | None = None) -> None:
        super().__init__("The boards are not complete yet: this process is still loading them. Ask again soon.")
        self.headers["Retry-After"] = str(RETRY_AFTER_S)
        self.members.update(extra or {})


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers with a problem whatever goes wrong below. Redirects and good answers pass."""
    try:
        return await handler(request)
    except Problem as known:
        return problem_response(known, request.rel_url.raw_path)
    except web.HTTPException as exc:
        if exc.status < HTTPStatus.BAD_REQUEST:
            raise
        return problem_response(_from_aiohttp(exc), request.rel_url.raw_path)
    except Exception:
        log.exception("web.failed", method=request.method, path=request.rel_url.raw_path[:1_000])
        detail = "The answer could not be made; the log of this process has the reason."
        problem = PlainProblem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
        return problem_response(problem, request.rel_url.raw_path)


def _from_aiohttp(exc: web.HTTPException) -> Problem:
    """aiohttp's own errors: no such path, a method that is not GET or HEAD."""
    status = HTTPStatus(exc.status)
    if isinstance(exc, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(exc.allowed_methods))
        problem = PlainProblem(status, f"This app only reads: {allowed}.")
        problem.headers["Allow"] = allowed
        return problem
    if status is HTTPStatus.NOT_FOUND:
        return PlainProblem(status, "There is nothing at this path; /docs lists what there is.")
    return PlainProblem(status, status.description or status.phrase)


def problem_response(problem: Problem, instance: str | None) -> web.Response:
    """The answer that tells of a problem. instance: the path asked for, None where none could be read."""
    body: dict[str, object] = {
        "type": f"/docs#{problem.slug}" if problem.slug else "about:blank",
        "title": problem.title,
        "status": int(problem.status),
        "detail": problem.detail,
    }
    if instance is not None:
        body["instance"] = instance
    body.update(problem.members)
    return web.Response(status=problem.status, body=dump(body), content_type=MEDIA_TYPE, headers=problem.headers)
