"""Laws of the boards: what the contract says, computed once more from the events."""

from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings.entries import page
from ranking_app.rankings.milestones import THRESHOLDS_PERCENT, milestones
from ranking_app.rankings.news import MilestoneReached, Reopened, SoldOut, news
from ranking_app.rankings.ranks import ranks_of
from ranking_app.rankings.status import standing
from ranking_app.rankings.ties import ranks
from ranking_app.rankings.windows import Window
from tests.property.events import (
    capacities,
    changes,
    curve_of,
    histories,
    instants,
    listing,
    listings,
    naive_first_second_sold,
    naive_quantity,
    naive_ranks,
    naive_sales_board,
    naive_sell_out_board,
    naive_spells,
    naive_totals,
    schedules_of,
    single_histories,
    windows,
)
from tests.support.boards import ranked as ranked_of
from tests.support.boards import sales_board, sell_out_board

ties = st.sampled_from(["standard", "dense", "ordinal"])
by = st.sampled_from(["quantity", "amount"])
statuses = st.sampled_from(["soldOut", "any"])


@given(histories, listings, windows, by, ties)
def test_a_sales_board_is_what_its_events_say(history, catalogue, window, by, ties):
    expected = naive_sales_board(history, window, by)
    ranked = sales_board(schedules_of(history, catalogue), window, by)
    entries = page(ranked, ties, 0, 1_000)
    assert [(entry.schedule.id, entry.score) for entry in entries] == expected
    assert [entry.rank for entry in entries] == naive_ranks([score for _, score in expected], ties)
    assert len(ranked) == len(expected)
    for entry in entries:
        own = [event for event in history if event.schedule_id == entry.schedule.id]
        completed, cancelled, amount = naive_totals(own, window)
        assert (entry.quantity, entry.cancelled, entry.amount) == (completed - cancelled, cancelled, amount)
        assert entry.sold == naive_quantity(own, Window(None, window.end_s))
        assert (entry.capacity is None) == (entry.schedule.id not in catalogue)


@given(histories, listings, windows, statuses, ties)
def test_a_sell_out_board_is_what_its_events_say(history, catalogue, window, status, ties):
    expected = naive_sell_out_board(history, catalogue, window, status)
    ranked = sell_out_board(schedules_of(history, catalogue), window, status)
    entries = page(ranked, ties, 0, 1_000)
    assert [(entry.schedule.id, entry.score) for entry in entries] == expected
    assert [entry.rank for entry in entries] == naive_ranks([score for _, score in expected], ties)
    for entry in entries:
        own = [event for event in history if event.schedule_id == entry.schedule.id]
        completed, cancelled, amount = naive_totals(own, Window(None, window.end_s))
        assert (entry.quantity, entry.cancelled, entry.amount) == (completed - cancelled, cancelled, amount)
        assert entry.sell_out_seconds == entry.score
        assert entry.sold == entry.quantity


@given(histories, listings, windows, by, ties, st.integers(0, 9), st.integers(1, 5))
def test_a_page_is_a_part_of_the_whole_board(history, catalogue, window, by, ties, offset, limit):
    ranked = sales_board(schedules_of(history, catalogue), window, by)
    assert page(ranked, ties, offset, limit) == page(ranked, ties, 0, 1_000)[offset : offset + limit]


@given(st.lists(st.integers(-4, 4)).map(sorted), ties, st.integers(0, 12), st.integers(1, 12))
def test_ranks_of_a_page_are_those_of_the_whole_board(keys, ties, offset, limit):
    assert ranks(keys, ties, offset, limit) == naive_ranks(keys, ties)[offset : offset + limit]


