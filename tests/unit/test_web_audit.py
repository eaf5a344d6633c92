"""`GET /v1/schedules/{id}/audit`: every number of a schedule leads to the source offsets that it came from."""

import json
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pytest

from ranking_app.clock import ManualClock
from ranking_app.rankings.panes import Pane, encode_pane
from ranking_app.read_model.state import ReadModel, ReadRules
from ranking_app.web import audit
from tables.layout import pane_key
from tests.support.web import FakeReadModel, ask, get_json, refused, second, shown

AUDIT = "/v1/schedules/Show/audit"
TOPICS = ("reservation.completed", "reservation.cancelled", "concert.schedule.created")
NOON_MS = second("12:00:00") * 1000 - 1
RULES = ReadRules(TOPICS, 3, "wall", ZoneInfo("UTC"), 60_000, 60_000, 65_536, 300_000)

Cells = Mapping[str, tuple[int, int, int]]


class Shop(ReadModel):
    """The real read model, loaded, at noon."""

    def __init__(self) -> None:
        super().__init__(RULES, ManualClock(NOON_MS))
        self.loaded = True

    def pane(self, source: tuple[int, int], applied: int, first: int | None, cells: Cells) -> None:
        """A pane of Show as it comes from the changelog; the cells by their time of day."""
        seconds = {second(clock): list(numbers) for clock, numbers in cells.items()}
        minute = min(seconds) // 60
        self.apply_change(source[1], pane_key(*source, minute, "Show"), encode_pane(Pane(applied, seconds, first)))


@pytest.fixture
def shop() -> Shop:
    """Show sold 4 and 1 at 11:57, took 1 back at 11:58, and sold 2 more at 11:58 on another partition."""
    made = Shop()
    made.pane((0, 2), 109, 100, {"11:57:30": (4, 0, 400), "11:57:59": (1, 0, 100)})
    made.pane((1, 0), 7, None, {"11:58:10": (0, 1, -100)})
    made.pane((0, 0), 31, 31, {"11:58:10": (2, 0, 200)})
    return made


def row(topic: str, partition: int, clock: str, offsets: tuple[int | None, int], numbers: tuple[int, int, int]):
    return {
        "topic": topic, "partition": partition, "minute": shown(clock),
        "firstOffset": offsets[0], "lastOffset": offsets[1],
        "completed": numbers[0], "cancelled": numbers[1], "amount": numbers[2],
    }  # fmt: skip


async def test_an_audit_names_every_pane_of_the_range_and_sums_them_up(shop):
    found = await get_json(shop, AUDIT)
    assert found.pop("completeness")["partitions"]
    assert found == {
        "concertScheduleId": "Show", "from": shown("11:57:30"), "to": shown("12:00:00"),
        "totals": {"completed": 7, "cancelled": 1, "quantity": 6, "amount": 600},
        "sources": [
            {"topic": TOPICS[0], "partition": 0, "panes": 1, "firstOffset": 31, "lastOffset": 31,
             "completed": 2, "cancelled": 0, "amount": 200},
            {"topic": TOPICS[0], "partition": 2, "panes": 1, "firstOffset": 100, "lastOffset": 109,
             "completed": 5, "cancelled": 0, "amount": 500},
            {"topic": TOPICS[1], "partition": 0, "panes": 1, "firstOffset": None, "lastOffset": 7,
             "completed": 0, "cancelled": 1, "amount": -100},
        ],
        "panes": [
            row(TOPICS[0], 2, "11:57:00", (100, 109), (5, 0, 500)),
            row(TOPICS[0], 0, "11:58:00", (31, 31), (2, 0, 200)),
            row(TOPICS[1], 0, "11:58:00", (None, 7), (0, 1, -100)),
        ],
    }  # fmt: skip


async def test_its_totals_are_those_of_the_schedule(shop):
    schedule, found = await get_json(shop, "/v1/schedules/Show"), await get_json(shop, AUDIT)
    assert found["totals"] == {
        "completed": schedule["completed"],
        "cancelled": schedule["cancelled"],
        "quantity": schedule["sold"],
        "amount": schedule["amount"],
    }


