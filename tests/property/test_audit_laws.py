"""Laws of the audit: its panes add up to what the boards say, and their offsets are those of what was counted."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings.curve import Curve, Totals
from ranking_app.rankings.panes import encode_pane, fold, parts_of
from ranking_app.rankings.windows import Window
from ranking_app.read_model.pane_offsets import PaneOffsets, PaneRange, pane_number
from tests.property.events import curve_of, naive_totals, partitions, single_histories, windows


def added(parts) -> Totals:
    return Totals(*(sum(numbers) for numbers in zip((0, 0, 0), *parts, strict=True)))


@given(single_histories, windows)
def test_what_of_each_pane_lies_in_a_range_is_in_sum_what_the_boards_say(history, window):
    curve = curve_of(history)
    by_pane = curve.totals_by_pane(window)
    assert added(by_pane.values()) == curve.totals(window)
    for (source, minute), totals in by_pane.items():
        own = [event for event in history if event.source == source and event.at_s // 60 == minute]
        assert totals == naive_totals(own, window)
    in_window = {(event.source, event.at_s // 60) for event in history if event.at_s in window}
    assert by_pane.keys() == in_window
    assert [minute for _, minute in by_pane] == sorted(minute for _, minute in by_pane)


@given(single_histories, st.data())
def test_the_offsets_of_a_pane_span_exactly_what_was_folded_into_it(history, data):
    """In batches of any size, read again from any earlier offset, through the bytes in the changelog each time."""
    for partition in partitions(history).values():
        at = 0
        while at < len(partition.log):
            start = data.draw(st.integers(0, at), label="read again from")
            end = data.draw(st.integers(at + 1, len(partition.log)), label="end of the batch")
            fold(partition.pane, partition.log[start:end])
            at = end
        for (_, minute), pane in partition.panes.items():
            offsets = [sale.offset for sale in partition.log if sale.at_ms // 60_000 == minute]
            applied, first, _ = parts_of(encode_pane(pane), minute)
            assert (first, applied) == (min(offsets), max(offsets))


puts = st.lists(
    st.tuples(
        st.sampled_from("AB"),
        st.tuples(st.integers(0, 1), st.integers(0, 3)),
        st.integers(0, 5),
        st.none() | st.integers(0, 20),
        st.booleans(),
    ),
    max_size=60,
)


@given(puts, st.integers(0, 6), st.integers(0, 6))
def test_offsets_are_what_a_plain_dict_would_hold(puts, from_minute, to_minute):
    """None removes; a lower offset is refused; saving and restoring in between change nothing."""
    panes, plain = PaneOffsets(), dict[Any, tuple[int, int]]()
    for schedule, (role, partition), minute, applied, save in puts:
        number, known = pane_number(role, partition, minute), (schedule, minute, role, partition)
        if applied is None:
            assert panes.remove(schedule, number) == (plain.pop(known, None) is not None)
        else:
            taken = applied >= plain.get(known, (-1,))[0]
            assert panes.put(schedule, number, applied, applied // 2) == taken
            if taken:
                plain[known] = applied, applied // 2
        if save:
            again = PaneOffsets()
            again.restore(panes.saved())
            panes = again
    assert len(panes) == len(plain)
    for schedule in "AB":
        expected = [
            PaneRange(role, partition, minute, first, applied)
            for (name, minute, role, partition), (applied, first) in sorted(plain.items())
            if name == schedule and from_minute <= minute < to_minute
        ]
        assert panes.of(schedule, from_minute, to_minute) == expected
        assert panes.count_of(schedule, from_minute, to_minute) == len(expected)


def test_an_empty_curve_has_no_panes():
    assert Curve().totals_by_pane(Window(None, 2**40)) == {}
