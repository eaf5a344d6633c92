"""Whole answers of the oracle of the end-to-end tests against examples worked out by hand."""

import pytest

from tests.support.oracle import ranked
from tests.support.oracle_builders import (
    DONE,
    GONE,
    LIST,
    NOON_S,
    cancelled,
    column,
    envelope,
    listing,
    on,
    oracle,
)
from tests.support.oracle_history import time_s


def test_a_window_is_half_open() -> None:  # [12:00:00 ---- 12:00:10)
    found = oracle(on(DONE, *(envelope("A", NOON_S + at) for at in (-0.001, 0, 9.999, 10))))
    entry = found.sales_board(10, NOON_S + 10)["entries"][0]
    assert (entry["score"], entry["sold"]) == (2, 3)


def test_a_sales_board_by_hand() -> None:
    found = oracle(
        on(
            DONE,
            envelope("A", NOON_S, quantity=4, amount=10),
            envelope("A", NOON_S + 5, quantity=2, amount=5),
        ),
        on(GONE, cancelled("A", NOON_S + 6, quantity=3, amount=8), cancelled("C", NOON_S + 6)),
        on(DONE, envelope("B", NOON_S + 5, quantity=1, amount=100), partition=2),
        on(LIST, listing("A", 4, title="Show")),
    )
    assert found.sales_board(5, NOON_S + 7) == {
        "board": "sales",
        "by": "quantity",
        "ties": "standard",
        "window": {"start": "2026-06-14T12:00:02Z", "end": "2026-06-14T12:00:07Z", "seconds": 5},
        "asOf": "2026-06-14T12:00:07Z",
        "total": 1,  # A has 2 - 3 = -1 in this window, C only a cancellation: not on the board
        "entries": [
            {
                "rank": 1,
                "concertScheduleId": "B",
                "title": None,
                "score": 1,
                "sold": 1,
                "cancelled": 0,
                "quantity": 1,
                "amount": 100,
                "capacity": None,
                "soldRatio": None,
                "status": "selling",
                "soldOutAt": None,
                "sellOutSeconds": None,
            }
        ],
    }
    everything = found.sales_board(None, NOON_S + 7, by="amount", ties="dense")
    assert everything["window"] == {"start": None, "end": "2026-06-14T12:00:07Z", "seconds": None}
    assert column(everything, "rank", "concertScheduleId", "score") == [(1, "B", 100), (2, "A", 7)]
    assert everything["entries"][1] == {
        "rank": 2,
        "concertScheduleId": "A",
        "title": "Show",
        "score": 7,
        "sold": 3,
        "cancelled": 3,
        "quantity": 3,
        "amount": 7,
        "capacity": 4,
        "soldRatio": 0.75,
        "status": "reopened",
        "soldOutAt": "2026-06-14T12:00:00Z",
        "sellOutSeconds": 0,
    }


@pytest.mark.parametrize(
    ("ties", "ranks"), [("standard", [1, 2, 2, 4]), ("dense", [1, 2, 2, 3]), ("ordinal", [1, 2, 3, 4])]
)
def test_ties(ties: str, ranks: list[int]) -> None:
    assert [entry["rank"] for entry in ranked([{"score": score} for score in (9, 5, 5, 1)], ties)] == ranks


def test_equal_scores_go_by_the_last_completed_sale_in_the_window_then_by_id() -> None:
    found = oracle(
        on(DONE, envelope("c", NOON_S + 1.9), envelope("b", NOON_S + 1.1), envelope("a", NOON_S + 2)),
        on(DONE, envelope("B", NOON_S + 1, quantity=2), envelope("a", NOON_S + 9), partition=1),
        on(GONE, cancelled("B", NOON_S + 3)),  # a cancellation does not move its last completed sale
    )
    assert column(found.sales_board(5, NOON_S + 5), "concertScheduleId") == ["B", "b", "c", "a"]


def test_the_sell_out_board_by_hand() -> None:
    opens = time_s(NOON_S)
    found = oracle(
        on(
            LIST,
            listing("fast", 2, saleOpensAt=opens),
            listing("presale", 1, saleOpensAt=opens),
            listing("unknown-opening", 2),
            listing("reopened", 2, saleOpensAt=opens),
            listing("selling", 9, saleOpensAt=opens),
        ),
        on(
            DONE,
            envelope("fast", NOON_S + 1, amount=3),
            envelope("fast", NOON_S + 4, quantity=2, amount=4),
            envelope("presale", NOON_S - 10),
            envelope("unknown-opening", NOON_S + 10),
            envelope("unknown-opening", NOON_S + 14),
            envelope("reopened", NOON_S + 3, quantity=2),
            envelope("selling", NOON_S, quantity=8),
        ),
        on(GONE, cancelled("reopened", NOON_S + 20)),
    )
    board = found.sell_out_board(None, NOON_S + 60)
    assert column(board, "rank", "concertScheduleId", "score") == [
        (1, "presale", -10),
        (2, "fast", 4),
        (2, "unknown-opening", 4),
    ]
    assert (board["board"], board["total"], "by" in board) == ("sell-out", 3, False)
    of_everything = column(board, "sold", "quantity", "amount", "cancelled", "soldRatio")[1]
    assert of_everything == (3, 3, 7, 0, 1.5)
    any_status = found.sell_out_board(None, NOON_S + 60, status="any", ties="ordinal")
    assert column(any_status, "rank", "concertScheduleId", "status")[1] == (2, "reopened", "reopened")
    inside = found.sell_out_board(46, NOON_S + 60)  # [12:00:14, 12:01): the edge second is in
    assert column(inside, "concertScheduleId") == ["unknown-opening"]
    assert found.sell_out_board(None, NOON_S + 4)["total"] == 2  # at asOf 12:00:04 the second :04 is not over


