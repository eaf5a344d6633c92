"""A client of the HTTP API for Python programs: asynchronous, typed, and without Faust or Kafka behind it.

    async with RankingClient("http://127.0.0.1:6066") as ranking:
        board = await ranking.board("sales", window="1h", limit=3)

Parameters have the names of the API and are left out where they are None; answers are its JSON (docs/api.md).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Self, Unpack, cast
from urllib.parse import quote, urlencode

import aiohttp
from typing_extensions import TypedDict
from yarl import URL

from ranking_app.client_problems import ApiProblem, ComeBackLater, NotReached, UnexpectedAnswer, api_problem
from ranking_app.live_boards import LiveBoards, Messages, OutOfStep, after
from ranking_app.web.audit_answer import AuditAnswer
from ranking_app.web.models import (
    BoardAnswer,
    BoardKindsAnswer,
    BoardsAnswer,
    CurveAnswer,
    ScheduleAnswer,
    SlicesAnswer,
)
from ranking_app.web.ops_answer import OpsAnswer
from ranking_app.web.search_answer import SearchAnswer

TIMEOUT_S = 30.0
"""For a whole answer. The largest board takes a second."""

SILENCE_S = 20.0
"""Of a live stream that is gone: the app says something every five seconds."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
"""Before a live stream comes back: twice as long after each failure, so that an app that starts is not overrun."""

Instant = str | datetime
"""As the API takes it; a datetime needs a zone."""


class SharedParameters(TypedDict, total=False):
    """Of every board."""

    asOf: Instant | None
    limit: int | None
    offset: int | None
    ties: str | None
    compare: str | None
    explain: bool | None
    genre: str | None
    region: str | None
    venue: str | None
    capacityClass: str | None
    showFrom: Instant | None
    showTo: Instant | None


class BoardParameters(SharedParameters, total=False):
    """Of one board; `kinds()` says which of by, status and blend it has."""

    window: str | None
    by: str | None
    status: str | None
    blend: str | None
    cursor: str | None
    span: int | None


