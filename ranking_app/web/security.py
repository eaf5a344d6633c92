"""Headers that every answer carries: browsers are told to do as little as possible with it.

No authentication, by design: the default address is loopback; who opens it further puts a proxy before it.
"""

from aiohttp import web

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For pages: their scripts and styles come as files from this server, never inline, never from elsewhere."""

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""For everything that is not a page."""

POLICY = "Content-Security-Policy"


def secure(response: web.StreamResponse) -> None:
    """Add the headers; a policy that a page set itself stays."""
    is_page = response.content_type == "text/html"
    response.headers.setdefault(POLICY, PAGE_POLICY if is_page else DATA_POLICY)
    response.headers.setdefault("Cache-Control", "no-cache")  # asked again each time: an upgrade shows at once
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Server"] = "ranking-app"  # aiohttp would name itself and Python, with versions


async def secure_when_prepared(request: web.Request, response: web.StreamResponse) -> None:
    """For the signal on_response_prepare: just before the headers go out, of files and errors too."""
    secure(response)
