"""How one schedule stands at an instant: sold, its share of the capacity, whether and when it sold out."""

from dataclasses import dataclass
from typing import Literal

from ranking_app.rankings.curve import Curve
from schemas.catalogue import Listing

Status = Literal["selling", "soldOut", "reopened"]
"""reopened: was sold out, then a cancellation freed seats."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A schedule at an instant. Without a capacity: selling, and what depends on the capacity is None."""

    sold: int
    capacity: int | None
    sold_ratio: float | None
    status: Status
    sold_out_at_s: int | None
    sell_out_seconds: int | None


def standing(curve: Curve, listing: Listing | None, as_of_s: int) -> Standing:
    """How a schedule stands after everything before as_of_s. listing None: not in the catalogue."""
    sold = curve.sold_before(as_of_s)
    if listing is None:
        return Standing(sold, None, None, "selling", None, None)
    capacity = listing.capacity
    at_s = curve.first_second_sold(capacity, as_of_s)
    return Standing(
        sold=sold,
        capacity=capacity,
        sold_ratio=sold_ratio(sold, capacity),
        status=_status(sold, capacity, at_s),
        sold_out_at_s=at_s,
        sell_out_seconds=None if at_s is None else sell_out_seconds(curve, listing, at_s),
    )


def sold_ratio(sold: int, capacity: int) -> float:
    """sold / capacity, rounded down to 4 decimals, also below zero. In whole numbers: 0.9999 never becomes 1.

    >>> sold_ratio(99_999, 100_000), sold_ratio(97, 100), sold_ratio(-1, 3)
    (0.9999, 0.97, -0.3334)
    """
    return sold * 10_000 // capacity / 10_000


def sell_out_seconds(curve: Curve, listing: Listing, sold_out_at_s: int) -> int:
    """Seconds from the opening of the sale, or without one from the first sale, to being sold out.

    Negative where it sold out before it opened. sold_out_at_s: of this curve.
    """
    if listing.sale_opens_at_ms is not None:
        return sold_out_at_s - listing.sale_opens_at_ms // 1000
    first_s = curve.first_sale_s(sold_out_at_s + 1)
    if first_s is None:
        raise ValueError(f"nothing was sold before {sold_out_at_s} s, so it cannot have been sold out then")
    return sold_out_at_s - first_s


def _status(sold: int, capacity: int, sold_out_at_s: int | None) -> Status:
    if sold >= capacity:
        return "soldOut"
    return "selling" if sold_out_at_s is None else "reopened"
