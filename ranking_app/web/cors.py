"""Pages from elsewhere that may read the answers: CORS, for /v1/ alone, off by default."""

import re
from http import HTTPStatus

from aiohttp import hdrs, web

ANY = "*"

MAX_AGE_S = 3_600

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")


def parse_origins(text: str) -> tuple[str, ...]:
    """`*`, or origins joined with commas; '' for none. ValueError, saying what was expected.

    >>> parse_origins("https://tickets.example, http://localhost:3000")
    ('https://tickets.example', 'http://localhost:3000')
    """
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in origins:
        if origin != ANY and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"expected `*` or origins such as https://tickets.example, got {origin[:80]!r}")
    return origins


def allow_origins(app: web.Application, origins: tuple[str, ...]) -> None:
    """Let pages of these origins read /v1/. Answers hold no secrets and take no credentials, so none are allowed."""
    if not origins:
        return

    async def mark(request: web.Request, response: web.StreamResponse) -> None:
        if not request.path.startswith("/v1/"):
            return
        if ANY not in origins:
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or (ANY not in origins and origin not in origins):
            return
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = ANY if ANY in origins else origin
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "ETag, Retry-After"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"

    async def preflight(request: web.Request) -> web.Response:
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD",
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "If-None-Match, Last-Event-ID, Cache-Control",
            hdrs.ACCESS_CONTROL_MAX_AGE: str(MAX_AGE_S),
        }
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)

    app.on_response_prepare.append(mark)
    app.router.add_route(hdrs.METH_OPTIONS, "/v1/{tail:.*}", preflight)
