"""`GET /v1/search`."""

from urllib.parse import quote

import pytest

from tests.support.web import FakeReadModel, get_json, refused, second, shown


@pytest.fixture
def shop():
    """It is noon. Two shows with rock in them, and one that is not listed."""
    model = FakeReadModel().list(
        "Night", 10, title="Rock Night", venue="홀", region="Seoul", genre="rock",
        starts_at_ms=second("20:00:00") * 1000 + 500,
    )  # fmt: skip
    model.list("Hall", 4, title="Strings", venue="Rock Hall").sell("Hall", "11:00:00", 4).sell("Rock", "11:00:00", 9)
    return model.sell("Night", "11:30:00", 3).sell("Night", "12:00:00", 5)


async def test_what_is_found_stands_as_before_the_live_as_of(shop):
    answer = await get_json(shop, "/v1/search?q=rock")
    assert list(answer) == ["q", "total", "schedules", "completeness"]
    assert (answer["q"], answer["total"]) == ("rock", 2)
    assert answer["schedules"] == [
        {
            "concertScheduleId": "Night", "title": "Rock Night", "venue": "홀", "region": "Seoul", "genre": "rock",
            "startsAt": shown("20:00:00"), "capacity": 10, "sold": 3, "soldRatio": 0.3, "status": "selling",
        },
        {
            "concertScheduleId": "Hall", "title": "Strings", "venue": "Rock Hall", "region": None, "genre": None,
            "startsAt": None, "capacity": 4, "sold": 4, "soldRatio": 1.0, "status": "soldOut",
        },
    ]  # fmt: skip
    assert shop.asked_ends_s == [second("12:00:00")]


async def test_words_in_any_script_are_percent_encoded(shop):
    answer = await get_json(shop, f"/v1/search?q={quote('ROCK 홀')}")
    assert (answer["q"], [found["concertScheduleId"] for found in answer["schedules"]]) == ("ROCK 홀", ["Night"])


async def test_nothing_found_is_an_answer(shop):
    answer = await get_json(shop, "/v1/search?q=opera")
    assert (answer["total"], answer["schedules"]) == (0, [])


async def test_a_limit_shows_fewer_and_the_total_is_of_all(shop):
    answer = await get_json(shop, "/v1/search?q=rock&limit=1")
    assert (answer["total"], len(answer["schedules"])) == (2, 1)


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20%09", f"?q={'x' * 101}", "?q=a&q=b"])
async def test_q_is_a_word_of_1_to_100_characters_given_once(shop, query):
    status, problem = await refused(shop, f"/v1/search{query}")
    assert (status, problem["parameter"]) == (400, "q")


async def test_100_characters_of_any_script_are_searched_for(shop):
    assert (await get_json(shop, f"/v1/search?q={quote('홀' * 100)}"))["total"] == 0


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5"])
async def test_the_limit_is_from_1_to_100(shop, limit):
    status, problem = await refused(shop, f"/v1/search?q=rock&limit={limit}")
    assert (status, problem["parameter"]) == (400, "limit")


async def test_before_the_first_load_nothing_is_searched(shop):
    shop.loaded = False
    assert (await refused(shop, "/v1/search?q=rock"))[0] == 503
