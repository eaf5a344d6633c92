"""Reading boards: slices, cursors, around, several at once, permalinks, ETag, gzip."""

import gzip
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import pytest

from ranking_app.rankings.boards.kinds import KINDS
from tests.support.web import FakeReadModel, ask, get_json, refused, second, shown

SALES = "/v1/rankings/sales"


@pytest.fixture
def shop():
    model = FakeReadModel()
    for number, (genre, region) in enumerate([("dj", "Seoul"), ("rock", "Seoul"), ("dj", "Busan"), ("dj", "Seoul")]):
        name = "ABCD"[number]
        model.list(name, 100 * 10**number, title=f"Show {name}", genre=genre, region=region, venue=f"Hall {name}",
                   starts_at_ms=second(f"2026-07-0{number + 1}T09:00:00") * 1000)  # fmt: skip
        model.sell(name, "11:30:00", number + 1)
    return model.sell("E", "11:30:00", 9)


def ids(board):
    return [entry["concertScheduleId"] for entry in board["entries"]]


def ranks(board):
    return [(entry["rank"], entry["concertScheduleId"]) for entry in board["entries"]]


# --- slices ---


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("genre=dj", "DCA"), ("region=Seoul", "DBA"), ("venue=Hall+B", "B"), ("capacityClass=club", "A"),
        ("capacityClass=unknown", "E"), ("capacityClass=stadium", "D"), ("genre=dj&region=Seoul", "DA"),
        ("genre=dj&region=Seoul&capacityClass=club", "A"), ("genre=jazz", ""), ("genre=DJ", ""),
        ("showFrom=2026-07-02T09:00:00Z", "DCB"), ("showTo=2026-07-02T09:00:00Z", "A"),
        ("showFrom=20260702&showTo=20260704", "CB"),
    ],
)  # fmt: skip
async def test_ranks_are_inside_the_slice(shop, query, expected):
    board = await get_json(shop, f"{SALES}?{query}")
    assert ranks(board) == list(enumerate(expected, start=1))
    assert board["total"] == len(expected)


async def test_every_board_can_be_sliced(shop):
    for name in KINDS:
        board = await get_json(shop, f"/v1/rankings/{name}?region=Seoul&capacityClass=club&window=1h")
        assert set(ids(board)) <= {"A"}
        assert board["slice"] == {
            "genre": None, "region": "Seoul", "venue": None, "capacityClass": "club", "showFrom": None, "showTo": None
        }  # fmt: skip


async def test_the_values_of_slices_are_listed_with_counts_most_frequent_first(shop):
    found = await get_json(shop, "/v1/slices")
    assert found["genre"] == [{"value": "dj", "schedules": 3}, {"value": "rock", "schedules": 1}]
    assert found["region"] == [{"value": "Seoul", "schedules": 3}, {"value": "Busan", "schedules": 1}]
    assert found["capacityClass"][0] == {"value": "arena", "schedules": 1}
    assert found["shows"] == {"first": "2026-07-01T09:00:00Z", "last": "2026-07-04T09:00:00Z"}


async def test_a_range_of_shows_that_ends_before_it_begins_is_refused(shop):
    status, problem = await refused(shop, f"{SALES}?showFrom=20260702&showTo=20260702")
    assert (status, problem["parameter"]) == (400, "showTo")


# --- cursors ---


async def pages(shop, path, between=lambda: None):
    found, url = [], path
    while url:
        board = await get_json(shop, url)
        found += ids(board)
        between()
        url = board["links"]["next"]
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
async def test_the_links_lead_through_the_whole_board(shop, limit):
    assert "".join(await pages(shop, f"{SALES}?limit={limit}")) == "EDCBA"


async def test_a_page_begins_behind_the_one_before_whatever_was_sold_meanwhile(shop):
    late = iter(["N1", "N2", "N3", "N4", "N5"])
    found = await pages(shop, f"{SALES}?limit=2", between=lambda: shop.sell(next(late), "11:31:00", 50))
    assert found == list("EDCBA"), "each once: what came late is ahead of the cursor"


async def test_all_pages_are_of_the_instant_of_the_first(shop):
    board = await get_json(shop, f"{SALES}?limit=2")
    shop.live_s += 3600
    second_page = await get_json(shop, f"{SALES}?limit=2&cursor={board['nextCursor']}")
    assert (second_page["asOf"], ids(second_page)) == (board["asOf"], ["C", "B"])


