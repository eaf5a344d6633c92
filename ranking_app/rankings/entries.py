"""The lines of a board: what is shown of each schedule on a page, and around one of them."""

from dataclasses import dataclass

from ranking_app.rankings.boards.board import Detail, Ranked
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.status import Status, standing
from ranking_app.rankings.ties import Ties, ranks


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a board, as the contract has it; times are seconds since the epoch.

    share_percent: of all scores of the board, rounded down to 2 decimals; None where they do not add up to a whole.
    """

    rank: int
    schedule: Schedule
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
    share_percent: float | None
    detail: Detail | None


def page(ranked: Ranked, ties: Ties, offset: int, limit: int, explain: bool = False) -> list[Entry]:
    """The entries at positions [offset, offset + limit), as far as the board goes."""
    found = ranks(ranked.keys, ties, offset, limit)
    shares = shares_percent(ranked, offset, limit)
    places = range(offset, min(offset + limit, len(ranked)))
    return [
        _entry(ranked, place, rank, share, explain) for place, rank, share in zip(places, found, shares, strict=True)
    ]


def first_around(length: int, place: int, span: int) -> tuple[int, int]:
    """(offset, limit) of the page with span entries on each side of a place, as far as a board of `length` goes.

    >>> first_around(10, 1, 3)
    (0, 5)
    """
    first = max(place - span, 0)
    return first, min(place + span + 1, length) - first


def shares_percent(ranked: Ranked, offset: int, limit: int) -> list[float | None]:
    """Each entry's share in the sum of all scores, rounded down to 2 decimals."""
    rows = ranked.rows[offset : offset + limit]
    if not ranked.board.shares:
        return [None] * len(rows)
    whole = ranked.sum_of_keys
    return [row[0] * 10_000 // whole / 100 for row in rows]


def _entry(ranked: Ranked, place: int, rank: int, share: float | None, explain: bool) -> Entry:
    board, as_of_s = ranked.board, ranked.as_of_s
    key, _, _, schedule = ranked.rows[place]
    stands = standing(schedule.curve, schedule.listing, as_of_s)
    totals = schedule.curve.totals(board.totals_window(as_of_s))
    return Entry(
        rank=rank,
        schedule=schedule,
        score=board.score(key),
        sold=stands.sold,
        cancelled=totals.cancelled,
        quantity=totals.quantity,
        amount=totals.amount,
        capacity=stands.capacity,
        sold_ratio=stands.sold_ratio,
        status=stands.status,
        sold_out_at_s=stands.sold_out_at_s,
        sell_out_seconds=stands.sell_out_seconds,
        share_percent=share,
        detail=board.detail(schedule, as_of_s, explain),
    )
