"""Answers kept as bytes: made once for everybody who asks the same of the same moment, with ETag, 304 and gzip.

A live answer is kept also while the model moves on, for a small multiple of the time it took to make: however many ask,
and however large the boards, making answers takes a bounded share of the process, and the rest counts events.
"""

import asyncio
import gzip
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import xxhash
from aiohttp import hdrs, web
from multidict import CIMultiDict

from ranking_app.read_model.sources import Completeness
from ranking_app.web.answers import completeness_answer
from ranking_app.web.dump import dump

MAX_KEPT_BYTES = 64 * 1024 * 1024
MAX_KEPT = 1_000

REST, LONGEST_REST_S = 9.0, 0.5
"""A live answer is made anew after so many times the time it took, at the latest after so long: at most a tenth of the
time of a process goes into any one of them."""

PATIENCE_S = 0.005
"""So long the first one to ask after that waits. Usually the newer one is made by then; in a busy process it is not,
and the one that is kept is the answer for everybody until it is."""

OLDEST_S = 2.0
"""Nobody gets a live answer that was made longer ago: who asks waits for the newer one."""

GZIP_FROM_BYTES, GZIP_LEVEL = 1_400, 1
"""Below, it fits one packet anyway. The lowest level: boards shrink to a sixth in a third of a millisecond."""

FINAL_MAX_AGE_S = 60
"""An answer of the past that is final may be kept so long without asking; only an event later than RANKING_GRACE could
change it."""


Ask = Callable[[], Awaitable[web.StreamResponse]]
"""Has an answer made."""


class _Kept:
    """One answer: its parts as they go out."""

    __slots__ = ("body", "completeness", "cost_s", "etag", "final", "live", "made_s", "moment", "zipped")

    def __init__(
        self,
        moment: Hashable,
        completeness: Completeness,
        body: bytes,
        etag: str,
        *,
        live: bool,
        final: bool,
        cost_s: float,
    ) -> None:
        self.moment = moment
        self.completeness = completeness
        self.body = body
        self.etag = etag
        self.live = live
        self.final = final
        self.cost_s = cost_s
        self.made_s = time.monotonic()
        self.zipped: bytes | None = None


Prepare = Callable[[], Awaitable[None]]
"""Does what takes long of making an answer, in steps."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an answer is made. make: the answer without completeness, in one go.

    moment: what it is made of, besides completeness.
    """

    make: Callable[[], Mapping[str, Any]]
    moment: Callable[[], Hashable]
    completeness: Callable[[], Completeness]
    live: bool


class KeptAnswers:
    """The newest answer to each question, as far as MAX_KEPT_BYTES reaches.

    generation: the one that answers now, told on any thread. What another one answered is not given any more: who asks
    one question after the other must not get from the new to the old and back.
    """

    def __init__(self, generation: Callable[[], str]) -> None:
        self._generation = generation
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes = 0
        self._making: dict[Hashable, asyncio.Future[_Kept]] = {}
        self._asked: set[Hashable] = set()
        """By or_ask, which has not been answered yet."""

    async def or_ask(self, request: web.Request, ask: Ask) -> web.StreamResponse:
        """The live answer of just now to what a request asks by its path and query; else that of `ask`.

        On the loop that talks to clients, which may be another one than that of `respond`, in another thread.
        """
        question = request.rel_url.raw_path_qs
        kept = self._kept.get(question)
        if kept is None or not kept.live or _age_s(kept) > OLDEST_S or self._is_of_another_generation(kept):
            return await ask()
        if not _rests(kept) and question not in self._asked:
            self._asked.add(question)
            asked = asyncio.ensure_future(ask())
            asked.add_done_callback(lambda done: self._was_asked(question, done))
            await asyncio.wait([asked], timeout=PATIENCE_S)
            if asked.done():
                return asked.result()
        return _response(request, kept)

    def _was_asked(self, question: Hashable, done: asyncio.Future[web.StreamResponse]) -> None:
        self._asked.discard(question)
        if not done.cancelled():
            done.exception()  # if nobody waited for it, the next one to ask is told, OLDEST_S later at most

    def respond_at_once(self, request: web.Request, question: Hashable, recipe: Recipe) -> web.Response:
        """The answer to a question, which is quickly made."""
        kept = self._kept_of(question, recipe)
        if kept is None:
            kept = _make(recipe, time.perf_counter())
            self._keep(question, kept)
        return _response(request, kept)

    async def respond(self, request: web.Request, question: Hashable, recipe: Recipe, prepare: Prepare) -> web.Response:
        """The answer to a question; prepared and made once, however many ask for it at the same time.

        What the recipe tells of now is asked again once it is prepared.
        """
        kept = self._kept_of(question, recipe)
        if kept is None:
            made = self._making.get(question)
            if made is None:
                made = self._making[question] = asyncio.ensure_future(_prepare_and_make(recipe, prepare))
                made.add_done_callback(lambda done: self._made(question, done))
            kept = await asyncio.shield(made)  # who goes away takes the answer from nobody else
        return _response(request, kept)

    def _kept_of(self, question: Hashable, recipe: Recipe) -> _Kept | None:
        """The answer that is kept, if that serves."""
        kept = self._kept.get(question)
        if kept is None or not self._serves(kept, recipe):
            return None
        self._kept.move_to_end(question)
        return kept

    def _is_of_another_generation(self, kept: _Kept) -> bool:
        return kept.completeness.generation != self._generation()

    def _serves(self, kept: _Kept, recipe: Recipe) -> bool:
        """Whether it is the answer of now, or one that was made so lately that it stands for it."""
        stands_for_it = recipe.live and _rests(kept) and not self._is_of_another_generation(kept)
        return stands_for_it or (kept.moment, kept.completeness) == (recipe.moment(), recipe.completeness())

    def _made(self, question: Hashable, done: asyncio.Future[_Kept]) -> None:
        del self._making[question]
        if not done.cancelled() and done.exception() is None:
            self._keep(question, done.result())

    def _keep(self, question: Hashable, kept: _Kept) -> None:
        before = self._kept.pop(question, None)
        self._kept[question] = kept
        self._bytes += len(kept.body) - (0 if before is None else len(before.body))
        while len(self._kept) > MAX_KEPT or (self._bytes > MAX_KEPT_BYTES and len(self._kept) > 1):
            self._bytes -= len(self._kept.popitem(last=False)[1].body)