async def test_a_cursor_belongs_to_its_question(shop):
    cursor = (await get_json(shop, f"{SALES}?limit=2"))["nextCursor"]
    for other in ("/v1/rankings/sales?by=amount&", "/v1/rankings/sales?genre=dj&", "/v1/rankings/hot?"):
        status, problem = await refused(shop, f"{other}cursor={cursor}")
        assert (status, problem["parameter"]) == (400, "cursor")


def tampered(cursor):
    raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    yield "x"
    yield "%00%ff"
    yield cursor[:-3]
    yield cursor + "AA"
    for place in range(0, len(raw), 3):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        yield urlsafe_b64encode(changed).decode().rstrip("=")
    broken: list[Any] = [[10**30, -4, 0, "D"], [0, "x", 0, "D"], [1.5, 0, 0, ""], [], {}, None, [True, 1, 1, "D"]]
    for values in broken:
        yield urlsafe_b64encode(b"12345678" + json.dumps(values).encode()).decode().rstrip("=")


async def test_a_cursor_that_was_tampered_with_is_refused(shop):
    cursor = (await get_json(shop, f"{SALES}?limit=2"))["nextCursor"]
    for text in tampered(cursor):
        status, problem = await refused(shop, f"{SALES}?limit=2&cursor={text}")
        assert (status, problem["parameter"]) == (400, "cursor"), text


# --- around ---


async def test_the_entries_around_a_schedule_are_those_of_the_board(shop):
    board = await get_json(shop, f"{SALES}/around/C?span=1")
    assert ranks(board) == [(2, "D"), (3, "C"), (4, "B")]
    assert board["total"] == 5
    assert ranks(await get_json(shop, f"{SALES}/around/C?span=1&genre=dj")) == [(1, "D"), (2, "C"), (3, "A")]
    assert ranks(await get_json(shop, f"{SALES}/around/E?span=0")) == [(1, "E")]


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        (f"{SALES}/around/Nobody", "unknown-schedule"),
        (f"{SALES}/around/C?genre=rock", "not-on-board"),
        (f"{SALES}/around/C?window=1m", "not-on-board"),
        ("/v1/rankings/best/around/C", "unknown-board"),
        ("/v1/rankings/best", "unknown-board"),
    ],
)
async def test_what_is_not_there_is_a_404_that_says_what(shop, path, slug):
    status, problem = await refused(shop, path)
    assert (status, problem["type"]) == (404, f"/docs#{slug}")


# --- several at once, permalinks ---


async def test_several_boards_are_of_the_same_instant_each_with_its_own_parameters(shop):
    answer = await get_json(
        shop, "/v1/rankings?boards=sales;window=1m,sales;by=amount,hot;blend=2h:100&limit=2&genre=dj"
    )
    assert [board["key"] for board in answer["boards"]] == ["sales;window=1m", "sales;by=amount", "hot;blend=2h:100"]
    assert [len(board["entries"]) for board in answer["boards"]] == [0, 0, 2]
    assert {board["asOf"] for board in answer["boards"]} == {answer["asOf"]}
    assert {board["slice"]["genre"] for board in answer["boards"]} == {"dj"}
    one = await get_json(shop, f"{SALES}?window=1m&limit=2&genre=dj")
    assert {**answer["boards"][0], "completeness": 0, "key": 0} == {**one, "completeness": 0, "key": 0}


@pytest.mark.parametrize(
    "boards", ["", "best", "sales;window", "sales;window=x", "sales;asOf=20260101", "sales;boards=hot", "a," * 11,
               ",".join(f"sales;window={n}s" for n in range(1, 12))],
)  # fmt: skip
async def test_boards_that_make_no_sense_are_refused(shop, boards):
    status, problem = await refused(shop, f"/v1/rankings?boards={quote(boards)}")
    assert status == 400
    assert problem["parameter"] in {"boards", "window"}


@pytest.mark.parametrize(
    "path",
    [f"/v1/rankings/{name}?limit=3&offset=1" for name in KINDS]
    + ["/v1/rankings/hot?blend=5m:30,2h:70&explain=true&ties=dense&compare=10m",
       f"{SALES}?window=PT90M&by=amount&venue=Hall%20C&showFrom=20260101&showTo=20270101&capacityClass=hall"],
)  # fmt: skip
async def test_a_permalink_gives_the_same_answer_for_ever(shop, path):
    live = await get_json(shop, path)
    shop.live_s += 86_400 * 400
    shop.sell("F", "2026-12-01T10:00:00", 99)
    again = await get_json(shop, live["links"]["permalink"])
    assert again == live


