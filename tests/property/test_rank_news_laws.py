"""Laws of rank news, over the watch that the notifier runs: what it keeps changes nothing, and it is quiet."""

import json
from collections import defaultdict
from itertools import pairwise
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.rank_watch import RankWatch
from ranking_app.rankings import leading_rows
from ranking_app.rankings.leading_rows import LeadingRows
from ranking_app.rankings.rank_news import HOLD_S, LAST_HOUR, RankRule
from schemas.notification import NUMBER_ONE, Notification
from tests.support.web import FakeReadModel, second

NOON_S = second("12:00:00")
RULE = RankRule(top=2, floor=3)
NAMES = ("A", "B", "C", "D")

looks = st.lists(
    st.tuples(
        st.integers(1, 400),  # seconds since the look before
        st.lists(
            st.tuples(
                st.sampled_from(NAMES),
                st.sampled_from([0, 0, 0, 1, 59, 60, 130, 500]),  # seconds that the sale comes late
                st.integers(-3, 8).filter(bool),
            ),
            max_size=4,
        ),
    ),
    max_size=40,
)


@given(looks)
def test_a_watch_that_begins_anew_finds_what_one_that_was_there_all_the_time_finds(steps):
    model = FakeReadModel(live_s=NOON_S)
    watching, raised = RankWatch(model, RULE), set[bytes]()
    for pause_s, sales in steps:
        model.live_s += pause_s
        for name, late_s, quantity in sales:
            model.sell_at(name, model.live_s - 1 - late_s, quantity)
        begun_anew = RankWatch(model, RULE).look(set(raised))
        assert watching.look(raised) == begun_anew


changes = st.lists(
    st.lists(st.tuples(st.sampled_from("ABCDEF"), st.integers(-9, 9).filter(bool)), min_size=1, max_size=4), max_size=30
)


@given(changes, st.integers(0, 3), st.integers(1, 3))
def test_leading_rows_are_the_first_rows_of_the_whole_board(steps, spare, wanted):
    model, as_of_s = FakeReadModel(live_s=NOON_S), NOON_S + 1
    with patch.object(leading_rows, "SPARE", spare):
        rows = LeadingRows(LAST_HOUR, as_of_s, wanted)
    for sales in steps:
        for name, quantity in sales:
            model.sell_at(name, NOON_S, quantity)
        rows.mend(model.schedules, {name for name, _ in sales})
        whole = LAST_HOUR.rows(model.schedules.values(), as_of_s)
        assert rows.rows == whole[: len(rows.rows)]
        assert len(rows.rows) >= min(wanted, len(whole))


@given(looks)
def test_nothing_is_raised_twice_within_the_hold(steps):
    model = FakeReadModel(live_s=NOON_S)
    found: list[Notification] = []
    raised = set[bytes]()
    for pause_s, sales in steps:
        model.live_s += pause_s
        for name, late_s, quantity in sales:
            model.sell_at(name, model.live_s - 1 - late_s, quantity)
        found += RankWatch(model, RULE).look(raised)
    assert_quiet(found)


@settings(max_examples=8)  # each is an hour of looks
@given(st.integers(0, HOLD_S), st.integers(1, 3), st.sampled_from([1, 2, 3, 5]))
def test_rivals_that_swap_places_again_and_again_for_an_hour_are_number_1_once_in_a_hold(start_s, step_s, quantity):
    model = FakeReadModel(live_s=NOON_S + start_s)
    watch, raised, found = RankWatch(model, RULE), set[bytes](), list[Notification]()
    for turn in range(3_600 // step_s):
        model.live_s += step_s
        model.sell_at(NAMES[turn % 2], model.live_s - 1, quantity)
        found += watch.look(raised)
    ones = [json.loads(made.value)["payload"]["concertScheduleId"] for made in found if made.type == NUMBER_ONE]
    assert 1 <= ones.count("A") <= 6
    assert ones.count("B") <= 6
    assert_quiet(found)


def assert_quiet(found: list[Notification]) -> None:
    instants = defaultdict(list)
    for made in found:
        instants[made.type, made.key].append(made.at_s)
    for told in instants.values():
        assert all(later - earlier >= HOLD_S for earlier, later in pairwise(told))
    assert len({made.id for made in found}) == len(found)
