"""The boards: `/v1/rankings/sales` and `/v1/rankings/sell-out`."""

from typing import get_args
from zoneinfo import ZoneInfo

from aiohttp import web

from ranking_app.rankings.boards import SellOutStatus, page
from ranking_app.rankings.curve import By
from ranking_app.rankings.ties import Ties
from ranking_app.rankings.windows import Window, window_before
from ranking_app.web.answers import completeness_answer, entry_answer, window_answer
from ranking_app.web.dump import json_response
from ranking_app.web.models import SalesBoardAnswer, SellOutBoardAnswer
from ranking_app.web.params import MAX_LIMIT, MAX_OFFSET, Query
from ranking_app.web.problems import InvalidParameter
from ranking_app.web.ranked import RankedBoards
from ranking_app.web.reads import ReadModel, require_loaded
from schemas.times import FIRST_S, format_s

BY: tuple[By, ...] = get_args(By)
TIES: tuple[Ties, ...] = get_args(Ties)
SELL_OUT_STATUS: tuple[SellOutStatus, ...] = get_args(SellOutStatus)


class RankingHandlers:
    """Parse, sort (or find sorted), cut a page. No handler awaits: an answer is one moment of the model."""

    def __init__(self, read_model: ReadModel, timezone: ZoneInfo) -> None:
        self._read_model = read_model
        self._timezone = timezone
        self._boards = RankedBoards(read_model)

    async def sales(self, request: web.Request) -> web.Response:
        """`GET /v1/rankings/sales`: best sellers in a window."""
        require_loaded(self._read_model)
        query = Query(request, self._timezone)
        window = self._window(query, default="1h")
        by = query.choice("by", BY, "quantity")
        ties = query.choice("ties", TIES, "standard")
        offset, limit = _page_bounds(query)
        ranked = self._boards.sales(window, by)
        answer: SalesBoardAnswer = {
            "board": "sales",
            "by": by,
            "ties": ties,
            "window": window_answer(window),
            "asOf": format_s(window.end_s),
            "completeness": completeness_answer(self._read_model.completeness(window.end_s)),
            "total": len(ranked),
            "entries": [entry_answer(entry) for entry in page(ranked, ties, offset, limit)],
        }
        return json_response(answer)

    async def sell_out(self, request: web.Request) -> web.Response:
        """`GET /v1/rankings/sell-out`: fastest sell-outs."""
        require_loaded(self._read_model)
        query = Query(request, self._timezone)
        window = self._window(query, default="all")
        status = query.choice("status", SELL_OUT_STATUS, "soldOut")
        ties = query.choice("ties", TIES, "standard")
        offset, limit = _page_bounds(query)
        ranked = self._boards.sell_out(window, status)
        answer: SellOutBoardAnswer = {
            "board": "sell-out",
            "ties": ties,
            "window": window_answer(window),
            "asOf": format_s(window.end_s),
            "completeness": completeness_answer(self._read_model.completeness(window.end_s)),
            "total": len(ranked),
            "entries": [entry_answer(entry) for entry in page(ranked, ties, offset, limit)],
        }
        return json_response(answer)

    def _window(self, query: Query, default: str) -> Window:
        length_s = query.window_s("window", default)
        as_of_s = query.instant_s("asOf")
        window = window_before(self._read_model.live_as_of_s() if as_of_s is None else as_of_s, length_s)
        if window.start_s is not None and window.start_s < FIRST_S:
            raise InvalidParameter("window", "reaches back before the year 1; for everything before asOf, ask for all")
        return window


def _page_bounds(query: Query) -> tuple[int, int]:
    return query.whole("offset", 0, MAX_OFFSET, default=0), query.whole("limit", 1, MAX_LIMIT, default=10)
