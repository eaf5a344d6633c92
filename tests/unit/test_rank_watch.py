"""The watch over a board's ranks: it speaks of whole boards only, in the form of notifications."""

import json
from dataclasses import replace

import pytest

from agents.rank_watch import RankWatch
from ranking_app.rankings.rank_news import RankRule
from tests.support.web import FakeReadModel, second

NOON_S = second("12:00:00")


@pytest.fixture
def model() -> FakeReadModel:
    """Noon; A has just sold 12, nobody else anything."""
    return FakeReadModel(live_s=NOON_S).sell("A", "11:59:59", 12)


def test_a_new_number_1_is_a_notification_whose_time_is_the_as_of_of_the_board(model):
    raised = set[bytes]()
    (made,) = RankWatch(model, RankRule()).look(raised)
    envelope = json.loads(made.value)
    assert (envelope["eventType"], envelope["eventTime"]) == ("ranking.board.number-one", "2026-06-14T12:00:00Z")
    assert envelope["payload"]["previousConcertScheduleId"] is None
    assert raised == {made.id.bytes}


def test_entering_the_top_is_a_notification(model):
    made = RankWatch(model.sell("B", "11:59:59", 1), RankRule(top=1)).look(set())
    assert [json.loads(each.value)["eventType"] for each in made] == [
        "ranking.board.entered-top",
        "ranking.board.number-one",
    ]


def test_what_was_raised_is_not_raised_again(model):
    watch, raised = RankWatch(model, RankRule()), set[bytes]()
    assert watch.look(raised)
    for pause_s in (0, 1, 60, 600):
        model.live_s += pause_s
        assert watch.look(raised) == []


def test_with_top_0_nothing_is_raised(model):
    assert RankWatch(model, RankRule(top=0)).look(set()) == []


def test_boards_that_are_not_complete_raise_nothing(model):
    assert RankWatch(model.with_state(complete=False), RankRule()).look(set()) == []


@pytest.mark.parametrize(
    ("lag", "watermark_s", "raises"),
    [
        (0, NOON_S - 7_200, True),  # quiet
        (0, None, True),
        (5, NOON_S - 1, True),  # busy
        (5, NOON_S - 61, False),  # reading what happened before
        (5, None, False),
    ],
)
def test_while_a_partition_catches_up_nothing_is_raised(model, lag, watermark_s, raises):
    state, *others = model.state.partitions
    watermark_ms = None if watermark_s is None else watermark_s * 1000
    model.with_state(partitions=(replace(state, lag=lag, watermark_ms=watermark_ms), *others))
    assert bool(RankWatch(model, RankRule()).look(set())) == raises
