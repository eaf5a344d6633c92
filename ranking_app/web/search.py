"""`/v1/search`: schedules by words of their title and venue."""

from zoneinfo import ZoneInfo

from aiohttp import web

from ranking_app.rankings.search import Search, fold
from ranking_app.web.answers import completeness_answer
from ranking_app.web.dump import json_response
from ranking_app.web.params import MAX_VALUE_CHARS, Query
from ranking_app.web.problems import InvalidParameter
from ranking_app.web.reads import ReadModel, require_loaded
from ranking_app.web.search_answer import SearchAnswer, found_answer

MAX_FOUND = 100
"""Somebody types and looks for one show: who wants all of them asks for a board."""


class SearchHandlers:
    """Parse, find. No handler awaits: an answer is one moment of the read model."""

    def __init__(self, read_model: ReadModel, timezone: ZoneInfo) -> None:
        self._read_model = read_model
        self._timezone = timezone
        self._search = Search()

    async def search(self, request: web.Request) -> web.Response:
        """`GET /v1/search`: the schedules that have every word of q."""
        require_loaded(self._read_model)
        query = Query(request, self._timezone)
        text, limit = query.text("q"), query.whole("limit", 1, MAX_FOUND, default=10)
        if text is None or not fold(text):
            raise InvalidParameter("q", f"expected a word to look for, in 1 to {MAX_VALUE_CHARS} characters")
        as_of_s = self._read_model.live_as_of_s()
        found = self._search.find(self._read_model.schedules, text, as_of_s, limit)
        answer: SearchAnswer = {
            "q": text,
            "total": found.total,
            "schedules": [found_answer(schedule, as_of_s) for schedule in found.schedules],
            "completeness": completeness_answer(self._read_model.completeness(as_of_s)),
        }
        return json_response(answer)