async def test_a_board_says_what_it_compares_with(shop):
    board = await get_json(shop, f"{SALES}?window=2h")
    assert board["compare"] == {"asOf": shown("10:00:00"), "seconds": 7200}
    assert board["history"] == {"issues": 24, "since": "2026-06-12T12:00:00Z"}
    assert (await get_json(shop, f"{SALES}?window=7d"))["compare"]["seconds"] == 86_400
    assert (await get_json(shop, f"{SALES}?window=all"))["compare"]["seconds"] == 86_400
    assert (await get_json(shop, "/v1/rankings/hot"))["compare"]["seconds"] == 3600
    shop.sell("A", "11:20:00", 90)
    moved = await get_json(shop, f"{SALES}?compare=30m")
    first = moved["entries"][0]
    assert [first[name] for name in ("concertScheduleId", "previousRank", "movement", "peakAt", "streak")] == [
        "A", 1, "same", shown("11:30:00"), 2
    ]  # fmt: skip


async def test_movement_can_be_left_out(shop):
    full, plain = await get_json(shop, SALES), await get_json(shop, f"{SALES}?movement=false")
    moves = ("previousRank", "movement", "peakRank", "peakAt", "streak", "secondsAtTop")
    assert all(entry[name] is None for entry in plain["entries"] for name in moves)
    for entry in (*full["entries"], *plain["entries"]):
        for name in moves:
            del entry[name]
    assert plain["entries"] == full["entries"]
    again = await get_json(shop, (await get_json(shop, f"{SALES}?movement=false"))["links"]["permalink"])
    assert again["entries"][0]["movement"] is None


@pytest.mark.parametrize("value", ["0s", "367d", "all", "x", "-1h"])
async def test_a_comparison_out_of_range_is_refused(shop, value):
    status, problem = await refused(shop, f"{SALES}?compare={value}")
    assert (status, problem["parameter"]) == (400, "compare")


@pytest.mark.parametrize("as_of", ["0001-01-01", "0001-01-02", "9999-12-31T23:59:59Z", "1970-01-01"])
async def test_every_board_has_an_answer_at_the_ends_of_time(shop, as_of):
    for name in KINDS:
        answer = await ask(shop, f"/v1/rankings/{name}?asOf={as_of}&compare=366d")
        assert answer.status in (200, 400), answer.body
        if answer.status == 400:
            assert answer.json["parameter"] == "window"
            assert (await ask(shop, f"/v1/rankings/{name}?asOf={as_of}&window=all")).status == (
                400 if name in {"trending", "hot"} else 200
            )


# --- ETag, 304, gzip, CORS ---


async def test_an_answer_that_did_not_change_is_not_sent_again(shop):
    first = await ask(shop, SALES)
    etag = first.headers["ETag"]
    again = await ask(shop, SALES, headers={"If-None-Match": etag})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    for header in ("*", f'"x", {etag}', etag.removeprefix("W/")):
        assert (await ask(shop, SALES, headers={"If-None-Match": header})).status == 304
    for header in ('"x"', "garbage", "", 'W/"'):
        assert (await ask(shop, SALES, headers={"If-None-Match": header})).status == 200
    shop.sell("A", "11:31:00", 1)
    assert (await ask(shop, SALES, headers={"If-None-Match": etag})).status == 200


async def test_offsets_that_move_on_do_not_make_an_answer_another_one(shop):
    etag = (await ask(shop, SALES)).headers["ETag"]
    shop.with_state(late=5, duplicates=7)
    assert (await ask(shop, SALES, headers={"If-None-Match": etag})).status == 304
    shop.with_state(complete=False)
    assert (await ask(shop, SALES, headers={"If-None-Match": etag})).status == 200


async def test_only_a_final_answer_of_a_fixed_instant_may_be_kept(shop):
    fixed = f"{SALES}?asOf=2026-06-14T11:45:00Z"
    assert (await ask(shop, fixed)).headers["Cache-Control"] == "no-cache"
    shop.with_state(final=True)
    assert (await ask(shop, fixed)).headers["Cache-Control"] == "public, max-age=60"
    assert (await ask(shop, SALES)).headers["Cache-Control"] == "no-cache"


async def test_large_answers_are_compressed_for_those_who_take_it(shop):
    plain = await ask(shop, SALES, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    zipped = await ask(shop, SALES, headers={"Accept-Encoding": "br, gzip"}, auto_decompress=False)
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) * 3 < len(plain.body)
    assert plain.headers["Vary"] == zipped.headers["Vary"] == "Accept-Encoding"
    small = await ask(shop, f"{SALES}?window=1s&limit=1", headers={"Accept-Encoding": "gzip"})
    assert small.json["entries"] == []
