"""`GET /v1/schedules/{id}/sales`, line by line of the contract."""

import pytest

from tests.support.web import FakeReadModel, get_json, refused, second, shown

SALES = "/v1/schedules/Show/sales"


@pytest.fixture
def shop():
    """It is noon. Show sold 4 at 11:57:30, lost 1 at 11:58:10, sold 2 at 11:59:59."""
    model = FakeReadModel().sell("Show", "11:57:30", 4, 400).sell("Show", "11:58:10", -1, 100)
    return model.sell("Show", "11:59:59", 2, 200)


async def test_a_curve_runs_from_the_first_sale_down_to_a_whole_step_to_the_live_as_of(shop):
    curve = await get_json(shop, SALES)
    completeness = curve.pop("completeness")
    assert completeness["complete"] is True
    assert curve == {
        "concertScheduleId": "Show", "from": shown("11:57:00"), "to": shown("12:00:00"), "stepSeconds": 60,
        "points": [
            {"start": shown("11:57:00"), "quantity": 4, "amount": 400, "cancelled": 0, "sold": 4},
            {"start": shown("11:58:00"), "quantity": -1, "amount": -100, "cancelled": 1, "sold": 3},
            {"start": shown("11:59:00"), "quantity": 2, "amount": 200, "cancelled": 0, "sold": 5},
        ],
    }  # fmt: skip


async def test_a_curve_has_the_fields_of_the_contract_in_its_order(shop):
    curve = await get_json(shop, SALES)
    assert list(curve) == ["concertScheduleId", "from", "to", "stepSeconds", "points", "completeness"]
    assert list(curve["points"][0]) == ["start", "quantity", "amount", "cancelled", "sold"]


async def test_steps_start_at_from_as_given_and_the_last_may_be_short(shop):
    curve = await get_json(shop, f"{SALES}?from=2026-06-14T11:57:31Z&to=2026-06-14T11:59:00Z&step=50s")
    assert [(p["start"], p["quantity"], p["sold"]) for p in curve["points"]] == [
        (shown("11:57:31"), -1, 3),
        (shown("11:58:21"), 0, 3),
    ]
    assert (curve["from"], curve["to"]) == (shown("11:57:31"), shown("11:59:00"))


async def test_every_step_has_a_point_also_an_empty_one(shop):
    curve = await get_json(shop, f"{SALES}?from=2026-06-14T11:00:00Z&to=2026-06-14T11:57:00Z")
    assert len(curve["points"]) == 57
    assert {(p["quantity"], p["amount"], p["cancelled"], p["sold"]) for p in curve["points"]} == {(0, 0, 0, 0)}


async def test_to_is_not_in_the_curve_and_completeness_is_of_it(shop):
    curve = await get_json(shop, f"{SALES}?to=2026-06-14T11:59:59Z")
    assert curve["points"][-1]["quantity"] == 0
    assert shop.asked_ends_s == [second("11:59:59")]


async def test_sold_counts_what_was_before_from(shop):
    curve = await get_json(shop, f"{SALES}?from=2026-06-14T11:59:00Z")
    assert [p["sold"] for p in curve["points"]] == [5]


@pytest.mark.parametrize(
    ("step", "starts"), [("1h", "11:00:00"), ("PT2H", "10:00:00"), ("1d", "00:00:00"), ("25s", "11:57:30")]
)
async def test_a_step_is_any_length_of_time(shop, step, starts):
    assert (await get_json(shop, f"{SALES}?step={step}"))["points"][0]["start"] == shown(starts)


@pytest.mark.parametrize("step", ["all", "0s", "60", "-1m", "P1M", "x"])
async def test_any_other_step_is_a_400_naming_it(shop, step):
    status, problem = await refused(shop, f"{SALES}?step={step}")
    assert (status, problem["parameter"]) == (400, "step")


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-06-14T11:00:00Z&to=2026-06-14T11:00:00Z",
        "from=2026-06-14T11:00:01Z&to=2026-06-14T11:00:00Z",
        "from=2026-06-14T12:00:00Z",  # to is now
        "to=2026-06-14T11:57:00Z",  # from is the first sale
    ],
)
async def test_a_from_that_is_not_before_to_is_a_400_naming_to(shop, query):
    status, problem = await refused(shop, f"{SALES}?{query}")
    assert (status, problem["parameter"]) == (400, "to")


async def test_ten_thousand_points_are_answered_and_one_more_is_a_400_naming_step(shop):
    until = "to=2026-06-14T12:00:00Z&step=1s"
    assert len((await get_json(shop, f"{SALES}?from=2026-06-14T09:13:20Z&{until}"))["points"]) == 10_000
    status, problem = await refused(shop, f"{SALES}?from=2026-06-14T09:13:19Z&{until}")
    assert (status, problem["parameter"]) == (400, "step")
    assert "10,001" in problem["detail"]


async def test_all_of_time_by_the_second_is_refused_at_once(shop):
    status, problem = await refused(shop, f"{SALES}?from=0001-01-01&to=9999-12-31&step=1s")
    assert (status, problem["parameter"]) == (400, "step")


@pytest.mark.parametrize("name", ["from", "to"])
async def test_a_wrong_time_is_a_400_naming_it(shop, name):
    status, problem = await refused(shop, f"{SALES}?{name}=noon")
    assert (status, problem["parameter"]) == (400, name)


async def test_fractions_of_from_and_to_are_rounded_up(shop):
    curve = await get_json(shop, f"{SALES}?from=2026-06-14T11:57:29.5Z&to=2026-06-14T11:57:30.001Z")
    assert (curve["from"], curve["to"]) == (shown("11:57:30"), shown("11:57:31"))
    assert [p["quantity"] for p in curve["points"]] == [4]


async def test_without_a_sale_and_without_a_range_there_are_no_points(shop):
    curve = await get_json(shop.list("New", 10), "/v1/schedules/New/sales")
    assert (curve["from"], curve["to"], curve["points"]) == (shown("12:00:00"), shown("12:00:00"), [])


async def test_with_the_first_sale_ahead_of_the_clock_there_are_no_points_yet(shop):
    curve = await get_json(shop.sell("Early", "12:03:00"), "/v1/schedules/Early/sales")
    assert curve["points"] == []


async def test_a_range_of_a_schedule_without_sales_has_its_points(shop):
    shop.list("New", 10)
    curve = await get_json(shop, "/v1/schedules/New/sales?from=2026-06-14T11:00:00Z&to=2026-06-14T11:02:00Z")
    assert [p["sold"] for p in curve["points"]] == [0, 0]


async def test_the_curve_of_an_unknown_id_is_a_404(shop):
    assert (await refused(shop, "/v1/schedules/Nobody/sales"))[0] == 404
