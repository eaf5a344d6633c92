"""From values of the core and the read model to the dicts that are answered: only names and forms change."""

from collections.abc import Iterable

from ranking_app.rankings.curve import Point
from ranking_app.rankings.forecast import CONFIDENCE, MODEL, Forecast
from ranking_app.rankings.milestones import Milestone
from ranking_app.rankings.ranks import Ranks
from ranking_app.rankings.windows import Window
from ranking_app.read_model.sources import Completeness, PartitionState
from ranking_app.web.models import (
    CompletenessAnswer,
    ForecastAnswer,
    MilestoneAnswer,
    PartitionAnswer,
    PointAnswer,
    RanksAnswer,
    WindowAnswer,
)
from schemas.times import format_ms, format_s


def second_or_null(at_s: int | None) -> str | None:
    """A time in whole seconds, or null."""
    return None if at_s is None else format_s(at_s)


def window_answer(window: Window) -> WindowAnswer:
    """start and seconds are null for a window that is all of time."""
    return {
        "start": second_or_null(window.start_s),
        "end": format_s(window.end_s),
        "seconds": window.length_s,
    }


def whole_second_or_null(at_ms: int | None) -> str | None:
    """A time in milliseconds as the whole second that it is in, or null."""
    return None if at_ms is None else format_s(at_ms // 1000)


def milestone_answer(milestone: Milestone) -> MilestoneAnswer:
    """A milestone, reached or not."""
    return {"threshold": milestone.threshold, "reachedAt": second_or_null(milestone.reached_at_s)}


def ranks_answer(ranks: Ranks) -> RanksAnswer:
    """Where a schedule is on the boards."""
    return {
        "sales": {"1h": ranks.sales_1h, "24h": ranks.sales_24h, "all": ranks.sales_all},
        "sellOut": ranks.sell_out,
    }


def forecast_answer(forecast: Forecast | None) -> ForecastAnswer | None:
    """When a schedule is expected to sell out."""
    if forecast is None:
        return None
    return {
        "soldOutAt": format_s(forecast.expected_s),
        "earliest": format_s(forecast.earliest_s),
        "latest": format_s(forecast.latest_s),
        "confidence": CONFIDENCE,
        "model": MODEL,
    }


def point_answer(point: Point) -> PointAnswer:
    """A step of a curve."""
    return {
        "start": format_s(point.start_s),
        "quantity": point.quantity,
        "amount": point.amount,
        "cancelled": point.cancelled,
        "sold": point.sold,
    }


def completeness_answer(completeness: Completeness) -> CompletenessAnswer:
    """What an answer covers."""
    return {
        "complete": completeness.complete,
        "final": completeness.final,
        "late": completeness.late,
        "duplicates": completeness.duplicates,
        "deadLetters": completeness.dead_letters,
        "partitions": partition_answers(completeness.partitions),
        "generation": completeness.generation,
    }


def partition_answers(partitions: Iterable[PartitionState]) -> list[PartitionAnswer]:
    """How far each source partition is followed, in the order given."""
    return [
        {
            "topic": state.topic,
            "partition": state.partition,
            "offset": state.offset,
            "lag": state.lag,
            "watermark": None if state.watermark_ms is None else format_ms(state.watermark_ms),
        }
        for state in partitions
    ]
