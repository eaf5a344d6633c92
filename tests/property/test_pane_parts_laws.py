"""A pane of one cell is read on a way of its own: it reads the same, and refuses the same with the same words."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings.panes import _parts_of_any, parts_of

MINUTE = 29_300_000

numbers = st.integers(-2, 70) | st.integers(-(2**65), 2**65)
others: st.SearchStrategy[Any] = st.sampled_from(
    [True, False, None, 1.0, 0.5, "1", "x", "", [], [1], {}, str(2**70), str(-(2**70))]
)
panes = st.lists(numbers, min_size=6, max_size=6) | st.lists(numbers | others, min_size=4, max_size=12)
good_cells = st.tuples(
    st.integers(0, 9), st.integers(-1, 9), st.integers(-1, 60), st.integers(0, 2**32), numbers, numbers
).map(list)


def read(function, *arguments):
    """What it gives, or what it says; with types, as True equals 1."""
    try:
        applied, first, cells = function(*arguments)
    except (ValueError, TypeError) as error:
        return type(error), str(error)
    return (applied, first, cells), [*map(type, (applied, first, cells))], [[*map(type, cell)] for cell in cells]


@given(good_cells | panes)
def test_a_pane_reads_the_same_on_the_short_way_and_on_the_long_one(flat):
    value = orjson.dumps([number if not _is_large(number) else str(number) for number in flat])
    assert read(parts_of, value, MINUTE) == read(_parts_of_any, value, orjson.loads(value), MINUTE)


@given(st.integers(0, 2**63), st.data())
def test_a_number_of_a_cell_that_is_no_whole_number_is_refused(applied, data):
    flat = [applied, applied, 5, 1, 0, 100]
    flat[data.draw(st.integers(0, 5))] = data.draw(st.sampled_from([True, False, None, 1.0, [], {}, "x", "1.0"]))
    found = read(parts_of, orjson.dumps(flat), MINUTE)
    assert found[0] is ValueError, found


def _is_large(number):
    return isinstance(number, int) and not -(2**63) <= number < 2**63