class RankingClient:
    """Asks one address. Every method may raise what `client_problems` lists. Not for several event loops."""

    def __init__(self, base_url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """base_url: scheme, host and port, with a path where a proxy puts the app behind one."""
        self._base = base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def kinds(self) -> BoardKindsAnswer:
        """What boards there are."""
        return cast(BoardKindsAnswer, await self._get("/v1/boards"))

    async def board(self, name: str, **parameters: Unpack[BoardParameters]) -> BoardAnswer:
        """One page of a board."""
        return cast(BoardAnswer, await self._get(f"/v1/rankings/{quote(name, safe='')}", parameters))

    async def pages(self, name: str, **parameters: Unpack[BoardParameters]) -> AsyncIterator[BoardAnswer]:
        """All pages of a board, of the instant of the first one."""
        page = await self.board(name, **parameters)
        yield page
        while page["links"]["next"] is not None:
            page = cast(BoardAnswer, await self._get(page["links"]["next"]))
            yield page

    async def boards(self, *boards: str, **parameters: Unpack[SharedParameters]) -> BoardsAnswer:
        """Several boards of the same instant, each as `sales;window=1h;by=amount`."""
        return cast(BoardsAnswer, await self._get("/v1/rankings", {"boards": ",".join(boards), **parameters}))

    async def around(self, name: str, schedule_id: str, **parameters: Unpack[BoardParameters]) -> BoardAnswer:
        """The entries around one schedule. NotOnBoard."""
        path = f"/v1/rankings/{quote(name, safe='')}/around/{quote(schedule_id, safe='')}"
        return cast(BoardAnswer, await self._get(path, parameters))

    async def schedule(self, schedule_id: str, as_of: Instant | None = None) -> ScheduleAnswer:
        """One schedule. UnknownSchedule."""
        return cast(ScheduleAnswer, await self._get(_schedule(schedule_id), {"asOf": as_of}))

    async def curve(
        self, schedule_id: str, start: Instant | None = None, end: Instant | None = None, step: str | None = None
    ) -> CurveAnswer:
        """Its sales curve over [start, end). UnknownSchedule."""
        parameters = {"from": start, "to": end, "step": step}
        return cast(CurveAnswer, await self._get(f"{_schedule(schedule_id)}/sales", parameters))

    async def audit(self, schedule_id: str, start: Instant | None = None, end: Instant | None = None) -> AuditAnswer:
        """The panes and source offsets behind its numbers of [start, end). UnknownSchedule."""
        return cast(AuditAnswer, await self._get(f"{_schedule(schedule_id)}/audit", {"from": start, "to": end}))

    async def search(self, text: str, limit: int | None = None) -> SearchAnswer:
        """Schedules by words of their title and venue."""
        return cast(SearchAnswer, await self._get("/v1/search", {"q": text, "limit": limit}))

    async def slices(self) -> SlicesAnswer:
        """What boards can be sliced by."""
        return cast(SlicesAnswer, await self._get("/v1/slices"))

    async def ops(self) -> OpsAnswer:
        """Workers and partitions. Also answered while the app loads."""
        return cast(OpsAnswer, await self._get("/v1/ops"))

    async def live(self, *boards: str, **parameters: Unpack[SharedParameters]) -> AsyncGenerator[LiveBoards, None]:
        """Boards as they change: the first item at once, then one for each change and each heartbeat, without end.

        What fails before the first item is raised. From then on it comes back by itself when the connection is lost or
        the app restarts, and goes on where it was; a process of another address does the same with a new snapshot.
        """
        url = self._url("/v1/live", {"boards": ",".join(boards), **parameters})
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE_S, sock_read=SILENCE_S)
        now: LiveBoards | None = None
        last_id: str | None = None
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._ask(url, timeout, {} if last_id is None else {"Last-Event-ID": last_id}) as response:
                    await _check(response)
                    messages = Messages()
                    async for chunk in response.content.iter_any():
                        for message in messages.feed(chunk):
                            now = after(now, message.event, _parsed(message.data))
                            last_id, pause_s = message.id or last_id, FIRST_PAUSE_S
                            yield now
            except OutOfStep:
                last_id = None
            except (ComeBackLater, UnexpectedAnswer) as error:  # the latter from a proxy, while the app is away
                if now is None:
                    raise
                if isinstance(error, ComeBackLater):
                    pause_s = max(pause_s, error.retry_after_s or 0)
            except (aiohttp.ClientError, OSError) as error:  # OSError: also TimeoutError
                if now is None:
                    raise NotReached(f"{self._base}: {error!r}") from error
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _get(self, path: str, parameters: Mapping[str, object] | None = None) -> Any:
        url = self._url(path, parameters or {})
        try:
            async with self._ask(url, self._timeout, {}) as response:
                await _check(response)
                return json.loads(await response.read())
        except (aiohttp.ClientError, OSError) as error:
            raise NotReached(f"{self._base}: {error!r}") from error
        except ValueError as error:
            raise UnexpectedAnswer(f"{url}: not JSON: {error}") from error

    def _ask(
        self, url: URL, timeout: aiohttp.ClientTimeout, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:  # not before: a session belongs to the loop that runs
            self._session = aiohttp.ClientSession()
        return self._session.get(url, timeout=timeout, headers=headers)

    def _url(self, path: str, parameters: Mapping[str, object]) -> URL:
        given = {name: _text(value) for name, value in parameters.items() if value is not None}
        return URL(f"{self._base}{path}?{urlencode(given)}" if given else f"{self._base}{path}", encoded=True)


def _schedule(schedule_id: str) -> str:
    return f"/v1/schedules/{quote(schedule_id, safe='')}"


def _text(value: object) -> str:
    """A parameter as the API takes it. ValueError for a datetime without a zone: it would be read in the app's."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"expected a datetime with a zone, got {value!r}")
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _check(response: aiohttp.ClientResponse) -> None:
    """ApiProblem, or UnexpectedAnswer, for what is not a 200."""
    if response.status == 200:
        return
    body = await response.read()
    try:
        problem: ApiProblem = api_problem(json.loads(body), _seconds(response.headers.get("Retry-After")))
    except (ValueError, KeyError, TypeError, AttributeError):
        said = body[:200].decode(errors="replace")
        raise UnexpectedAnswer(f"{response.url}: {response.status} {said!r}") from None
    raise problem


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise UnexpectedAnswer(f"a live event that is not JSON: {error}") from error


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
