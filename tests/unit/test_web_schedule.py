"""`GET /v1/schedules/{id}`, line by line of the contract."""

from urllib.parse import quote

import pytest

from tests.support.web import FakeReadModel, get_json, refused, second, shown


@pytest.fixture
def shop():
    """It is noon. Show has 10 seats, 6 of them sold net; Rival sells more in the last hour."""
    model = FakeReadModel().list(
        "Show",
        10,
        title="The Show",
        venue="Hall",
        region="Seoul",
        genre="rock",
        sale_opens_at_ms=second("09:00:00") * 1000,
        starts_at_ms=second("20:00:00") * 1000 + 500,
    )
    model.sell("Show", "09:00:07", 5, 500).sell("Show", "11:30:00", 2, 200).sell("Show", "11:40:00", -1, 100)
    return model.sell("Rival", "11:50:00", 3, 3)


async def test_a_schedule_has_the_fields_of_the_contract_in_its_order(shop):
    schedule = await get_json(shop, "/v1/schedules/Show")
    assert list(schedule) == [
        "concertScheduleId", "asOf", "title", "venue", "region", "genre", "saleOpensAt", "startsAt", "sold",
        "completed", "cancelled", "amount", "capacity", "soldRatio", "status", "soldOutAt", "sellOutSeconds",
        "firstSaleAt", "lastSaleAt", "milestones", "ranks", "forecast", "completeness",
    ]  # fmt: skip
    assert list(schedule["ranks"]) == ["sales", "sellOut"]
    assert list(schedule["ranks"]["sales"]) == ["1h", "24h", "all"]


async def test_everything_of_one_schedule_at_the_live_as_of(shop):
    schedule = await get_json(shop, "/v1/schedules/Show")
    del schedule["completeness"]
    reached = {0.1: "09:00:07", 0.25: "09:00:07", 0.5: "09:00:07"}
    assert schedule == {
        "concertScheduleId": "Show", "asOf": shown("12:00:00"), "title": "The Show", "venue": "Hall",
        "region": "Seoul", "genre": "rock", "saleOpensAt": shown("09:00:00"), "startsAt": shown("20:00:00"),
        "sold": 6, "completed": 7, "cancelled": 1, "amount": 600, "capacity": 10, "soldRatio": 0.6,
        "status": "selling", "soldOutAt": None, "sellOutSeconds": None, "firstSaleAt": shown("09:00:07"),
        "lastSaleAt": shown("11:30:00"),
        "milestones": [
            {"threshold": threshold, "reachedAt": shown(reached[threshold]) if threshold in reached else None}
            for threshold in (0.1, 0.25, 0.5, 0.8, 0.9, 0.95, 1.0)
        ],
        "ranks": {"sales": {"1h": 2, "24h": 1, "all": 1}, "sellOut": None}, "forecast": None,
    }  # fmt: skip


async def test_all_of_it_is_of_before_as_of(shop):
    schedule = await get_json(shop, "/v1/schedules/Show?asOf=2026-06-14T11:30:00Z")
    assert (schedule["asOf"], schedule["sold"], schedule["lastSaleAt"]) == (
        shown("11:30:00"),
        5,
        shown("09:00:07"),
    )
    assert schedule["ranks"]["sales"] == {"1h": None, "24h": 1, "all": 1}
    assert shop.asked_ends_s == [second("11:30:00")]


async def test_a_sold_out_one_has_a_rank_among_the_fastest(shop):
    shop.sell("Show", "11:59:00", 4, 400)
    schedule = await get_json(shop, "/v1/schedules/Show")
    assert (schedule["status"], schedule["soldOutAt"]) == ("soldOut", shown("11:59:00"))
    assert (schedule["sellOutSeconds"], schedule["ranks"]["sellOut"]) == (10_740, 1)
    assert schedule["milestones"][-1] == {"threshold": 1.0, "reachedAt": shown("11:59:00")}


async def test_without_a_capacity_there_are_no_milestones_and_its_fields_are_null(shop):
    schedule = await get_json(shop, "/v1/schedules/Rival")
    assert schedule["milestones"] == []
    unknown = (
        "title",
        "venue",
        "region",
        "genre",
        "saleOpensAt",
        "startsAt",
        "capacity",
        "soldRatio",
        "soldOutAt",
    )
    assert {schedule[name] for name in unknown} == {None}
    assert schedule["status"] == "selling"


async def test_one_of_the_catalogue_alone_is_found_with_nothing_sold(shop):
    schedule = await get_json(shop.list("Later", 5), "/v1/schedules/Later")
    assert (schedule["sold"], schedule["soldRatio"], schedule["firstSaleAt"]) == (0, 0.0, None)
    assert [m["reachedAt"] for m in schedule["milestones"]] == [None] * 7
    assert schedule["ranks"] == {"sales": {"1h": None, "24h": None, "all": None}, "sellOut": None}


async def test_one_whose_sales_are_all_after_as_of_is_found(shop):
    schedule = await get_json(shop, "/v1/schedules/Rival?asOf=20200101")
    assert (schedule["sold"], schedule["firstSaleAt"]) == (0, None)


async def test_an_id_in_neither_events_nor_catalogue_is_a_404(shop):
    status, problem = await refused(shop, "/v1/schedules/Nobody")
    assert (status, problem["title"]) == (404, "Unknown schedule")
    assert "Nobody" in problem["detail"]


STRANGE_IDS = [
    "a/b", "/", "//", "ü", "%", "%2F", "%25", "+", "a b", " ", "?", "#", "&=;", "a/sales", "sales", "../..",
    "{id}", "\\", "'\"<>", "\u0000", "\n", "공연", "🎵" * 200, "é", "e\u0301", "x" * 200, "5",
]  # fmt: skip


@pytest.mark.parametrize("strange", STRANGE_IDS)
async def test_ids_are_percent_encoded_and_any_id_works(strange):
    model = FakeReadModel().sell(strange, "11:00:00", 3).sell("decoy", "11:00:00", 1)
    path = f"/v1/schedules/{quote(strange, safe='')}"
    assert (await get_json(model, path))["concertScheduleId"] == strange
    assert (await get_json(model, f"{path}/sales"))["concertScheduleId"] == strange
    fully = "".join(f"%{byte:02x}" for byte in strange.encode())
    assert (await get_json(model, f"/v1/schedules/{fully}"))["concertScheduleId"] == strange


@pytest.mark.parametrize("path", ["%FF", "%2FF", "%C3", "x" * 201, "%E2%82%AC" * 201])
async def test_what_cannot_be_an_id_is_a_404(shop, path):
    shop.sell("%FF", "11:00:00")
    assert (await refused(shop, f"/v1/schedules/{path}"))[0] == 404


async def test_an_id_is_decoded_once(shop):
    shop.sell("a%2Fb", "11:00:00")
    assert (await refused(shop, "/v1/schedules/a%2Fb"))[0] == 404
    assert (await get_json(shop, "/v1/schedules/a%252Fb"))["concertScheduleId"] == "a%2Fb"


async def test_a_wrong_as_of_is_a_400_naming_it_also_for_an_unknown_id(shop):
    for path in ("Show", "Nobody"):
        status, problem = await refused(shop, f"/v1/schedules/{path}?asOf=now")
        assert (status, problem["parameter"]) == (400, "asOf")
