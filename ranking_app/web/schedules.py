"""One schedule: `/v1/schedules/{id}` and its sales curve, `/v1/schedules/{id}/sales`."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from ranking_app.rankings.forecast import forecast
from ranking_app.rankings.milestones import milestones
from ranking_app.rankings.ranks import Ranks, ranks_of
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.slices import EVERYTHING
from ranking_app.rankings.status import standing
from ranking_app.rankings.windows import Window
from ranking_app.read_model.board_views import BoardViews
from ranking_app.web.answers import (
    forecast_answer,
    milestone_answer,
    point_answer,
    ranks_answer,
    second_or_null,
    whole_second_or_null,
)
from ranking_app.web.kept_answers import KeptAnswers, Recipe
from ranking_app.web.models import CurvePartsAnswer, SchedulePartsAnswer
from ranking_app.web.params import Query, schedule_id
from ranking_app.web.problems import InvalidParameter
from ranking_app.web.reads import ReadModel, known_schedule, require_known, require_loaded
from schemas.times import LAST_S, format_s

MAX_POINTS = 10_000


class ScheduleHandlers:
    """Parse, look up, ask the core. Each answer is one moment of the read model: nothing awaits while it is made."""

    def __init__(self, read_model: ReadModel, views: BoardViews, timezone: ZoneInfo) -> None:
        self._read_model = read_model
        self._views = views
        self._timezone = timezone
        self.kept = KeptAnswers(lambda: read_model.generation)

    def one(self, request: web.Request) -> web.Response:
        """`GET /v1/schedules/{id}`: everything about one schedule before asOf."""
        require_loaded(self._read_model)
        model, given_s = self._read_model, Query(request, self._timezone).instant_s("asOf")
        require_known(model, schedule_id(request))

        def as_of_s() -> int:
            return model.live_as_of_s() if given_s is None else given_s

        def make() -> Mapping[str, Any]:
            at_s, view = as_of_s(), self._views.live if given_s is None else self._views.at
            schedule = self._schedule(request)
            return self._answer(schedule, at_s, ranks_of(schedule, lambda board: view(board, EVERYTHING, at_s)))

        recipe = Recipe(
            make=make,
            moment=lambda: (model.revision, as_of_s()),
            completeness=lambda: model.completeness(as_of_s()),
            live=given_s is None,
        )
        return self.kept.respond_at_once(request, request.rel_url.raw_path_qs, recipe)

    def _answer(self, schedule: Schedule, as_of_s: int, ranks: Ranks) -> SchedulePartsAnswer:
        curve, listing = schedule.curve, schedule.listing
        totals = curve.totals(Window(None, as_of_s))
        stands = standing(curve, listing, as_of_s)
        return {
            "concertScheduleId": schedule.id,
            "asOf": format_s(as_of_s),
            "title": listing.title if listing else None,
            "venue": listing.venue if listing else None,
            "region": listing.region if listing else None,
            "genre": listing.genre if listing else None,
            "saleOpensAt": whole_second_or_null(listing.sale_opens_at_ms if listing else None),
            "startsAt": whole_second_or_null(listing.starts_at_ms if listing else None),
            "sold": stands.sold,
            "completed": totals.completed,
            "cancelled": totals.cancelled,
            "amount": totals.amount,
            "capacity": stands.capacity,
            "soldRatio": stands.sold_ratio,
            "status": stands.status,
            "soldOutAt": second_or_null(stands.sold_out_at_s),
            "sellOutSeconds": stands.sell_out_seconds,
            "firstSaleAt": second_or_null(curve.first_sale_s(as_of_s)),
            "lastSaleAt": second_or_null(curve.last_sale_s(as_of_s)),
            "milestones": [milestone_answer(m) for m in milestones(curve, stands.capacity, as_of_s)],
            "ranks": ranks_answer(ranks),
            "forecast": forecast_answer(forecast(curve, listing, as_of_s)),
        }

    def curve(self, request: web.Request) -> web.Response:
        """`GET /v1/schedules/{id}/sales`: a point for every step."""
        require_loaded(self._read_model)
        query = Query(request, self._timezone)
        step_s = query.step_s("step", "60s")
        from_s, to_s = query.instant_s("from"), query.instant_s("to")
        live = from_s is None or to_s is None
        model = self._read_model
        require_known(model, schedule_id(request))

        def make() -> CurvePartsAnswer:
            schedule = self._schedule(request)
            first_s, end_s = self._range(schedule, from_s, to_s, step_s)
            return {
                "concertScheduleId": schedule.id,
                "from": format_s(first_s),
                "to": format_s(end_s),
                "stepSeconds": step_s,
                "points": [point_answer(point) for point in schedule.curve.points(first_s, end_s, step_s)],
            }

        def end() -> int:
            return model.live_as_of_s() if to_s is None else to_s

        recipe = Recipe(
            make=make,
            moment=lambda: (model.revision, end()),
            completeness=lambda: model.completeness(end()),
            live=live,
        )
        return self.kept.respond_at_once(request, request.rel_url.raw_path_qs, recipe)

    def _schedule(self, request: web.Request) -> Schedule:
        return known_schedule(self._read_model, schedule_id(request))

    def _range(self, schedule: Schedule, from_s: int | None, to_s: int | None, step_s: int) -> tuple[int, int]:
        """The half-open range to show, with the defaults in place. Empty only where nobody asked for a range.

        That is a schedule without a sale, or with none before the live asOf: an answer without points.
        """
        live_s = self._read_model.live_as_of_s()
        end_s = live_s if to_s is None else to_s
        if from_s is None:
            first_s = schedule.curve.first_sale_s(LAST_S)
            if first_s is None or (to_s is None and first_s >= end_s):
                return end_s, end_s
            from_s = first_s - first_s % step_s
        if from_s >= end_s:
            raise InvalidParameter("to", f"expected a time after from ({format_s(from_s)}), got {format_s(end_s)}")
        points = -(-(end_s - from_s) // step_s)
        if points > MAX_POINTS:
            most = f"expected at most {MAX_POINTS:,} points, got {points:,}"
            raise InvalidParameter("step", f"{most}: take longer steps or a shorter range")
        return from_s, end_s
