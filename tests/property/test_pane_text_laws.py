"""To add to a pane's text gives what reading the pane, adding and writing it gives: the same bytes."""

from hypothesis import example, given
from hypothesis import strategies as st

from ranking_app.rankings.pane_text import merged
from ranking_app.rankings.panes import MINUTE_S, NOTHING_APPLIED, Pane, applied_of, decode_pane, encode_pane

MINUTE = 5
START_S = MINUTE * MINUTE_S

some_seconds = st.integers(START_S, START_S + 5) | st.integers(START_S, START_S + MINUTE_S - 1)
around_64_bits = st.builds(
    lambda edge, off: edge + off, st.sampled_from([2**62, -(2**62), 2**63, -(2**63), 2**64]), st.integers(-3, 3)
)
numbers = st.integers(0, 9) | st.integers(-(10**12), 10**12) | around_64_bits
cells = st.lists(numbers, min_size=3, max_size=3)
seconds = st.dictionaries(some_seconds, cells, max_size=12)


@st.composite
def panes(draw):
    applied = draw(st.integers(NOTHING_APPLIED, 40) | st.integers(0, 2**63 - 100))
    first = draw(st.none() | st.integers(0, applied)) if applied >= 0 else None
    return Pane(applied, draw(seconds), first)


parts = st.tuples(st.integers(1, 3), st.integers(0, 3), seconds.filter(bool))
"""How far the first offset is above the pane's `applied`, and the last above the first; the sums."""


def taken(pane: Pane, first: int, applied: int, seconds: dict[int, list[int]]) -> Pane:
    """The pane with these sums, number by number."""
    sums = {second: list(cell) for second, cell in pane.seconds.items()}
    for second, cell in seconds.items():
        sums[second] = [own + more for own, more in zip(sums.get(second, [0, 0, 0]), cell, strict=True)]
    return Pane(applied, sums, first if pane.applied == NOTHING_APPLIED else pane.first)


@given(panes(), st.lists(parts, min_size=1, max_size=6))
@example(Pane(7, {}, None), [(1, 0, {START_S: [1, 0, 5]})])
@example(Pane(7, {}, 7), [(1, 0, {START_S: [1, 0, 5]})])
@example(Pane(NOTHING_APPLIED, {START_S + 1: [1, 0, 5]}), [(1, 0, {START_S: [1, 0, 5]})])
@example(Pane(7, {START_S: [1, 0, 2**63 - 1]}), [(1, 0, {START_S: [1, 0, 1]}), (1, 0, {START_S: [0, 1, -1]})])
@example(Pane(7, {START_S: [1, 0, -(2**63)]}, 7), [(1, 0, {START_S: [0, 1, -1], START_S + 1: [0, 1, -(2**63) - 1]})])
@example(Pane(7, {START_S + at: [1, 0, 5] for at in range(60)}, 7), [(1, 0, {START_S: [1, 0, 5]})])
def test_what_is_added_to_the_text_is_what_is_added_to_the_pane(pane, parts):
    text = encode_pane(pane)
    for above, more, seconds in parts:
        first = applied_of(text) + above
        part = Pane(first + more, seconds, first)
        pane = taken(pane, first, first + more, seconds)
        text = merged(text, first, first + more, part.cells_text())
        assert text == encode_pane(pane)
        assert text == encode_pane(decode_pane(text, MINUTE))


@given(panes())
def test_the_highest_offset_of_a_pane_is_read_without_its_cells(pane):
    assert applied_of(encode_pane(pane)) == pane.applied
