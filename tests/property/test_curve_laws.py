"""Laws of the curve: it is a function of the set of counted events, whatever way they took."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings.curve import Curve
from ranking_app.rankings.panes import Pane, decode_pane, encode_pane, fold
from ranking_app.rankings.windows import Window
from tests.property.events import (
    SPAN_S,
    START_S,
    capacities,
    curve_of,
    curves,
    curves_of,
    histories,
    instants,
    naive_completed_seconds,
    naive_first_second_sold,
    naive_quantity,
    naive_spells,
    naive_totals,
    partitions,
    single_histories,
    windows,
)

EVERYTHING = Window(None, START_S + SPAN_S + 10)


def answers(curve: Curve) -> object:
    """Everything that can be asked of a curve, to the second."""
    seconds = range(START_S - 1, START_S + SPAN_S + 3)
    return (
        curve.is_empty,
        curve.newest_s,
        curve.points(seconds[0], seconds[-1], 1),
        [curve.first_second_sold(count, seconds[-1]) for count in range(1, 12)],
        [(curve.first_sale_s(second), curve.last_sale_s(second)) for second in seconds[::9]],
        [curve.spells(capacity, seconds[-1]) for capacity in (1, 3, 8)],
    )


@given(single_histories, windows)
def test_totals_of_a_window_are_the_sums_over_its_events(history, window):
    curve = curve_of(history)
    totals = curve.totals(window)
    assert totals == naive_totals(history, window)
    assert totals.quantity == curve.quantity(window) == naive_quantity(history, window)
    assert curve.sold_before(window.end_s) == naive_quantity(history, Window(None, window.end_s))


@given(single_histories, windows)
def test_a_score_is_the_total_with_the_second_of_the_last_completed_sale_unless_it_is_0_or_less(history, window):
    curve = curve_of(history)
    completed, cancelled, amount = naive_totals(history, window)
    last = [*naive_completed_seconds(history, window), None]
    quantity = completed - cancelled
    assert curve.score(window, "quantity") == ((quantity, last[-2]) if quantity > 0 else None)
    assert curve.score(window, "amount") == ((amount, last[-2]) if amount > 0 else None)


@given(single_histories, windows)
def test_first_and_last_sales_are_those_of_completed_events(history, window):
    curve = curve_of(history)
    inside = naive_completed_seconds(history, window)
    before = naive_completed_seconds(history, Window(None, window.end_s))
    assert curve.last_completed_s(window) == (inside[-1] if inside else None)
    assert curve.last_sale_s(window.end_s) == (before[-1] if before else None)
    assert curve.first_sale_s(window.end_s) == (before[0] if before else None)


@given(single_histories)
def test_the_newest_second_is_that_of_any_event(history):
    curve = curve_of(history)
    assert curve.is_empty == (not history)
    assert curve.newest_s == max((event.at_s for event in history), default=None)


@given(single_histories, capacities, instants)
def test_a_number_is_reached_at_the_first_second_whose_end_has_it_sold(history, at_least, before_s):
    assert curve_of(history).first_second_sold(at_least, before_s) == naive_first_second_sold(
        history, at_least, before_s
    )


@given(single_histories, capacities, instants)
def test_spells_follow_the_curve_second_by_second(history, capacity, before_s):
    assert curve_of(history).spells(capacity, before_s) == naive_spells(history, capacity, before_s)


@given(single_histories, instants, st.integers(1, 250), st.integers(1, 90))
def test_points_cover_the_range_without_gaps_and_the_last_may_be_short(history, from_s, length_s, step_s):
    to_s = from_s + length_s
    points = curve_of(history).points(from_s, to_s, step_s)
    assert [point.start_s for point in points] == list(range(from_s, to_s, step_s))
    for point in points:
        end_s = min(point.start_s + step_s, to_s)
        completed, cancelled, amount = naive_totals(history, Window(point.start_s, end_s))
        assert (point.quantity, point.amount, point.cancelled) == (completed - cancelled, amount, cancelled)
        assert point.sold == naive_quantity(history, Window(None, end_s))


@given(histories.flatmap(lambda history: st.tuples(st.just(history), st.permutations(history))))
def test_the_order_of_arrival_changes_nothing(pair):
    history, shuffled = (curves_of(events) for events in pair)
    assert {name: answers(curve) for name, curve in history.items()} == {
        name: answers(curve) for name, curve in shuffled.items()
    }


@given(single_histories, st.randoms(use_true_random=False))
def test_the_split_over_partitions_changes_nothing(history, random):
    sources = [event.source for event in history]
    random.shuffle(sources)
    other = [event._replace(source=source) for event, source in zip(history, sources, strict=True)]
    alone = [event._replace(source=("completed", 0)) for event in history]
    assert answers(curve_of(history)) == answers(curve_of(other)) == answers(curve_of(alone))


@given(histories, st.data())
def test_a_sale_counts_once_however_often_its_partition_is_read_again(history, data):
    """Batches of any size; after each the owner may fall back to any earlier offset, as after a crash."""
    once, again = partitions(history), partitions(history)
    for source, partition in again.items():
        fold(once[source].pane, once[source].log)
        at = 0
        falls = 3
        while at < len(partition.log):
            end = data.draw(st.integers(at + 1, len(partition.log)), label="end of the batch")
            fold(partition.pane, partition.log[at:end])
            at = end
            if falls and data.draw(st.booleans(), label="crash"):
                falls -= 1
                at = data.draw(st.integers(0, end), label="read again from")
        assert partition.panes == once[source].panes
    assert curves(again).keys() == curves(once).keys()


@given(histories)
def test_a_fold_names_every_pane_it_touched_also_those_that_had_it_all(history):
    for partition in partitions(history).values():
        first = fold(partition.pane, partition.log)
        second = fold(partition.pane, partition.log)
        assert first == second
        named = {(name, minute): pane for name, panes in first.items() for minute, pane in panes.items()}
        assert named == partition.panes
        assert max(pane.applied for pane in named.values()) == partition.log[-1].offset


@given(histories)
def test_a_pane_reads_back_as_it_was_written(history):
    for partition in partitions(history).values():
        fold(partition.pane, partition.log)
        for (_, minute), pane in partition.panes.items():
            assert decode_pane(encode_pane(pane), minute) == pane


numbers = st.integers(0, 2**80) | st.integers(0, 3)
panes = st.builds(
    Pane,
    st.integers(-1, 2**63 - 1),
    st.dictionaries(
        st.integers(START_S, START_S + 59),
        st.tuples(numbers, numbers, st.integers(-(2**80), 2**80)).map(list),
    ),
)


@given(panes)
def test_a_pane_of_numbers_beyond_64_bits_reads_back_as_it_was_written(pane):
    assert decode_pane(encode_pane(pane), START_S // 60) == pane


cells = st.lists(
    st.tuples(st.integers(0, 59), st.integers(0, 5), st.integers(0, 5), st.integers(-(2**70), 2**70)),
    max_size=5,
    unique_by=lambda cell: cell[0],
).map(sorted)
puts = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3), cells, st.booleans()), max_size=40)


@given(puts, st.randoms(use_true_random=False))
def test_a_curve_is_what_was_put_last_whatever_was_put_before_and_asked_in_between(puts, random):
    """Replaced, removed and late cells; questions in between settle some of them early."""
    grown, last = Curve(), {}
    for source, minute, found, ask in puts:
        at = [(START_S + 60 * minute + second, *numbers) for second, *numbers in found]
        grown.put(source, START_S // 60 + minute, at)
        last[source, START_S // 60 + minute] = at
        if ask:
            grown.totals(EVERYTHING)
    scratch = Curve()
    order = list(last.items())
    random.shuffle(order)
    for (source, minute), at in order:
        scratch.put(source, minute, at)
    assert answers(grown) == answers(scratch)
    everything = [cell for found in last.values() for cell in found]
    assert grown.totals(EVERYTHING) == tuple(sum(cell[place] for cell in everything) for place in (1, 2, 3))


@given(puts)
def test_a_curve_whose_cells_were_all_removed_is_empty(puts):
    curve = Curve()
    for source, minute, found, _ in puts:
        at = [(START_S + 60 * minute + second, *numbers) for second, *numbers in found]
        curve.put(source, START_S // 60 + minute, at)
    for source, minute, *_ in puts:
        curve.put(source, START_S // 60 + minute, [])
    assert curve.is_empty
    assert answers(curve) == answers(Curve())


# What a busy minute looks like: each put keeps the beginning of the one before, and says more, less or something else.
regrowths = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.integers(0, 1),
        st.integers(0, 20),
        st.lists(st.integers(0, 3), max_size=16),
        st.booleans(),
    ),
    max_size=25,
)


@given(regrowths)
def test_a_busy_minute_that_is_put_again_and_again_is_what_was_put_last(regrowths):
    grown, last = Curve(), dict[Any, Any]()
    for source, minute, kept, quantities, ask in regrowths:
        start_s = START_S + 60 * minute
        before = last.get((source, minute), [])[:kept]
        from_s = before[-1][0] + 1 if before else start_s
        more = [(from_s + place, n, n // 2, 10 * n) for place, n in enumerate(quantities) if n]
        last[source, minute] = before + [cell for cell in more if cell[0] < start_s + 60]
        grown.put(source, start_s // 60, last[source, minute])
        if ask:
            grown.totals(EVERYTHING)
    scratch = Curve()
    for (source, minute), found in last.items():
        scratch.put(source, START_S // 60 + minute, found)
    assert answers(grown) == answers(scratch)
    for place, total in zip((1, 2, 3), grown.totals(EVERYTHING), strict=True):
        assert total == sum(cell[place] for found in last.values() for cell in found)
