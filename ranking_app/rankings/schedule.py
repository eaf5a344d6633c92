"""A schedule: one show with its sales and what the catalogue says of it."""

from dataclasses import dataclass

from ranking_app.rankings.curve import Curve
from schemas.catalogue import Listing


@dataclass(slots=True, eq=False)
class Schedule:
    """One schedule: what sold, and its newest record in the catalogue; None while there is none."""

    id: str
    curve: Curve
    listing: Listing | None = None