@given(histories, listings, instants)
def test_the_ranks_of_a_schedule_are_its_standard_ranks_on_the_boards(history, catalogue, as_of_s):
    schedules = schedules_of(history, catalogue)
    boards = [
        sales_board(schedules, Window(as_of_s - 3_600, as_of_s), "quantity"),
        sales_board(schedules, Window(as_of_s - 86_400, as_of_s), "quantity"),
        sales_board(schedules, Window(None, as_of_s), "quantity"),
        sell_out_board(schedules, Window(None, as_of_s), "soldOut"),
    ]
    pages = [{entry.schedule.id: entry.rank for entry in page(board, "standard", 0, 1_000)} for board in boards]
    for schedule in schedules:
        found = ranks_of(schedule, lambda board: ranked_of(board, schedules, as_of_s))
        expected = [entries.get(schedule.id) for entries in pages]
        assert [found.sales_1h, found.sales_24h, found.sales_all, found.sell_out] == expected


@given(histories, listings, windows, by, st.randoms(use_true_random=False))
def test_the_order_of_the_schedules_changes_nothing(history, catalogue, window, by, random):
    schedules = schedules_of(history, catalogue)
    before = page(sales_board(schedules, window, by), "standard", 0, 1_000)
    random.shuffle(schedules)
    assert page(sales_board(schedules, window, by), "standard", 0, 1_000) == before


@given(single_histories, capacities, instants)
def test_each_milestone_is_reached_at_the_first_second_whose_end_has_its_share_sold(history, capacity, as_of_s):
    found = milestones(curve_of(history), capacity, as_of_s)
    assert [milestone.percent for milestone in found] == list(THRESHOLDS_PERCENT)
    for milestone in found:
        reached = [
            second
            for second in changes(history, as_of_s)
            if 100 * naive_quantity(history, Window(None, second + 1)) >= milestone.percent * capacity
        ]
        assert milestone.reached_at_s == (reached[0] if reached else None)


@given(single_histories, capacities, instants)
def test_a_status_follows_from_what_is_sold_now_and_what_was_sold_ever(history, capacity, as_of_s):
    stands = standing(curve_of(history), listing(capacity), as_of_s)
    sold = naive_quantity(history, Window(None, as_of_s))
    at_s = naive_first_second_sold(history, capacity, as_of_s)
    assert (stands.sold, stands.sold_out_at_s) == (sold, at_s)
    if sold >= capacity:
        assert stands.status == "soldOut"
    else:
        assert stands.status == ("selling" if at_s is None else "reopened")


@given(single_histories, capacities, instants)
def test_news_are_the_milestones_below_100_percent_and_the_spells_in_time_order(history, capacity, as_of_s):
    found = news(curve_of(history), listing(capacity), as_of_s)
    assert [item.at_s for item in found] == sorted(item.at_s for item in found)

    def sold(at_s):
        return naive_quantity(history, Window(None, at_s + 1))

    assert all(item.sold == sold(item.at_s) and item.capacity == capacity for item in found)
    reached = {item.percent: item.at_s for item in found if isinstance(item, MilestoneReached)}
    expected = {m.percent: m.reached_at_s for m in milestones(curve_of(history), capacity, as_of_s)[:-1]}
    assert reached == {percent: at_s for percent, at_s in expected.items() if at_s is not None}

    spells = naive_spells(history, capacity, as_of_s)
    sold_out = [(item.spell, item.at_s) for item in found if isinstance(item, SoldOut)]
    reopened = [(item.spell, item.at_s) for item in found if isinstance(item, Reopened)]
    assert sold_out == [(number, spell[0]) for number, spell in enumerate(spells, start=1)]
    assert reopened == [(number, spell[2]) for number, spell in enumerate(spells, start=1) if spell[2] is not None]


@given(single_histories, capacities, instants, instants)
def test_news_up_to_an_earlier_instant_are_the_beginning_of_the_later_ones(history, capacity, one_s, other_s):
    curve = curve_of(history)
    early, late = sorted((one_s, other_s))
    later = news(curve, listing(capacity), late)
    assert news(curve, listing(capacity), early) == [item for item in later if item.at_s < early]
