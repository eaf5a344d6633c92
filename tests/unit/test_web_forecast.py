"""`forecast` of `GET /v1/schedules/{id}`."""

import pytest

from tests.support.web import FakeReadModel, get_json, second, shown
from tests.unit.test_web_openapi import check


@pytest.fixture
def shop():
    """It is noon. Show has 36 seats and sold one in the last second of each minute since 11:40, 20 in all."""
    model = FakeReadModel().list("Show", 36, sale_opens_at_ms=second("11:30:00") * 1000)
    for minute in range(40, 60):
        model.sell("Show", f"11:{minute}:59")
    return model


async def test_it_is_when_the_last_seat_goes_at_this_rate_and_a_range(shop):
    # The last 16 took 16 minutes, as many are left. A factor of 1.6487: 9:43 to 26:23, in the seconds they end in.
    assert (await get_json(shop, "/v1/schedules/Show"))["forecast"] == {
        "soldOutAt": shown("12:15:59"),
        "earliest": shown("12:09:42"),
        "latest": shown("12:26:22"),
        "confidence": 0.8,
        "model": "recent-rate",
    }


async def test_it_stands_behind_the_ranks(shop):
    assert list(await get_json(shop, "/v1/schedules/Show"))[-3:] == ["ranks", "forecast", "completeness"]


async def test_it_is_of_what_was_sold_before_as_of(shop):
    before = await get_json(shop, "/v1/schedules/Show?asOf=2026-06-14T11:57:00Z")
    shop.sell("Show", "11:57:00", 9)
    assert before["forecast"] is not None
    assert (await get_json(shop, "/v1/schedules/Show?asOf=2026-06-14T11:57:00Z"))["forecast"] == before["forecast"]


async def test_it_is_null_once_sold_out(shop):
    shop.sell("Show", "11:59:58", 16)
    schedule = await get_json(shop, "/v1/schedules/Show")
    assert (schedule["status"], schedule["forecast"]) == ("soldOut", None)


async def test_it_is_null_without_a_capacity_and_where_too_little_was_sold(shop):
    shop.sell("Unlisted", "11:50:00", 50)
    assert (await get_json(shop, "/v1/schedules/Unlisted"))["forecast"] is None
    assert (await get_json(shop, "/v1/schedules/Show?asOf=2026-06-14T11:45:00Z"))["forecast"] is None


async def test_it_is_as_described(shop):
    document = await get_json(shop, "/openapi.json")
    schema = document["paths"]["/v1/schedules/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer = await get_json(shop, "/v1/schedules/Show")
    assert answer["forecast"]
    check(document, schema, answer)


@pytest.mark.parametrize("as_of", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
async def test_the_ends_of_time_have_an_answer(shop, as_of):
    assert (await get_json(shop, f"/v1/schedules/Show?asOf={as_of}"))["forecast"] is None
