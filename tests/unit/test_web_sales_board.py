"""`GET /v1/rankings/sales`, line by line of the contract."""

import pytest

from ranking_app.read_model.sources import PartitionState
from tests.support.web import FakeReadModel, get_json, refused, second, shown

SALES = "/v1/rankings/sales"


def ids(board):
    return [entry["concertScheduleId"] for entry in board["entries"]]


def ranked(board):
    return [(entry["rank"], entry["concertScheduleId"], entry["score"]) for entry in board["entries"]]


@pytest.fixture
def shop():
    """It is noon. A sold most today, B most in the last hour, C brings in most money."""
    model = FakeReadModel()
    model.sell("A", "09:00:00", 9, 900).sell("A", "11:30:00", 1, 100)
    model.sell("B", "11:10:00", 5, 500).sell("B", "11:20:00", -1, 100)
    return model.sell("C", "11:40:00", 2, 5_000)


async def test_a_board_has_the_fields_of_the_contract_in_its_order(shop):
    board = await get_json(shop, SALES)
    assert list(board)[:8] == ["board", "by", "ties", "window", "asOf", "completeness", "total", "entries"]
    assert list(board["window"]) == ["start", "end", "seconds"]
    assert list(board["completeness"]) == [
        "complete",
        "final",
        "late",
        "duplicates",
        "deadLetters",
        "partitions",
        "generation",
    ]
    assert list(board["completeness"]["partitions"][0]) == [
        "topic",
        "partition",
        "offset",
        "lag",
        "watermark",
    ]
    assert list(board["entries"][0])[:13] == [
        "rank", "concertScheduleId", "title", "score", "sold", "cancelled", "quantity", "amount", "capacity",
        "soldRatio", "status", "soldOutAt", "sellOutSeconds",
    ]  # fmt: skip


async def test_by_default_it_is_the_last_hour_by_quantity_ten_entries_with_standard_ties(shop):
    for number in range(10):
        shop.sell(f"more-{number}", "11:59:00")
    board = await get_json(shop, SALES)
    assert (board["board"], board["by"], board["ties"]) == ("sales", "quantity", "standard")
    assert board["window"] == {"start": shown("11:00:00"), "end": shown("12:00:00"), "seconds": 3600}
    assert (board["total"], len(board["entries"])) == (13, 10)
    assert ranked(board)[:4] == [(1, "B", 4), (2, "C", 2), (3, "A", 1), (3, "more-0", 1)]


async def test_a_parameter_given_empty_is_an_absent_one(shop):
    empty = await get_json(shop, f"{SALES}?window=&by=&asOf=&limit=&offset=&ties=")
    assert empty == await get_json(shop, SALES)


async def test_quantity_amount_and_cancelled_are_of_the_window_and_sold_is_of_everything_before(shop):
    shop.sell("B", "08:00:00", 7, 700).sell("B", "08:10:00", -2, 200)
    entry = (await get_json(shop, f"{SALES}?limit=1"))["entries"][0]
    assert entry.items() >= {
        "rank": 1, "concertScheduleId": "B", "title": None, "score": 4, "sold": 9, "cancelled": 1,
        "quantity": 4, "amount": 400, "capacity": None, "soldRatio": None, "status": "selling",
        "soldOutAt": None, "sellOutSeconds": None,
    }.items()  # fmt: skip


async def test_what_the_catalogue_knows_is_shown(shop):
    shop.list("B", 4, title="B-sides", sale_opens_at_ms=second("11:00:00") * 1000)
    entry = (await get_json(shop, f"{SALES}?limit=1"))["entries"][0]
    assert entry["title"] == "B-sides"
    assert (entry["capacity"], entry["soldRatio"], entry["status"]) == (4, 1.0, "soldOut")
    assert (entry["soldOutAt"], entry["sellOutSeconds"]) == (shown("11:10:00"), 600)


async def test_by_amount_the_score_is_the_net_amount(shop):
    board = await get_json(shop, f"{SALES}?by=amount&window=all")
    assert ranked(board) == [(1, "C", 5_000), (2, "A", 1_000), (3, "B", 400)]
    assert board["by"] == "amount"


