"""The boards over HTTP: one, several, the places around a schedule; what boards and slices there are."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import MultiDict

from ranking_app.rankings.boards.board import BoardKind
from ranking_app.rankings.boards.kinds import KINDS
from ranking_app.rankings.slices import slice_values
from ranking_app.web.board_answers import BoardAnswers
from ranking_app.web.cursor import MAX_CURSOR_CHARS, check_cursor, read_cursor
from ranking_app.web.dump import json_response
from ranking_app.web.home import Home
from ranking_app.web.kept_answers import KeptAnswers, Recipe
from ranking_app.web.kinds_answer import kind_answer, slices_answer
from ranking_app.web.live import LiveHandlers
from ranking_app.web.models import BoardPageAnswer
from ranking_app.web.params import Query, schedule_id
from ranking_app.web.problems import InvalidParameter
from ranking_app.web.questions import Page, Question, at_instant, read_page, read_question, unknown_board
from ranking_app.web.reads import ReadModel, known_schedule, require_loaded

MAX_SPAN = 100

MAX_BOARDS = 10
"""In one request."""

MAX_BOARDS_CHARS = 2_000

BOARDS_KEY = "boards"


class RankingHandlers:
    """Parse, ask, answer. Each answer is one moment of the model: nothing awaits while it is made."""

    def __init__(
        self, read_model: ReadModel, answers: BoardAnswers, timezone: ZoneInfo, defaults: Mapping[str, str]
    ) -> None:
        """defaults: of parameters of boards that a setting chose."""
        self._read_model = read_model
        self._timezone = timezone
        self._defaults = defaults
        self._answers = answers
        self.kept = KeptAnswers(lambda: read_model.generation)

    def board(self, kind: BoardKind) -> Handler:
        """`GET /v1/rankings/…` of one board."""

        async def board(request: web.Request) -> web.Response:
            return await self._one(request, kind)

        return board

    async def unknown(self, request: web.Request) -> web.Response:
        """`GET /v1/rankings/{board}` of a name that is none."""
        raise unknown_board(request.match_info["board"])

    async def _one(self, request: web.Request, kind: BoardKind) -> web.Response:
        query = self._query(request)
        question = self._question(kind, query)
        shown = read_page(query)
        text = query.text("cursor", MAX_CURSOR_CHARS)
        if text is not None:
            cursor = read_cursor(text)
            question = at_instant(question, cursor.as_of_s)
            check_cursor(text, question.link())
            shown = Page(0, shown.limit, cursor.after)
        return await self._respond(request, [question], lambda now: self._answers.answer(now[0], shown))

    async def around(self, request: web.Request) -> web.Response:
        """`GET /v1/rankings/{board}/around/{id}`: the entries around one schedule."""
        query = self._query(request)
        kind = KINDS.get(request.match_info["board"])
        if kind is None:
            raise unknown_board(request.match_info["board"])
        question = self._question(kind, query)
        span = query.whole("span", 0, MAX_SPAN, default=5)
        wanted = schedule_id(request, part=5)

        def make(now: list[Question]) -> BoardPageAnswer:
            schedule = known_schedule(self._read_model, wanted)
            return self._answers.answer(now[0], self._answers.page_around(now[0], schedule, span))

        return await self._respond(request, [question], make)

    async def several(self, request: web.Request) -> web.Response:
        """`GET /v1/rankings?boards=…`: boards of the same instant in one answer."""
        query = self._query(request)
        shown = read_page(query)
        questions = self._questions(query)

        def make(now: list[Question]) -> dict[str, Any]:
            pages = [self._answers.answer(question, shown) for question in now]
            boards = [{"key": key, **page} for key, page in zip(questions, pages, strict=True)]
            return {"asOf": pages[0]["asOf"], "boards": boards}

        return await self._respond(request, list(questions.values()), make)

    def live(self, streams: LiveHandlers, home: Home) -> Handler:
        """`GET /v1/live`: the same boards as a stream, which begins and goes on where the request came in."""

        async def live(request: web.Request) -> web.StreamResponse:
            questions, shown = await home.do(self._asked(request))
            return await streams.stream(request, questions, shown)

        return live

    async def _asked(self, request: web.Request) -> tuple[dict[str, Question], Page]:
        query = self._query(request)
        return self._questions(query), read_page(query)

    async def kinds(self, request: web.Request) -> web.Response:
        """`GET /v1/boards`: what boards there are, and how each is ranked."""
        return json_response({"boards": [kind_answer(kind, self._defaults) for kind in KINDS.values()]})

    def slices(self, request: web.Request) -> web.Response:
        """`GET /v1/slices`: the values that slices can ask for."""
        self._query(request)
        model = self._read_model
        recipe = Recipe(
            make=lambda: slices_answer(slice_values(model.schedules.values())),
            moment=lambda: model.revision,
            completeness=lambda: model.completeness(model.live_as_of_s()),
            live=True,
        )
        return self.kept.respond_at_once(request, request.path, recipe)

    def _questions(self, query: Query) -> dict[str, Question]:
        """The questions of `boards`, by what each was asked as; other parameters are for all. InvalidParameter."""
        text = query.text(BOARDS_KEY, MAX_BOARDS_CHARS)
        keys = list(dict.fromkeys(key for key in (text or "").split(",") if key))
        if not 1 <= len(keys) <= MAX_BOARDS:
            raise InvalidParameter(BOARDS_KEY, f"expected 1 to {MAX_BOARDS} boards joined with ',', got {len(keys)}")
        live_s = self._read_model.live_as_of_s()
        return {key: self._one_of_several(query, key, live_s) for key in keys}

    def _one_of_several(self, query: Query, key: str, live_s: int) -> Question:
        name, *parameters = key.split(";")
        if name not in KINDS:
            raise InvalidParameter(BOARDS_KEY, unknown_board(name).detail)
        values = MultiDict(query.values)
        for parameter in parameters:
            own, equals, value = parameter.partition("=")
            if not equals or own in {"asOf", BOARDS_KEY}:
                raise InvalidParameter(BOARDS_KEY, f"expected name=value after ';', got {parameter[:40]!r}")
            values[own] = value
        return read_question(KINDS[name], query.with_values(values), live_s, self._defaults)

    def _query(self, request: web.Request) -> Query:
        require_loaded(self._read_model)
        return Query(request, self._timezone)

    def _question(self, kind: BoardKind, query: Query) -> Question:
        return read_question(kind, query, self._read_model.live_as_of_s(), self._defaults)

    async def _respond(
        self,
        request: web.Request,
        questions: list[Question],
        make: Callable[[list[Question]], BoardPageAnswer | dict[str, Any]],
    ) -> web.Response:
        """make: the answer to the questions as of the instant that it is made."""
        model = self._read_model

        def now() -> list[Question]:
            live_s = model.live_as_of_s()
            return [replace(question, as_of_s=live_s) if question.live else question for question in questions]

        async def prepare() -> None:
            for question in now():
                await self._answers.prepare(question)

        recipe = Recipe(
            make=lambda: make(now()),
            moment=lambda: (model.revision, now()[0].as_of_s),
            completeness=lambda: model.completeness(now()[0].as_of_s),
            live=questions[0].live,
        )
        return await self.kept.respond(request, request.rel_url.raw_path_qs, recipe, prepare)
