"""`GET /v1/rankings/sell-out`, line by line of the contract."""

import pytest

from tests.support.web import FakeReadModel, get_json, refused, second, shown

SELL_OUT = "/v1/rankings/sell-out"


def ids(board):
    return [entry["concertScheduleId"] for entry in board["entries"]]


@pytest.fixture
def shop():
    """Noon; all opened at 11:00. Fast sold out in 10 s, Slow in 20 min; Again reopened; Half never did."""
    model = FakeReadModel()
    for schedule_id in ("Fast", "Slow", "Again", "Half"):
        model.list(schedule_id, 10, title=schedule_id.upper(), sale_opens_at_ms=second("11:00:00") * 1000)
    model.sell("Fast", "11:00:10", 11, 110).sell("Fast", "11:50:00", -1, 10)
    model.sell("Slow", "11:00:05", 9, 90).sell("Slow", "11:20:00", 1, 10)
    model.sell("Again", "11:00:30", 10, 100).sell("Again", "11:30:00", -3, 30)
    return model.sell("Half", "11:00:01", 5, 50)


async def test_it_ranks_by_sell_out_seconds_ascending_over_all_time_by_default(shop):
    board = await get_json(shop, SELL_OUT)
    assert board["window"] == {"start": None, "end": shown("12:00:00"), "seconds": None}
    assert [(e["rank"], e["concertScheduleId"], e["score"], e["sellOutSeconds"]) for e in board["entries"]] == [
        (1, "Fast", 10, 10),
        (2, "Slow", 1200, 1200),
    ]
    assert board["total"] == 2


async def test_it_has_no_by_and_otherwise_the_fields_of_a_sales_board(shop):
    board = await get_json(shop, SELL_OUT)
    assert list(board)[:7] == ["board", "ties", "window", "asOf", "completeness", "total", "entries"]
    assert board["board"] == "sell-out"


async def test_an_entry_shows_everything_before_as_of(shop):
    entry = (await get_json(shop, f"{SELL_OUT}?limit=1&window=1h"))["entries"][0]
    assert entry.items() >= {
        "rank": 1, "concertScheduleId": "Fast", "title": "FAST", "score": 10, "sold": 10, "cancelled": 1,
        "quantity": 10, "amount": 100, "capacity": 10, "soldRatio": 1.0, "status": "soldOut",
        "soldOutAt": shown("11:00:10"), "sellOutSeconds": 10,
    }.items()  # fmt: skip


async def test_reopened_ones_are_kept_with_status_any_only(shop):
    assert ids(await get_json(shop, f"{SELL_OUT}?status=soldOut")) == ["Fast", "Slow"]
    board = await get_json(shop, f"{SELL_OUT}?status=any")
    assert ids(board) == ["Fast", "Again", "Slow"]
    assert [entry["status"] for entry in board["entries"]] == ["soldOut", "reopened", "soldOut"]


async def test_only_those_sold_out_inside_the_window_are_on_it(shop):
    assert ids(await get_json(shop, f"{SELL_OUT}?window=41m")) == ["Slow"]
    assert ids(await get_json(shop, f"{SELL_OUT}?asOf=2026-06-14T11:20:00Z&status=any")) == ["Fast", "Again"]


async def test_one_that_reopened_later_was_still_sold_out_then(shop):
    assert ids(await get_json(shop, f"{SELL_OUT}?asOf=2026-06-14T11:30:00Z")) == ["Fast", "Again", "Slow"]


async def test_pages_and_ties_work_as_on_the_sales_board(shop):
    shop.list("Also", 1, sale_opens_at_ms=second("11:00:00") * 1000).sell("Also", "11:00:10")
    board = await get_json(shop, f"{SELL_OUT}?ties=dense&offset=1&limit=2")
    assert [(e["rank"], e["concertScheduleId"]) for e in board["entries"]] == [(1, "Fast"), (2, "Slow")]
    assert (board["ties"], board["total"]) == ("dense", 3)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("status=selling", "status"),
        ("window=0s", "window"),
        ("asOf=soon", "asOf"),
        ("limit=0", "limit"),
        ("offset=-1", "offset"),
        ("ties=x", "ties"),
    ],
)
async def test_a_wrong_parameter_is_a_400_naming_it(shop, query, parameter):
    status, problem = await refused(shop, f"{SELL_OUT}?{query}")
    assert (status, problem["parameter"]) == (400, parameter)