async def test_window_all_has_no_start_and_no_seconds(shop):
    board = await get_json(shop, f"{SALES}?window=all")
    assert board["window"] == {"start": None, "end": shown("12:00:00"), "seconds": None}
    assert ranked(board)[0] == (1, "A", 10)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("90s", 90),
        ("5m", 300),
        ("1h", 3600),
        ("7d", 604_800),
        ("PT1H30M", 5400),
        ("P1DT1S", 86_401),
    ],
)
async def test_a_window_is_a_whole_number_with_a_unit_or_an_iso_8601_duration(shop, text, seconds):
    assert (await get_json(shop, f"{SALES}?window={text}"))["window"]["seconds"] == seconds


@pytest.mark.parametrize(
    "text", ["0s", "0", "60", "-5m", "1.5h", "5M", "1w", "P1M", "P1Y", "PT0.5S", "forever", "ALL", "%00"]
)
async def test_any_other_window_is_a_400_naming_it(shop, text):
    status, problem = await refused(shop, f"{SALES}?window={text}")
    assert (status, problem["parameter"]) == (400, "window")


async def test_a_window_that_starts_before_any_date_can_be_written_is_a_400_naming_it(shop):
    status, problem = await refused(shop, f"{SALES}?window=999999d")
    assert (status, problem["parameter"]) == (400, "window")
    assert "ask for all" in problem["detail"]


async def test_a_sale_at_exactly_as_of_is_not_in_the_window_and_one_at_its_start_is(shop):
    assert ids(await get_json(shop, f"{SALES}?window=10m&asOf=2026-06-14T11:40:00Z")) == ["A"]
    assert ids(await get_json(shop, f"{SALES}?window=10m&asOf=2026-06-14T11:40:01Z")) == ["C"]


async def test_a_live_board_ends_at_the_clock_of_the_read_model(shop):
    shop.live_s = second("11:20:01")
    board = await get_json(shop, f"{SALES}?window=1m")
    assert board["asOf"] == board["window"]["end"] == shown("11:20:01")


async def test_as_of_may_be_in_the_future(shop):
    board = await get_json(shop, f"{SALES}?asOf=2036-01-01T00:00:00Z&window=all")
    assert (board["asOf"], board["total"]) == ("2036-01-01T00:00:00Z", 3)


@pytest.mark.parametrize(
    ("text", "as_of"),
    [
        ("2026-06-14T11:40:00.001Z", "2026-06-14T11:40:01Z"),  # a fraction is rounded up
        ("2026-06-14T11:40:00.000Z", "2026-06-14T11:40:00Z"),
        ("2026-06-14T20:40:00%2B09:00", "2026-06-14T11:40:00Z"),
        ("2026-06-14T20:40:00+09:00", "2026-06-14T11:40:00Z"),  # a plus that nobody encoded
        ("2026-06-14T20:40:00", "2026-06-14T11:40:00Z"),  # no offset: RANKING_TIMEZONE
        ("2026-06-14", "2026-06-13T15:00:00Z"),
        ("20260614", "2026-06-13T15:00:00Z"),
    ],
)
async def test_as_of_is_written_in_iso_8601_or_as_yyyymmdd(shop, text, as_of):
    assert (await get_json(shop, f"{SALES}?asOf={text}", timezone="Asia/Seoul"))["asOf"] == as_of


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-01",
        "20260230",
        "2026-06-14T25:00:00Z",
        "1781434800",
        "9999-12-31T23:59:59.5Z",
        "%FF",
        "0",
        "%F0%9F%8E%B5",
    ],
)
async def test_any_other_as_of_is_a_400_naming_it(shop, text):
    status, problem = await refused(shop, f"{SALES}?asOf={text}")
    assert (status, problem["parameter"]) == (400, "asOf")


