"""Notifications: the contract's envelope, and ids that say what happened."""

import json
from uuid import UUID

import pytest

from ranking_app.rankings.news import MilestoneReached, Reopened, SoldOut
from schemas.notification import (
    RankedBoard,
    entered_top,
    milestone_reached,
    notification_of,
    number_one,
    raised_id,
    rank_id,
    reopened,
    sold_out,
)

AT_S = 1_781_434_803
AT = "2026-06-14T11:00:03Z"
SALES = RankedBoard("sales", 3_600, {"by": "quantity"})


def test_a_milestone():
    made = milestone_reached("A", at_s=AT_S, percent=95, sold=96, capacity=100)
    assert json.loads(made.value) == {
        "eventId": str(made.id),
        "eventType": "ranking.milestone.reached",
        "eventTime": AT,
        "payload": {"concertScheduleId": "A", "threshold": 0.95, "sold": 96, "capacity": 100},
    }
    assert (made.key, made.type, made.at_s) == (b"A", "ranking.milestone.reached", AT_S)


def test_sold_out():
    made = sold_out("é", at_s=AT_S, spell=2, sold=101, capacity=100, sell_out_seconds=-5)
    assert json.loads(made.value) == {
        "eventId": str(made.id),
        "eventType": "ranking.schedule.sold-out",
        "eventTime": AT,
        "payload": {
            "concertScheduleId": "é",
            "sold": 101,
            "capacity": 100,
            "soldOutAt": AT,
            "sellOutSeconds": -5,
            "spell": 2,
        },
    }
    assert made.key == "é".encode()


def test_reopened():
    made = reopened("A", at_s=AT_S, spell=1, sold=99, capacity=100)
    assert json.loads(made.value) == {
        "eventId": str(made.id),
        "eventType": "ranking.schedule.reopened",
        "eventTime": AT,
        "payload": {"concertScheduleId": "A", "sold": 99, "capacity": 100, "spell": 1},
    }


def test_entering_the_top_of_a_board():
    made = entered_top("A", SALES, at_s=AT_S, period=2_969_058, top=10, rank=9, score=42)
    assert json.loads(made.value) == {
        "eventId": str(made.id),
        "eventType": "ranking.board.entered-top",
        "eventTime": AT,
        "payload": {
            "concertScheduleId": "A",
            "board": "sales",
            "by": "quantity",
            "windowSeconds": 3600,
            "top": 10,
            "rank": 9,
            "score": 42,
        },
    }
    assert (made.key, made.type, made.at_s) == (b"A", "ranking.board.entered-top", AT_S)


@pytest.mark.parametrize("previous_id", ["B", None])
def test_a_new_number_1_of_a_board(previous_id):
    made = number_one("A", SALES, at_s=AT_S, period=2_969_058, score=42, previous_id=previous_id)
    assert json.loads(made.value) == {
        "eventId": str(made.id),
        "eventType": "ranking.board.number-one",
        "eventTime": AT,
        "payload": {
            "concertScheduleId": "A",
            "board": "sales",
            "by": "quantity",
            "windowSeconds": 3600,
            "score": 42,
            "previousConcertScheduleId": previous_id,
        },
    }
    assert made.key == b"A"


def test_the_id_of_a_rank_is_of_kind_board_schedule_and_period_and_of_nothing_else():
    made = entered_top("A", SALES, at_s=AT_S, period=7, top=10, rank=9, score=42)
    assert made.id == entered_top("A", SALES, at_s=0, period=7, top=5, rank=1, score=1).id
    assert made.id == rank_id("entered-top", SALES, "A", 7)
    assert made.id == UUID("e114239c-64e0-5047-a61e-e51bddaa1cd7")
    one = number_one("A", SALES, at_s=AT_S, period=7, score=42, previous_id="B")
    assert one.id == number_one("A", SALES, at_s=0, period=7, score=1, previous_id=None).id
    others = [
        rank_id("entered-top", SALES, "B", 7),
        rank_id("entered-top", SALES, "A", 8),
        rank_id("entered-top", SALES._replace(window_seconds=None), "A", 7),
        rank_id("entered-top", SALES._replace(name="hot"), "A", 7),
        rank_id("entered-top", SALES._replace(parameters={"by": "amount"}), "A", 7),
    ]
    assert len({made.id, one.id, *others}) == 7


@pytest.mark.parametrize(("percent", "threshold"), [(10, 0.1), (25, 0.25), (50, 0.5), (80, 0.8), (90, 0.9), (95, 0.95)])
def test_thresholds_are_written_as_the_contract_writes_them(percent, threshold):
    made = milestone_reached("A", at_s=0, percent=percent, sold=1, capacity=1)
    assert json.loads(made.value)["payload"]["threshold"] == threshold


def test_the_id_is_a_uuid5_of_schedule_type_and_threshold_or_spell_and_of_nothing_else():
    made = milestone_reached("A", at_s=AT_S, percent=50, sold=50, capacity=100)
    assert made.id.version == 5
    assert made.id == milestone_reached("A", at_s=AT_S + 1, percent=50, sold=60, capacity=120).id
    first = sold_out("A", at_s=AT_S, spell=1, sold=100, capacity=100, sell_out_seconds=9)
    assert first.id == sold_out("A", at_s=0, spell=1, sold=1, capacity=1, sell_out_seconds=0).id


def test_different_things_have_different_ids():
    numbers = (1, 2, 10, 25, 50, 95)
    ids = {
        made.id
        for name in ("A", "B", "1", "A,1", 'A"', "a", "é")
        for number in numbers
        for made in (
            milestone_reached(name, at_s=0, percent=number, sold=1, capacity=1),
            sold_out(name, at_s=0, spell=number, sold=1, capacity=1, sell_out_seconds=1),
            reopened(name, at_s=0, spell=number, sold=1, capacity=1),
        )
    }
    assert len(ids) == 7 * 3 * len(numbers)


def test_ids_never_change_or_everything_would_be_raised_again():
    made = milestone_reached("WorldDJFestival20250614", at_s=0, percent=50, sold=1, capacity=2)
    assert made.id == UUID("c1adf111-479d-5632-a3aa-7c69c903db2d")


def test_news_become_the_notification_of_their_kind():
    assert notification_of("A", MilestoneReached(AT_S, 50, 50, 100)) == milestone_reached(
        "A", at_s=AT_S, percent=50, sold=50, capacity=100
    )
    assert notification_of("A", SoldOut(AT_S, 1, 100, 100, 60)) == sold_out(
        "A", at_s=AT_S, spell=1, sold=100, capacity=100, sell_out_seconds=60
    )
    assert notification_of("A", Reopened(AT_S, 1, 99, 100)) == reopened("A", at_s=AT_S, spell=1, sold=99, capacity=100)
    with pytest.raises(TypeError, match="expected news"):
        notification_of("A", "news")


def test_an_id_is_read_back_from_the_topic():
    made = reopened("A", at_s=AT_S, spell=1, sold=99, capacity=100)
    assert raised_id(made.value) == made.id.bytes


@pytest.mark.parametrize(
    "value",
    [None, b"", b"nope", b"{}", b"[]", b"5", b'{"eventId":5}', b'{"eventId":null}', b'{"eventId":"x"}', b'"eventId"'],
)
def test_what_somebody_else_wrote_there_has_none(value):
    assert raised_id(value) is None