async def test_of_a_pane_that_the_range_cuts_only_what_is_inside_counts_its_offsets_are_of_all_of_it(shop):
    found = await get_json(shop, f"{AUDIT}?from=2026-06-14T11:57:59Z&to=2026-06-14T11:58:10Z")
    assert found["panes"] == [row(TOPICS[0], 2, "11:57:00", (100, 109), (1, 0, 100))]
    assert found["totals"] == {"completed": 1, "cancelled": 0, "quantity": 1, "amount": 100}
    assert shop.live_as_of_s() == second("12:00:00")


async def test_a_pane_without_anything_inside_the_range_is_not_listed(shop):
    found = await get_json(shop, f"{AUDIT}?from=2026-06-14T11:57:00Z&to=2026-06-14T11:57:30Z")
    assert (found["panes"], found["sources"]) == ([], [])
    assert found["totals"]["completed"] == 0


async def test_a_pane_that_was_written_again_is_listed_as_it_is_now(shop):
    shop.pane((0, 0), 40, 31, {"11:58:10": (2, 0, 200), "11:58:40": (3, 0, 300)})
    assert (await get_json(shop, AUDIT))["panes"][1] == row(TOPICS[0], 0, "11:58:00", (31, 40), (5, 0, 500))


async def test_a_cancellation_before_the_first_sale_is_in_the_default_range(shop):
    shop.pane((1, 1), 3, 3, {"11:40:00": (0, 2, -200)})
    found = await get_json(shop, AUDIT)
    assert found["from"] == shown("11:40:00")
    assert found["totals"]["quantity"] == 4


async def test_one_source_with_a_pane_of_unknown_first_offset_has_none_itself(shop):
    shop.pane((0, 0), 12, None, {"11:50:00": (1, 0, 1)})
    source = (await get_json(shop, AUDIT))["sources"][0]
    assert (source["panes"], source["firstOffset"], source["lastOffset"]) == (2, None, 31)


async def test_a_schedule_without_sales_has_an_empty_audit(shop):
    model = FakeReadModel().list("New", 10)
    found = await get_json(model, "/v1/schedules/New/audit")
    assert (found["from"], found["to"], found["panes"]) == (shown("12:00:00"), shown("12:00:00"), [])
    assert found["totals"] == {"completed": 0, "cancelled": 0, "quantity": 0, "amount": 0}


async def test_sums_of_any_size_are_exact(shop):
    shop.pane((0, 1), 5, 5, {"11:59:00": (1, 0, 2**70)})
    exact = json.loads((await ask(shop, AUDIT)).body)
    assert exact["totals"]["amount"] == exact["sources"][1]["amount"] + 600 == 2**70 + 600


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("from=noon", "from"),
        ("to=noon", "to"),
        ("from=2026-06-14T11:00:00Z&to=2026-06-14T11:00:00Z", "to"),
        ("from=2026-06-14T12:00:00Z", "to"),
        ("to=2026-06-14T11:57:30Z", "to"),
    ],
)
async def test_a_range_that_cannot_be_is_a_400_naming_it(shop, query, parameter):
    status, problem = await refused(shop, f"{AUDIT}?{query}")
    assert (status, problem["parameter"]) == (400, parameter)


async def test_more_panes_than_an_answer_holds_are_a_400_naming_to(shop, monkeypatch):
    monkeypatch.setattr(audit, "MAX_PANES", 3)
    assert len((await get_json(shop, AUDIT))["panes"]) == 3
    shop.pane((0, 1), 5, 5, {"11:59:00": (1, 0, 1)})
    status, problem = await refused(shop, AUDIT)
    assert (status, problem["parameter"]) == (400, "to")
    assert "at most 3 panes" in problem["detail"]
    assert len((await get_json(shop, f"{AUDIT}?to=2026-06-14T11:59:00Z"))["panes"]) == 3


async def test_all_of_time_is_audited_too(shop):
    found = await get_json(shop, f"{AUDIT}?from=0001-01-01&to=9999-12-31")
    assert found["totals"]["quantity"] == 6


async def test_the_audit_of_an_unknown_id_is_a_404_and_before_the_first_load_there_is_none(shop):
    assert (await refused(shop, "/v1/schedules/Nobody/audit"))[0] == 404
    shop.loaded = False
    assert (await refused(shop, AUDIT))[0] == 503