@pytest.mark.parametrize(
    ("ties", "ranks"), [("standard", [1, 2, 2, 4]), ("dense", [1, 2, 2, 3]), ("ordinal", [1, 2, 3, 4])]
)
async def test_ties_are_standard_dense_or_ordinal(ties, ranks):
    model = FakeReadModel()
    model.sell("d", "11:01:00", 1).sell("c", "11:03:00", 2).sell("b", "11:02:00", 2).sell("a", "11:04:00", 3)
    board = await get_json(model, f"{SALES}?ties={ties}")
    assert [entry["rank"] for entry in board["entries"]] == ranks
    assert ids(board) == ["a", "b", "c", "d"]  # of the equals, b sold its last one earlier
    assert board["ties"] == ties


async def test_pages_hold_the_same_ranks_as_the_whole_board(shop):
    whole = await get_json(shop, f"{SALES}?window=all&limit=1000")
    pages = [await get_json(shop, f"{SALES}?window=all&limit=1&offset={offset}") for offset in range(4)]
    assert [entry for page in pages for entry in page["entries"]] == whole["entries"]
    assert {page["total"] for page in pages} == {3}


@pytest.mark.parametrize("text", ["0", "1001", "-1", "1.0", "ten", "+5", "1_0", "%D9%A3", "99999999999999999999"])
async def test_a_limit_outside_1_to_1000_is_a_400_naming_it(shop, text):
    status, problem = await refused(shop, f"{SALES}?limit={text}")
    assert (status, problem["parameter"]) == (400, "limit")


async def test_limits_1_and_1000_are_served(shop):
    for limit in (1, 1000):
        await get_json(shop, f"{SALES}?limit={limit}")


@pytest.mark.parametrize("text", ["-1", "1000001", "x"])
async def test_an_offset_below_0_or_above_a_million_is_a_400_naming_it(shop, text):
    status, problem = await refused(shop, f"{SALES}?offset={text}")
    assert (status, problem["parameter"]) == (400, "offset")


@pytest.mark.parametrize(
    ("name", "value"), [("by", "price"), ("by", "Quantity"), ("ties", "fair"), ("ties", "dense%20")]
)
async def test_a_word_that_is_not_a_choice_is_a_400_naming_the_parameter_and_the_choices(shop, name, value):
    status, problem = await refused(shop, f"{SALES}?{name}={value}")
    assert (status, problem["parameter"]) == (400, name)
    assert " or " in problem["detail"]


async def test_completeness_is_that_of_the_end_of_the_window(shop):
    partition = PartitionState("reservation.cancelled", 2, 5, 7, None)
    shop.with_state(complete=False, final=True, late=1, duplicates=2, dead_letters=3, partitions=(partition,))
    board = await get_json(shop, f"{SALES}?asOf=2026-06-14T10:00:00Z")
    assert shop.asked_ends_s == [second("10:00:00")]
    assert board["completeness"] == {
        "complete": False, "final": True, "late": 1, "duplicates": 2, "deadLetters": 3,
        "partitions": [
            {"topic": "reservation.cancelled", "partition": 2, "offset": 5, "lag": 7, "watermark": None}
        ],
        "generation": "base",
    }  # fmt: skip


async def test_times_are_whole_seconds_and_watermarks_milliseconds(shop):
    board = await get_json(shop, SALES)
    assert board["asOf"] == shown("12:00:00")
    assert [p["watermark"] for p in board["completeness"]["partitions"]] == [
        f"{shown('11:59:59')[:-1]}.412Z",
        None,
    ]


async def test_an_amount_beyond_64_bits_is_answered_exactly():
    model = (
        FakeReadModel().sell("A", "11:01:00", 1, 2**63 - 1).sell("A", "11:01:01", 1, 2**63 - 1).sell("ü", "11:02:00")
    )
    answer = await get_json(model, f"{SALES}?by=amount")
    assert answer["entries"][0]["amount"] == answer["entries"][0]["score"] == 2**64 - 2
    model.sell("A", "11:01:02", 1, 2**65)
    body = (await get_json(model, f"{SALES}?window=all"))["entries"]
    assert [entry["concertScheduleId"] for entry in body] == ["A", "ü"]


async def test_an_empty_board_is_a_good_answer():
    board = await get_json(FakeReadModel().list("A", 10), SALES)
    assert (board["total"], board["entries"]) == (0, [])
