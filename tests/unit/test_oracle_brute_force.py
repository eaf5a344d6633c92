"""The oracle's cumulative sums against the contract's own words: every number a sum over all events."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.oracle import Oracle
from tests.support.oracle_builders import DONE, LIST, NOON_S, RULES, column, envelope, listing, on
from tests.support.oracle_events import Record, Sale
from tests.support.oracle_history import time_s

SALES = st.lists(
    st.builds(
        Sale,
        schedule=st.sampled_from("abc"),
        at_ms=st.integers(NOON_S * 1000, NOON_S * 1000 + 20_000),
        quantity=st.integers(1, 3),
        amount=st.integers(0, 3),
        cancelled=st.booleans(),
    ),
    max_size=40,
)


def signed(sales: list[Sale], what: str) -> int:
    return sum(-getattr(sale, what) if sale.cancelled else getattr(sale, what) for sale in sales)


def brute_force_board(
    sales: list[Sale], window_s: int | None, as_of_s: int, by: str, ties: str
) -> list[tuple[int, str, int, int, int]]:
    """(rank, id, score, cancelled, sold), each number a sum over all events, as the contract says it."""
    known = [sale for sale in sales if sale.at_ms < as_of_s * 1000]
    rows = []
    for name in {sale.schedule for sale in known}:
        mine = [sale for sale in known if sale.schedule == name]
        inside = [s for s in mine if window_s is None or s.at_ms >= (as_of_s - window_s) * 1000]
        score = signed(inside, by)
        if score > 0:
            last_s = max(sale.at_ms // 1000 for sale in inside if not sale.cancelled)
            freed = sum(sale.quantity for sale in inside if sale.cancelled)
            rows.append((-score, last_s, name, score, freed, signed(mine, "quantity")))
    rows.sort()
    scores = [row[3] for row in rows]
    ranks = {
        "standard": [1 + sum(other > score for other in scores) for score in scores],
        "dense": [1 + len({other for other in scores if other > score}) for score in scores],
        "ordinal": [1 + place for place in range(len(scores))],
    }[ties]
    return [(rank, *row[2:]) for rank, row in zip(ranks, rows, strict=True)]


@given(
    SALES,
    st.one_of(st.none(), st.integers(1, 21)),
    st.integers(NOON_S - 1, NOON_S + 22),
    st.sampled_from(["quantity", "amount"]),
    st.sampled_from(["standard", "dense", "ordinal"]),
)
def test_boards_agree_with_brute_force(
    sales: list[Sale], window_s: int | None, as_of_s: int, by: str, ties: str
) -> None:
    board = Oracle(as_records(sales), RULES).sales_board(window_s, as_of_s, by, ties)
    shown = column(board, "rank", "concertScheduleId", "score", "cancelled", "sold")
    assert shown == brute_force_board(sales, window_s, as_of_s, by, ties)


@given(SALES, st.integers(1, 6), st.integers(NOON_S - 1, NOON_S + 22))
def test_milestones_and_status_agree_with_brute_force(sales: list[Sale], capacity: int, as_of_s: int) -> None:
    mine = [sale for sale in sales if sale.schedule == "a"]
    records = [*as_records(mine), *on(LIST, listing("a", capacity))]
    details = Oracle(records, RULES).schedule("a", as_of_s)
    assert details is not None
    for milestone in details["milestones"]:
        reached = None
        for second in range(NOON_S, as_of_s):  # every second whose end is not after asOf
            sold_at_its_end = signed([s for s in mine if s.at_ms < (second + 1) * 1000], "quantity")
            if reached is None and sold_at_its_end >= milestone["threshold"] * capacity - 1e-9:
                reached = second
        assert milestone["reachedAt"] == time_s(reached)
    sold = signed([s for s in mine if s.at_ms < as_of_s * 1000], "quantity")
    full = "reopened" if details["soldOutAt"] else "selling"
    assert details["sold"] == sold and details["status"] == ("soldOut" if sold >= capacity else full)


@given(SALES, st.randoms(use_true_random=False))
def test_order_and_partition_change_no_board(sales: list[Sale], random: Any) -> None:
    shuffled = random.sample(sales, len(sales))
    boards = [Oracle(as_records(some), RULES).sales_board(None, NOON_S + 30) for some in (sales, shuffled)]
    assert boards[0] == boards[1]


def as_records(sales: list[Sale]) -> list[Record]:
    """Round robin over three partitions, one unique id each."""
    return [
        Record(
            DONE,
            number % 3,
            number // 3,
            envelope(
                sale.schedule,
                sale.at_ms / 1000,
                eventId=number,
                eventType="reservation.cancelled" if sale.cancelled else "reservation.completed",
                quantity=sale.quantity,
                amount=sale.amount,
            ),
        )
        for number, sale in enumerate(sales)
    ]
