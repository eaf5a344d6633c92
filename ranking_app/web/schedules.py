"""One schedule: `/v1/schedules/{id}` and its sales curve, `/v1/schedules/{id}/sales`."""

from zoneinfo import ZoneInfo

from aiohttp import web

from ranking_app.rankings.boards import Schedule, ranks_of
from ranking_app.rankings.milestones import milestones
from ranking_app.rankings.status import standing
from ranking_app.rankings.windows import Window
from ranking_app.web.answers import (
    completeness_answer,
    milestone_answer,
    point_answer,
    ranks_answer,
    second_or_null,
)
from ranking_app.web.dump import json_response
from ranking_app.web.models import CurveAnswer, ScheduleAnswer
from ranking_app.web.params import Query, schedule_id
from ranking_app.web.problems import InvalidParameter, UnknownSchedule
from ranking_app.web.reads import ReadModel, require_loaded
from schemas.times import LAST_S, format_s

MAX_POINTS = 10_000


class ScheduleHandlers:
    """Parse, look up, ask the core. No handler awaits: an answer is one moment of the read model."""

    def __init__(self, read_model: ReadModel, timezone: ZoneInfo) -> None:
        self._read_model = read_model
        self._timezone = timezone

    async def one(self, request: web.Request) -> web.Response:
        """`GET /v1/schedules/{id}`: everything about one schedule before asOf."""
        require_loaded(self._read_model)
        query = Query(request, self._timezone)
        given_s = query.instant_s("asOf")
        schedule = self._schedule(request)
        return json_response(self._answer(schedule, self._read_model.live_as_of_s() if given_s is None else given_s))

    def _answer(self, schedule: Schedule, as_of_s: int) -> ScheduleAnswer:
        curve, listing = schedule.curve, schedule.listing
        totals = curve.totals(Window(None, as_of_s))
        stands = standing(curve, listing, as_of_s)
        ranks = ranks_of(self._read_model.schedules.values(), schedule, as_of_s)
        return {
            "concertScheduleId": schedule.id,
            "asOf": format_s(as_of_s),
            "title": listing.title if listing else None,
            "venue": listing.venue if listing else None,
            "region": listing.region if listing else None,
            "genre": listing.genre if listing else None,
            "saleOpensAt": _whole_second(listing.sale_opens_at_ms if listing else None),
            "startsAt": _whole_second(listing.starts_at_ms if listing else None),
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
            "completeness": completeness_answer(self._read_model.completeness(as_of_s)),
        }

    async def curve(self, request: web.Request) -> web.Response:
        """`GET /v1/schedules/{id}/sales`: a point for every step."""
        require_loaded(self._read_model)
        query = Query(request, self._timezone)
        step_s = query.step_s("step", "60s")
        from_s, to_s = query.instant_s("from"), query.instant_s("to")
        schedule = self._schedule(request)
        from_s, to_s = self._range(schedule, from_s, to_s, step_s)
        answer: CurveAnswer = {
            "concertScheduleId": schedule.id,
            "from": format_s(from_s),
            "to": format_s(to_s),
            "stepSeconds": step_s,
            "points": [point_answer(point) for point in schedule.curve.points(from_s, to_s, step_s)],
            "completeness": completeness_answer(self._read_model.completeness(to_s)),
        }
        return json_response(answer)

    def _schedule(self, request: web.Request) -> Schedule:
        wanted = schedule_id(request)
        schedule = self._read_model.schedules.get(wanted)
        if schedule is None:
            raise UnknownSchedule(f"No event and no catalogue record has the id {wanted!r}.")
        return schedule

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


def _whole_second(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_s(at_ms // 1000)
