"""The answer of `/v1/search`: its shape, and how it is filled."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict  # not typing's: pydantic needs this one below Python 3.12

from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.status import Status, standing
from ranking_app.web.answers import whole_second_or_null
from ranking_app.web.models import CompletenessAnswer, Second, SoldRatio


class FoundAnswer(TypedDict):
    """A schedule that was found."""

    concertScheduleId: str
    title: str | None
    venue: str | None
    region: str | None
    genre: str | None
    startsAt: Second | None
    capacity: int | None
    sold: Annotated[int, Field(description="Net quantity of everything so far.")]
    soldRatio: SoldRatio
    status: Status


class SearchAnswer(TypedDict):
    """Schedules by words of their title and venue."""

    q: Annotated[str, Field(min_length=1, max_length=100)]
    total: Annotated[int, Field(ge=0, description="All schedules that match.")]
    schedules: Annotated[list[FoundAnswer], Field(description="The first of them.")]
    completeness: CompletenessAnswer


def found_answer(schedule: Schedule, as_of_s: int) -> FoundAnswer:
    """One schedule, as it stands before as_of_s."""
    listing, stands = schedule.listing, standing(schedule.curve, schedule.listing, as_of_s)
    return {
        "concertScheduleId": schedule.id,
        "title": listing.title if listing else None,
        "venue": listing.venue if listing else None,
        "region": listing.region if listing else None,
        "genre": listing.genre if listing else None,
        "startsAt": whole_second_or_null(listing.starts_at_ms if listing else None),
        "capacity": stands.capacity,
        "sold": stands.sold,
        "soldRatio": stands.sold_ratio,
        "status": stands.status,
    }