def test_a_cancellation_in_the_same_second_takes_a_milestone_away() -> None:
    records = [
        on(LIST, listing("A", 2)),
        on(DONE, envelope("A", NOON_S + 0.1, quantity=2), envelope("A", NOON_S + 7)),
        on(GONE, cancelled("A", NOON_S + 0.9)),
    ]
    details = oracle(*records).schedule("A", NOON_S + 60)
    assert details is not None and details["soldOutAt"] == "2026-06-14T12:00:07Z"


def test_the_details_of_a_schedule_by_hand() -> None:
    found = oracle(
        on(LIST, listing("A", 10, venue="V", startsAt="2026-07-01"), listing("quiet", 1)),
        on(
            DONE,
            envelope("A", NOON_S, quantity=3, amount=30),
            envelope("A", NOON_S + 9, quantity=6, amount=60),
        ),
        on(GONE, cancelled("A", NOON_S + 12, quantity=1, amount=10)),
    )
    assert found.schedule("A", NOON_S + 13) == {
        "concertScheduleId": "A",
        "asOf": "2026-06-14T12:00:13Z",
        "title": None,
        "venue": "V",
        "region": None,
        "genre": None,
        "saleOpensAt": None,
        "startsAt": "2026-07-01T00:00:00Z",
        "sold": 8,
        "completed": 9,
        "cancelled": 1,
        "amount": 80,
        "capacity": 10,
        "soldRatio": 0.8,
        "status": "selling",
        "soldOutAt": None,
        "sellOutSeconds": None,
        "firstSaleAt": "2026-06-14T12:00:00Z",
        "lastSaleAt": "2026-06-14T12:00:09Z",
        "milestones": [
            {"threshold": 0.1, "reachedAt": "2026-06-14T12:00:00Z"},
            {"threshold": 0.25, "reachedAt": "2026-06-14T12:00:00Z"},
            {"threshold": 0.5, "reachedAt": "2026-06-14T12:00:09Z"},
            {"threshold": 0.8, "reachedAt": "2026-06-14T12:00:09Z"},
            {"threshold": 0.9, "reachedAt": "2026-06-14T12:00:09Z"},
            {"threshold": 0.95, "reachedAt": None},
            {"threshold": 1.0, "reachedAt": None},
        ],
    }
    assert found.ranks("A", NOON_S + 13) == {"sales": {"1h": 1, "24h": 1, "all": 1}, "sellOut": None}
    quiet = found.schedule("quiet", NOON_S)
    assert quiet is not None and (quiet["sold"], quiet["firstSaleAt"]) == (0, None)
    assert found.schedule("nobody", NOON_S) is None


@pytest.mark.parametrize(("sold", "capacity", "ratio"), [(1, 3, 0.3333), (2, 3, 0.6666), (-1, 3, -0.3334), (3, 2, 1.5)])
def test_a_sold_ratio_is_rounded_down(sold: int, capacity: int, ratio: float) -> None:
    sale = envelope("A", NOON_S, quantity=sold) if sold > 0 else cancelled("A", NOON_S, quantity=-sold)
    details = oracle(on(DONE, sale), on(LIST, listing("A", capacity))).schedule("A", NOON_S + 1)
    assert details is not None and details["soldRatio"] == ratio


def test_a_curve_by_hand() -> None:
    found = oracle(
        on(DONE, envelope("A", NOON_S + 7, amount=5), envelope("A", NOON_S + 31, quantity=2)),
        on(GONE, cancelled("A", NOON_S + 31, amount=1)),
    )
    curve = found.curve("A", None, NOON_S + 35, 10)
    assert [tuple(point.values()) for point in curve.pop("points")] == [
        ("2026-06-14T12:00:00Z", 1, 5, 0, 1),
        ("2026-06-14T12:00:10Z", 0, 0, 0, 1),
        ("2026-06-14T12:00:20Z", 0, 0, 0, 1),
        ("2026-06-14T12:00:30Z", 1, -1, 1, 2),
    ]
    assert curve == {
        "concertScheduleId": "A",
        "from": "2026-06-14T12:00:00Z",
        "to": "2026-06-14T12:00:35Z",
        "stepSeconds": 10,
    }


def test_partitions_of_the_completeness_block() -> None:
    found = oracle(on(DONE, envelope("A", NOON_S + 0.25), b"bad", partition=1), on(LIST, listing("A", 5)))
    assert found.partitions()[1] == {
        "topic": DONE, "partition": 1, "offset": 2, "lag": 0, "watermark": "2026-06-14T12:00:00.250Z",
    }  # fmt: skip
    assert found.partitions()[-1] == {"topic": LIST, "partition": 0, "offset": 1, "lag": 0, "watermark": None}
    assert [part["offset"] for part in found.partitions()] == [0, 2, 0, 0, 0, 0, 1]
    assert found.live_as_of_s() == NOON_S + 1
