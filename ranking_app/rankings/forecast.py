"""When a schedule will sell out, from its curve so far: an expected second and an 80 % range.

The model, `recent-rate`. What is left sells as fast as the last tickets did, slowed down (or sped up) as these were.
With n sold of a capacity c before asOf, r = c - n left:

    k = min(max(r, n // 4, 8), n - 1 - n // 50)      look back over as many tickets as are left
    t_j = end of the first second with n - k + k * j // 8 sold, j = 0 … 7;  t_8 = asOf;  span = t_8 - t_0
    y_j = ln((t_(j+1) - t_j) * 8 / span + 1/4)       how long each eighth of the k took; 1/4: it may be none
    b, e, s = slope per eighth of the least squares line through the y_j, standard deviation around it (6
              degrees of freedom), standard error of b
    g = exp(0.7 * b² / (b² + 12 s²) * 8 b)           the slowdown, as far as it is no chance
    remaining = g * span * r / k
    range = remaining * exp(±SPREAD * u),  u = 1 + e + ln(max(1, r / k)) / 2

Steady sales have a narrow range, sales in lumps and a look ahead that is longer than the look back a wide one.
Where its numbers come from, and how often the range holds: `python -m benchmarks.forecast`, docs/benchmarks.md.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, log, sqrt
from typing import NamedTuple

from ranking_app.rankings.curve import Curve
from schemas.catalogue import Listing
from schemas.times import LAST_S

MODEL = "recent-rate"
CONFIDENCE = 0.8
"""Share of sell-outs that are to be inside of the range."""

SPREAD = 0.5
"""Calibrated: 0.502 is the one with which 80 % of the sell-outs of one half of a year of real sales were inside."""

MIN_SOLD = 16
"""Two tickets for each of the eighths that are looked back on."""

MIN_SOLD_SHARE = 10
"""A tenth must be sold: of real sales before that, one in ten sold out 16 times sooner than at the rate so far."""

HORIZON_S = 400 * 86_400
"""What is expected later than this is as good as never: a schedule without sales is forgotten after as long."""

_PARTS = 8
_PLACES = tuple(place - (_PARTS - 1) / 2 for place in range(_PARTS))
_SQUARES = sum(place * place for place in _PLACES)

_TREND_TRUST, _TREND_DOUBT = 0.7, 12.0
"""0.7 and 12 of the formula: over real purchases, most slopes were chance; over on-sales, few."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When it will be sold out: seconds since the epoch, as_of_s <= earliest_s <= expected_s <= latest_s.

    expected_s: as likely earlier as later. The other two: first and last second of the 80 % range.
    """

    expected_s: int
    earliest_s: int
    latest_s: int


class Outlook(NamedTuple):
    """What the model says before it is rounded and made a range: both above 0. uncertainty is u of the formula."""

    remaining_s: float
    uncertainty: float


def forecast(curve: Curve, listing: Listing | None, as_of_s: int) -> Forecast | None:
    """When the schedule will sell out, as far as everything before as_of_s can tell; None: too little to say.

    That is: no listing; before the opening of the sale; sold out, now or before (while nothing could be bought,
    there was no rate); fewer than 16 tickets or a tenth of the capacity sold; all of the last ones in one second,
    or none in the second half of the look back; expected in more than 400 days, or not before the show starts.
    latest_s may lie behind the start: then it may not sell out at all. In O(log n) of the seconds with sales.
    """
    if listing is None or _is_before(as_of_s, listing.sale_opens_at_ms):
        return None
    outlook = outlook_of(curve, listing.capacity, as_of_s)
    if outlook is None or outlook.remaining_s > HORIZON_S:
        return None
    factor = exp(SPREAD * outlook.uncertainty)
    expected_s = _second_after(as_of_s, outlook.remaining_s)
    latest_s = _second_after(as_of_s, outlook.remaining_s * factor)
    if latest_s > LAST_S or not _is_before(expected_s, listing.starts_at_ms, when_unknown=True):
        return None
    return Forecast(expected_s, _second_after(as_of_s, outlook.remaining_s / factor), latest_s)


def outlook_of(curve: Curve, capacity: int, as_of_s: int) -> Outlook | None:
    """The model alone, without looking at the times of the listing; None as in forecast. capacity: 1 or more."""
    sold = curve.sold_before(as_of_s)
    if sold < MIN_SOLD or sold * MIN_SOLD_SHARE < capacity:
        return None
    if curve.first_second_sold(capacity, as_of_s) is not None:
        return None
    left = capacity - sold
    looked_back = min(max(left, sold // 4, _PARTS), sold - 1 - sold // 50)
    ends_s = _ends_s(curve, sold - looked_back, looked_back, as_of_s)
    span_s = as_of_s - ends_s[0]
    if span_s == 0 or 2 * _quiet_s(curve, as_of_s) > span_s:
        return None
    slowdown, irregularity = _trend([end_s - start_s for start_s, end_s in pairwise(ends_s)])
    reach = left / looked_back
    return Outlook(span_s * reach * exp(slowdown), 1 + irregularity + log(max(1.0, reach)) / 2)


def _ends_s(curve: Curve, already_sold: int, looked_back: int, as_of_s: int) -> list[int]:
    """t_0 … t_8: the ends of the seconds in which each eighth of the tickets looked back on was reached."""
    ends_s = []
    for part in range(_PARTS):
        at_s = curve.first_second_sold(already_sold + looked_back * part // _PARTS, as_of_s)
        if at_s is None:
            raise ValueError(f"{already_sold + looked_back} were sold before {as_of_s} s, but fewer were not")
        ends_s.append(at_s + 1)
    return [*ends_s, as_of_s]


def _quiet_s(curve: Curve, as_of_s: int) -> int:
    """Seconds since anything was sold."""
    last_s = curve.last_sale_s(as_of_s)
    return 0 if last_s is None else as_of_s - 1 - last_s


def _trend(lengths_s: list[int]) -> tuple[float, float]:
    """The logarithm of g, and e, of how long the eighths took; not all may be 0."""
    mean_s = sum(lengths_s) / _PARTS
    logs = [log(length_s / mean_s + 0.25) for length_s in lengths_s]
    mean = sum(logs) / _PARTS
    slope = sum(place * value for place, value in zip(_PLACES, logs, strict=True)) / _SQUARES
    squares = sum((value - mean - slope * place) ** 2 for place, value in zip(_PLACES, logs, strict=True))
    variance = squares / (_PARTS - 2)
    doubted = slope * slope + _TREND_DOUBT * variance / _SQUARES
    trusted = _TREND_TRUST * slope * slope / doubted if doubted else 0.0
    return trusted * slope * _PARTS, sqrt(variance)


def _second_after(as_of_s: int, remaining_s: float) -> int:
    """The second in which remaining_s from as_of_s end: the first one at least, as the one before is over."""
    return as_of_s + max(1, ceil(remaining_s)) - 1


def _is_before(at_s: int, instant_ms: int | None, *, when_unknown: bool = False) -> bool:
    return when_unknown if instant_ms is None else at_s * 1000 < instant_ms