def _age_s(kept: _Kept) -> float:
    return time.monotonic() - kept.made_s


def _rests(kept: _Kept) -> bool:
    return _age_s(kept) < min(REST * kept.cost_s, LONGEST_REST_S)


async def _prepare_and_make(recipe: Recipe, prepare: Prepare) -> _Kept:
    started_s = time.perf_counter()
    await prepare()
    return _make(recipe, started_s)


def _make(recipe: Recipe, started_s: float) -> _Kept:
    moment, completeness = recipe.moment(), recipe.completeness()
    answer = dict(recipe.make())
    # Offsets and watermarks move on while the answer stays the same: they are not what it is told apart by.
    flags = b"%d%d" % (completeness.complete, completeness.final) + completeness.generation.encode()
    etag = f'W/"{xxhash.xxh3_64_hexdigest(dump(answer) + flags)}"'
    body = dump(_with_completeness(answer, completeness))
    final = completeness.complete and completeness.final and not recipe.live
    cost_s = time.perf_counter() - started_s
    return _Kept(moment, completeness, body, etag, live=recipe.live, final=final, cost_s=cost_s)


def _with_completeness(answer: Mapping[str, Any], completeness: Completeness) -> dict[str, Any]:
    """In its place of the contract: before a board's total, else last."""
    found = completeness_answer(completeness)
    whole: dict[str, Any] = {}
    for name, value in answer.items():
        if name == "total":
            whole["completeness"] = found
        whole[name] = value
    whole.setdefault("completeness", found)
    return whole


def _response(request: web.Request, kept: _Kept) -> web.Response:
    headers = CIMultiDict({hdrs.ETAG: kept.etag, hdrs.VARY: "Accept-Encoding"})
    headers[hdrs.CACHE_CONTROL] = f"public, max-age={FINAL_MAX_AGE_S}" if kept.final else "no-cache"
    if request.headers.get(hdrs.IF_NONE_MATCH, "") and _matches(request, kept.etag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    body = kept.body
    if len(body) >= GZIP_FROM_BYTES and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower():
        if kept.zipped is None:
            kept.zipped = gzip.compress(body, GZIP_LEVEL, mtime=0)
        body = kept.zipped
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, content_type="application/json", headers=headers)


def _matches(request: web.Request, etag: str) -> bool:
    """RFC 9110, If-None-Match: weak comparison, any of a list, or `*`."""
    opaque = etag.removeprefix("W/")
    return any(found.value == "*" or f'"{found.value}"' == opaque for found in request.if_none_match or ())
