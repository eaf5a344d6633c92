"""The boards: schedules sorted by what sold in a window, or by how fast they sold out; and their pages."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from ranking_app.rankings.curve import By, Curve
from ranking_app.rankings.status import Status, sell_out_seconds, standing
from ranking_app.rankings.ties import Ties, ranks
from ranking_app.rankings.windows import Window, window_before
from schemas.catalogue import Listing

SellOutStatus = Literal["soldOut", "any"]

HOUR_S = 3_600
DAY_S = 86_400


@dataclass(slots=True, eq=False)
class Schedule:
    """One schedule: what sold, and its newest record in the catalogue; None while there is none."""

    id: str
    curve: Curve
    listing: Listing | None = None


_Row = tuple[int, int, str, Schedule]
"""(what the board is sorted by, second that orders equals, id, schedule); ids differ: sorting ends there."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """All of a board in its order, for every page and tie mode.

    It refers to the schedules: once one of them has changed, its pages no longer belong together.
    """

    board: Literal["sales", "sell-out"]
    window: Window
    keys: list[int]
    """Ascending: sellOutSeconds, or minus the score of a sales board."""
    schedules: list[Schedule]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a board, as the contract has it; times are seconds since the epoch."""

    rank: int
    concert_schedule_id: str
    title: str | None
    score: int
    sold: int
    cancelled: int
    quantity: int
    amount: int
    capacity: int | None
    sold_ratio: float | None
    status: Status
    sold_out_at_s: int | None
    sell_out_seconds: int | None


@dataclass(frozen=True, slots=True)
class Ranks:
    """Where one schedule is on the boards, with standard ties; None: not on it. Sales are by quantity."""

    sales_1h: int | None
    sales_24h: int | None
    sales_all: int | None
    sell_out: int | None


def sales_board(schedules: Iterable[Schedule], window: Window, by: By) -> Ranked:
    """Schedules by their net quantity or net amount in the window, highest first, only those above 0.

    Equals: by the second of their last completed sale inside the window, then by id in code point order.
    """
    rows: list[_Row] = []
    for schedule in schedules:
        scored = schedule.curve.score(window, by)
        if scored is not None:
            score, last_completed_s = scored
            rows.append((-score, last_completed_s, schedule.id, schedule))
    return _ranked("sales", window, rows)


def sell_out_board(schedules: Iterable[Schedule], window: Window, status: SellOutStatus) -> Ranked:
    """Schedules that first sold out inside the window, fastest first; equals by soldOutAt, then by id.

    status soldOut: only those still sold out at the window's end; any: also those that have reopened.
    """
    rows: list[_Row] = []
    for schedule in schedules:
        sold_out = _sold_out(schedule, window, status)
        if sold_out is not None:
            rows.append((*sold_out, schedule.id, schedule))
    return _ranked("sell-out", window, rows)


def page(ranked: Ranked, ties: Ties, offset: int, limit: int) -> list[Entry]:
    """The entries at positions [offset, offset + limit), as far as the board goes."""
    places = range(offset, min(offset + limit, len(ranked)))
    found = ranks(ranked.keys, ties, offset, limit)
    return [_entry(ranked, place, rank) for place, rank in zip(places, found, strict=True)]


def ranks_of(schedules: Collection[Schedule], schedule: Schedule, as_of_s: int) -> Ranks:
    """The ranks at as_of_s of one of the schedules. Counts who is ahead instead of sorting."""

    def sales(length_s: int | None) -> int | None:
        window = window_before(as_of_s, length_s)
        score = schedule.curve.quantity(window)
        return 1 + sum(other.curve.quantity(window) > score for other in schedules) if score > 0 else None

    return Ranks(sales(HOUR_S), sales(DAY_S), sales(None), _sell_out_rank(schedules, schedule, as_of_s))


def _sell_out_rank(schedules: Collection[Schedule], schedule: Schedule, as_of_s: int) -> int | None:
    window = Window(None, as_of_s)
    own = _sold_out(schedule, window, "soldOut")
    if own is None:
        return None
    others = (_sold_out(other, window, "soldOut") for other in schedules)
    return 1 + sum(other is not None and other[0] < own[0] for other in others)


def _sold_out(schedule: Schedule, window: Window, status: SellOutStatus) -> tuple[int, int] | None:
    """(sellOutSeconds, soldOutAt) of a schedule that belongs on the sell-out board of a window."""
    listing, curve = schedule.listing, schedule.curve
    if listing is None:
        return None
    at_s = curve.first_second_sold(listing.capacity, window.end_s)
    if at_s is None or at_s not in window:
        return None
    if status == "soldOut" and curve.sold_before(window.end_s) < listing.capacity:
        return None
    return sell_out_seconds(curve, listing, at_s), at_s


def _ranked(board: Literal["sales", "sell-out"], window: Window, rows: list[_Row]) -> Ranked:
    rows.sort()
    return Ranked(board, window, [row[0] for row in rows], [row[3] for row in rows])


def _entry(ranked: Ranked, place: int, rank: int) -> Entry:
    sales = ranked.board == "sales"
    schedule, key = ranked.schedules[place], ranked.keys[place]
    stands = standing(schedule.curve, schedule.listing, ranked.window.end_s)
    totals = schedule.curve.totals(ranked.window if sales else Window(None, ranked.window.end_s))
    return Entry(
        rank=rank,
        concert_schedule_id=schedule.id,
        title=None if schedule.listing is None else schedule.listing.title,
        score=-key if sales else key,
        sold=stands.sold,
        cancelled=totals.cancelled,
        quantity=totals.quantity,
        amount=totals.amount,
        capacity=stands.capacity,
        sold_ratio=stands.sold_ratio,
        status=stands.status,
        sold_out_at_s=stands.sold_out_at_s,
        sell_out_seconds=stands.sell_out_seconds,
    )
