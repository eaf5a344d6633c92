"""`/v1/schedules/{id}/audit`: from any number of a schedule to the panes and source offsets that it came from."""

from zoneinfo import ZoneInfo

from aiohttp import web

from ranking_app.rankings.curve import Curve
from ranking_app.rankings.panes import MINUTE_S
from ranking_app.rankings.windows import Window
from ranking_app.read_model.sources import SourceKey
from ranking_app.web.answers import completeness_answer
from ranking_app.web.audit_answer import AuditAnswer, AuditedPane, pane_answer, source_answers, totals_answer
from ranking_app.web.dump import json_response
from ranking_app.web.params import Query, schedule_id
from ranking_app.web.problems import InvalidParameter
from ranking_app.web.reads import ReadModel, known_schedule, require_loaded
from schemas.times import FIRST_S, format_s

MAX_PANES = 10_000
"""Some 2 MB of JSON: a day of a show that sells in every minute on all partitions."""


class AuditHandlers:
    """Parse, look up, put side by side. No handler awaits: an answer is one moment of the read model."""

    def __init__(self, read_model: ReadModel, timezone: ZoneInfo) -> None:
        self._read_model = read_model
        self._timezone = timezone

    async def audit(self, request: web.Request) -> web.Response:
        """`GET /v1/schedules/{id}/audit`: what a range [from, to) is made of."""
        model = self._read_model
        require_loaded(model)
        query = Query(request, self._timezone)
        from_s, to_s = query.instant_s("from"), query.instant_s("to")
        schedule = known_schedule(model, schedule_id(request))
        window = self._range(schedule.curve, from_s, to_s)
        panes = self._panes(schedule.id, schedule.curve, window)
        answer: AuditAnswer = {
            "concertScheduleId": schedule.id,
            "from": format_s(window.end_s if window.start_s is None else window.start_s),
            "to": format_s(window.end_s),
            "totals": totals_answer(schedule.curve.totals(window)),
            "sources": source_answers(panes, model.topic_of),
            "panes": [pane_answer(pane, model.topic_of) for pane in panes],
            "completeness": completeness_answer(model.completeness(window.end_s)),
        }
        return json_response(answer)

    def _range(self, curve: Curve, from_s: int | None, to_s: int | None) -> Window:
        """The range with the defaults in place. It has no start only where nobody named one and nothing is there."""
        end_s = self._read_model.live_as_of_s() if to_s is None else to_s
        if from_s is None:
            # Not the first sale, as of a curve: a cancellation before it is a part of what was sold.
            from_s = curve.first_second_from(FIRST_S)
            if from_s is None or (to_s is None and from_s >= end_s):
                return Window(None, end_s)
        if from_s >= end_s:
            raise InvalidParameter("to", f"expected a time after from ({format_s(from_s)}), got {format_s(end_s)}")
        return Window(from_s, end_s)

    def _panes(self, schedule_id: str, curve: Curve, window: Window) -> list[AuditedPane]:
        """Those with something in the window, in the order of minute, topic and partition."""
        if window.start_s is None:
            return []
        minutes = max(window.start_s // MINUTE_S, 0), max(-(-window.end_s // MINUTE_S), 0)
        count = self._read_model.count_panes_of(schedule_id, *minutes)
        if count > MAX_PANES:
            most = f"expected a range with at most {MAX_PANES:,} panes in its minutes, got {count:,}"
            raise InvalidParameter("to", f"{most}: take an earlier one")
        totals = curve.totals_by_pane(window)
        audited = []
        for pane in self._read_model.panes_of(schedule_id, *minutes):
            inside = totals.get((SourceKey(pane.role, pane.partition), pane.minute))
            if inside is not None:
                audited.append(AuditedPane(pane, inside))
        return audited
