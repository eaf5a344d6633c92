"""Laws of all boards: what each says from the events, live boards kept up to date, and the past of an entry."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings import live_board
from ranking_app.rankings.boards import board as board_module
from ranking_app.rankings.boards.board import NOT_ON
from ranking_app.rankings.boards.cancellations import CancellationsBoard
from ranking_app.rankings.boards.hot import HotBoard, parse_blend
from ranking_app.rankings.boards.nearly_sold_out import NearlySoldOutBoard
from ranking_app.rankings.boards.sales import SalesBoard
from ranking_app.rankings.boards.sell_out import SellOutBoard
from ranking_app.rankings.boards.trending import TrendingBoard
from ranking_app.rankings.change_log import FOR_EVER_S, FROM_EVER_S, NOTHING, Changes
from ranking_app.rankings.curve import Curve
from ranking_app.rankings.live_board import LiveBoard
from ranking_app.rankings.movement import Walk, issues_before
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.slices import EVERYTHING, Slice
from ranking_app.rankings.windows import Window
from schemas.catalogue import Listing
from tests.property.events import (
    START_S,
    histories,
    instants,
    listings,
    naive_quantity,
    naive_totals,
    schedules_of,
)
from tests.support.boards import book_of, ranked

BOARDS = [
    SalesBoard(60),
    SalesBoard(None, "amount"),
    SellOutBoard(None, "any"),
    SellOutBoard(70),
    HotBoard(parse_blend("30s:50,90s:50")),
    TrendingBoard(45),
    NearlySoldOutBoard(60),
    NearlySoldOutBoard(None),
    CancellationsBoard(60),
    CancellationsBoard(None, "rate"),
]
boards = st.sampled_from(BOARDS)
slices = st.sampled_from([EVERYTHING, Slice(capacity_class="club"), Slice(capacity_class="unknown"), Slice(genre="dj")])
steps = st.lists(st.tuples(st.integers(0, 8), st.integers(-2, 70)), max_size=8)


def rows(found):
    return [row[:3] for row in found.rows]


@given(histories, listings, boards, slices, instants, steps, st.sampled_from([0, 1, live_board.ONE_BY_ONE]))
def test_a_live_board_is_always_what_sorting_everything_gives(
    history, catalogue, board, part, as_of_s, steps, one_by_one
):
    live, arrived = LiveBoard(board, part), 0
    listed: dict[str, Listing] = {}
    live.build({}, as_of_s)
    for count, seconds in steps:
        chunk = history[arrived : arrived + count]
        arrived += count
        as_of_s += seconds
        changed = {event.schedule_id for event in chunk}
        from_s = min((event.at_s // 60 * 60 for event in chunk), default=NOTHING.from_s)
        until_s = max((event.at_s // 60 * 60 + 60 for event in chunk), default=NOTHING.until_s)
        if count % 2:  # a listing comes or goes
            for schedule_id in list(catalogue)[:count]:
                changed.add(schedule_id)
                from_s, until_s = FROM_EVER_S, FOR_EVER_S
                if listed.pop(schedule_id, None) is None:
                    listed[schedule_id] = catalogue[schedule_id]
        schedules = {schedule.id: schedule for schedule in schedules_of(history[:arrived], listed)}
        with patch.object(live_board, "ONE_BY_ONE", one_by_one):  # at 0 no row is put in its place with others
            found = live.advance(schedules, Changes(changed, from_s, until_s), as_of_s)
        assert rows(found) == rows(ranked(board, part.of(schedules.values()), as_of_s))
        assert found.sum_of_keys == sum(row[0] for row in found.rows)
        assert all(row[3].listing is listed.get(row[2]) for row in found.rows)


@given(
    histories,
    listings,
    boards,
    slices,
    instants,
    st.integers(0, 20),
    st.lists(st.sampled_from([0, 0, 1, 2]), max_size=8),
    st.lists(st.none() | st.integers(0, 9), max_size=4),
    st.lists(st.integers(0, 200), min_size=1, max_size=3),
    st.integers(1, 3),
)
def test_a_board_that_was_built_while_things_happened_is_right_once_they_are_told(
    history, catalogue, board, part, as_of_s, arrived, arriving, retiring, later, step
):
    """Also where sales go, as those of a pane do whose time is over."""
    live = LiveBoard(board, part)
    live.build({}, as_of_s)
    empty = live.ranked
    there, history = history[:arrived], history[arrived:]
    schedules = {schedule.id: schedule for schedule in schedules_of(there, catalogue)}
    changed, from_s, until_s = set[str](), NOTHING.from_s, NOTHING.until_s
    with patch.object(live_board, "STEP_SCHEDULES", step), patch.object(board_module, "STEP_SCHEDULES", step):
        for _ in live.build_in_steps(schedules, as_of_s):
            assert live.ranked is empty
            count, retired = arriving.pop() if arriving else 0, retiring.pop() if retiring else None
            touched, history = history[:count], history[count:]
            there = [*there, *touched]
            if retired is not None and there:
                gone = there[retired % len(there)]
                touched = [*touched, gone]
                there = [event for event in there if event is not gone]
            for event in touched:
                changed.add(event.schedule_id)
                from_s = min(from_s, event.at_s // 60 * 60)
                until_s = max(until_s, event.at_s // 60 * 60 + 60)
            now = {schedule.id: schedule for schedule in schedules_of(there, catalogue)}
            for id_ in changed:  # the schedules that the build holds get them, as in the read model
                if id_ in schedules:
                    schedules[id_].curve = now[id_].curve if id_ in now else Curve()
                else:
                    schedules[id_] = now.get(id_) or Schedule(id_, Curve())
    changes = Changes(changed, from_s, until_s)
    for seconds in later:
        as_of_s += seconds
        found = live.advance(schedules, changes, as_of_s)
        assert rows(found) == rows(ranked(board, part.of(schedules.values()), as_of_s))
        changes = NOTHING


@given(histories, listings, boards, instants)
def test_what_happens_at_as_of_or_later_changes_no_board(history, catalogue, board, as_of_s):
    before = [event for event in history if event.at_s < as_of_s]
    assert rows(ranked(board, schedules_of(history, catalogue), as_of_s)) == rows(
        ranked(board, schedules_of(before, catalogue), as_of_s)
    )


@given(histories, listings, boards, instants)
def test_what_happens_before_a_board_counts_changes_no_key(history, catalogue, board, as_of_s):
    counted = [event for event in history if event.at_s >= board.counts_from_s(as_of_s)]
    assert rows(ranked(board, schedules_of(history, catalogue), as_of_s)) == rows(
        ranked(board, schedules_of(counted, catalogue), as_of_s)
    )


@given(histories, listings, boards, instants)
def test_a_place_is_where_its_row_stands(history, catalogue, board, as_of_s):
    schedules = schedules_of(history, catalogue)
    found = ranked(board, schedules, as_of_s)
    for schedule in schedules:
        place = found.place(schedule)
        assert (place is None) == (schedule.id not in {row[2] for row in found.rows})
        assert place is None or found.rows[place][2] == schedule.id


@given(histories, listings, boards, instants, st.integers(1, 50))
def test_the_past_of_an_entry_is_what_watching_every_issue_would_have_told(
    history, catalogue, board, as_of_s, compare_s
):
    schedules = schedules_of(history, catalogue)
    issues = issues_before(as_of_s, compare_s, START_S - 100)
    watched = {at_s: ranked(board, schedules, at_s) for at_s in issues}
    book = book_of(board, schedules, issues)
    for schedule in schedules:
        past = book.past(schedule)
        ranks = []
        for at_s in issues:
            place = watched[at_s].place(schedule)
            ranks.append(None if place is None else watched[at_s].rank(place, "standard"))
        on = [(rank, at_s) for rank, at_s in zip(ranks, issues, strict=True) if rank is not None]
        assert past.peak_rank == min((rank for rank, _ in on), default=None)
        if on:
            assert past.peak_at_s == min(at_s for rank, at_s in on if rank == past.peak_rank)
        assert past.streak == next((n for n, rank in enumerate(ranks) if rank is None), len(ranks))
        ends = [as_of_s, *issues]
        top_s = sum(end - at_s for rank, at_s, end in zip(ranks, issues, ends, strict=False) if rank == 1)
        assert past.top_s + (as_of_s - issues[0] if past.tops_newest else 0) == top_s


@given(histories, listings, boards, st.lists(instants, max_size=8).map(sorted))
def test_keys_at_many_instants_at_once_are_those_one_by_one(history, catalogue, board, many):
    walk = Walk(board, many)
    for schedule in schedules_of(history, catalogue):
        one_by_one = [board.key(schedule, at_s) for at_s in many]
        assert walk.keys(schedule) == [NOT_ON if key is None else key[0] for key in one_by_one]
        steps = [NOT_ON] * len(many)
        for first, end, key in walk.step_by_step(schedule):
            steps[first:end] = [key] * (end - first)
        assert steps == walk.keys(schedule)


@given(histories, listings, instants)
def test_hot_trending_and_cancellations_are_what_the_events_say(history, catalogue, as_of_s):
    schedules = schedules_of(history, catalogue)
    blend = HotBoard(parse_blend("30s:40,2m:60"))
    scores = {
        board: {row[2]: board.score(row[0]) for row in ranked(board, schedules, as_of_s).rows}
        for board in (blend, TrendingBoard(45), CancellationsBoard(60), CancellationsBoard(60, "rate"))
    }
    for schedule in schedules:
        own = [event for event in history if event.schedule_id == schedule.id]

        def quantity(start_s, end_s, own=own):
            return naive_quantity(own, Window(start_s, end_s))

        points = 40 * quantity(as_of_s - 30, as_of_s) * 36_000 // 30
        points += 60 * quantity(as_of_s - 120, as_of_s) * 36_000 // 120
        sold_something = naive_totals(own, Window(as_of_s - 120, as_of_s))[0] > 0
        assert scores[blend].get(schedule.id, 0) == (max(points, 0) if sold_something else 0)
        now, before = quantity(as_of_s - 45, as_of_s), quantity(as_of_s - 90, as_of_s - 45)
        growth = 0 if now < 10 or now <= before else 100 * (now - before) // max(before, 10)
        assert scores[TrendingBoard(45)].get(schedule.id, 0) == growth
        completed, cancelled, _ = naive_totals(own, Window(as_of_s - 60, as_of_s))
        assert scores[CancellationsBoard(60)].get(schedule.id, 0) == cancelled
        rate = cancelled * 10_000 // completed if completed >= 10 else 0
        assert scores[CancellationsBoard(60, "rate")].get(schedule.id, 0) == rate


@given(histories, listings, instants)
def test_nearly_sold_out_is_what_the_events_say(history, catalogue, as_of_s):
    schedules = schedules_of(history, catalogue)
    board = NearlySoldOutBoard(60)
    scores = {row[2]: row[0] for row in ranked(board, schedules, as_of_s).rows}
    for schedule in schedules:
        own = [event for event in history if event.schedule_id == schedule.id and event.at_s < as_of_s]
        sold = naive_quantity(own, Window(None, as_of_s))
        capacity = schedule.listing.capacity if schedule.listing else None
        if capacity is None or not 0.8 * capacity <= sold < capacity:
            assert schedule.id not in scores
            continue
        sales = [event.at_s for event in own if not event.cancelled]
        recent, in_s = naive_quantity(own, Window(as_of_s - 60, as_of_s)), 60
        if recent <= 0:
            recent, in_s = sold, max(sales) + 1 - min(sales)
        left_s = scores[schedule.id]
        assert (left_s - 1) * recent < (capacity - sold) * in_s <= left_s * recent
