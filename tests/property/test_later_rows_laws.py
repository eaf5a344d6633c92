"""Rows of many schedules that are put together are what they are when each pane is put by itself."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings.curve import Curve
from ranking_app.rankings.few_cells import few_cells
from ranking_app.rankings.later_rows import MOST, extend_all
from ranking_app.rankings.panes import Pane, encode_pane, parts_of
from ranking_app.rankings.windows import Window
from ranking_app.read_model.begun import Taken, arranged, begun, versions
from ranking_app.read_model.pane_offsets import PaneOffsets, minute_of, pane_number, source_of
from tables.layout import pane_key, parse_pane_key, parse_pane_keys
from tests.property.events import SPAN_S, START_S
from tests.property.test_curve_laws import answers

START_MINUTE = START_S // 60
SOURCES = ("a", "b", "c")
EVER = Window(None, START_S + SPAN_S)

cells = st.dictionaries(
    st.sampled_from([0, 1, 30, 59]),
    st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(-500, 500)),
    min_size=1,
    max_size=3,
)
panes = st.dictionaries(st.tuples(st.integers(0, 1), st.integers(0, 2)), cells, min_size=1, max_size=5)
"""By minute after the ones before, and index of the source."""


def at_minute(minute: int, found: dict[int, tuple[int, int, int]]) -> list[Any]:
    return [(60 * minute + second, *numbers) for second, numbers in sorted(found.items())]


@given(st.lists(st.tuples(st.none() | panes, panes, st.booleans()), min_size=1, max_size=6))
def test_what_is_put_behind_a_curve_together_is_what_is_put_by_itself(schedules: list[Any]) -> None:
    expected, found, rows, lengths = list[Curve](), list[Curve](), list[Any](), list[int]()
    for before, after, settled in schedules:
        put, extended = Curve(), Curve()
        for (minute, source), its in (before or {}).items():
            for curve in (put, extended):
                curve.put(SOURCES[source], START_MINUTE + minute, at_minute(START_MINUTE + minute, its))
        for (minute, source), its in after.items():
            put.put(SOURCES[source], START_MINUTE + 2 + minute, at_minute(START_MINUTE + 2 + minute, its))
        if settled:
            extended.settle()
        own = [(s, source, *n) for (minute, source), its in after.items() for s, *n in at_minute(2 + minute, its)]
        rows += sorted((START_S // 60 * 60 + second, *others) for second, *others in own)
        lengths.append(len(own))
        expected.append(put)
        found.append(extended)
    columns = np.array(rows, np.int64).T
    ours: list[Curve | None] = [curve if index % 3 < 2 else None for index, curve in enumerate(found)]
    put_together = extend_all(ours, SOURCES, lengths, columns)
    put_again = extend_all(ours, SOURCES, lengths, columns)
    assert not any(put_again[index] for index, was_put in enumerate(put_together) if was_put), "the minute is there"
    for one, was_put, put, (before, _, settled) in zip(ours, put_together, expected, schedules, strict=True):
        if one is None:
            assert not was_put
            continue
        assert was_put or not (settled or before is None), "nothing waits to be settled"
        if was_put:
            assert answers(one) == answers(put)
            assert one.totals_by_pane(EVER) == put.totals_by_pane(EVER)


def test_a_source_that_comes_later_is_told_from_those_before() -> None:
    curves = [Curve(), Curve()]
    curves[0].put("c", 1, [(60, 1, 0, 10)])
    curves[1].put("b", 1, [(60, 2, 0, 20)])
    rows = np.array([(120, 1, 4, 0, 40), (120, 0, 8, 0, 80), (121, 1, 16, 1, 160)], np.int64).T
    assert extend_all(curves, ("a", "b"), [1, 2], rows) == [True, True]
    assert [curve.sources for curve in curves] == [("c", "b"), ("b", "a")]
    of_panes = [curve.totals_by_pane(Window(None, 999)) for curve in curves]
    assert of_panes == [
        {("c", 1): (1, 0, 10), ("b", 2): (4, 0, 40)},
        {("b", 1): (2, 0, 20), ("a", 2): (8, 0, 80), ("b", 2): (16, 1, 160)},
    ]


TOO_LARGE = [(2**32, 0, 1, 0, 0), (1, 0, MOST, 0, 0), (1, 0, 0, MOST, 0), (1, 0, 0, 0, -MOST), (1, 0, 0, 0, -(2**63))]


@pytest.mark.parametrize("row", [*TOO_LARGE, (1, 0, -1, 0, 0)])
def test_numbers_that_are_too_large_are_put_by_themselves(row: tuple[int, ...]) -> None:
    curve = Curve()
    assert extend_all([curve], ("a",), [1], np.array([row], np.int64).T) == [False] and curve.is_empty


@pytest.mark.parametrize("rows_of_each", [1, 3])
def test_sums_that_grow_too_large_are_put_by_themselves(rows_of_each: int) -> None:
    large, small, extended = Curve(), Curve(), list[list[bool]]()
    for minute in range(4):
        rows = [(60 * minute + second, 0, MOST // rows_of_each - 1, 0, 0) for second in range(rows_of_each)]
        both = np.array([*rows, (60 * minute, 0, 1, 0, 0)], np.int64).T
        extended.append(extend_all([large, small], ("a",), [rows_of_each, 1], both))
    # 2**32 and more is no machine integer of the column.
    assert extended == [[True, True], [True, True], [False, True], [False, True]]
    large_rows = 2 * rows_of_each
    assert large.totals(EVER).completed == large_rows * (MOST // rows_of_each - 1)
    assert small.totals(EVER).completed == 4


def test_a_schedule_that_is_too_large_changes_nothing_of_the_next_one() -> None:
    rows = [(second, 0, MOST - 1, 0, 0) for second in range(600)]
    small = Curve()
    for first in (Curve(), None):
        extend_all([first, small], ("a",), [600, 1], np.array([*rows, (60 if first is None else 0, 0, 5, 0, 0)]).T)
    assert small.first_second_sold(10, 99) == 60 and small.first_second_sold(11, 99) is None


@pytest.mark.parametrize("cells", [[(0, 2**32, 0, 0)], [(0, 1, 0, 2**63)], [(0, 0, 2**32, 0)]])
def test_a_curve_that_is_empty_again_after_numbers_outgrew_it_is_counted_on(cells: list[Any]) -> None:
    curve, other = Curve(), Curve()
    curve.put("a", 0, cells)
    curve.settle()
    curve.put("a", 0, ())
    curve.settle()
    rows = np.array([(60, 0, 1, 0, 5), (60, 0, 2, 0, 6)], np.int64).T
    was_put, other_put = extend_all([curve, other], ("a",), [1, 1], rows)
    if not was_put:
        curve.put("a", 1, [(60, 1, 0, 5)])
    assert other_put and [one.totals(EVER)[::2] for one in (curve, other)] == [(1, 5), (2, 6)]


def test_an_amount_that_may_grow_too_large_is_put_by_itself() -> None:
    curve = Curve()
    curve.put("a", 0, [(0, 1, 0, 2**62)])
    assert extend_all([curve], ("a",), [1], np.array([(60, 0, 1, 0, 1)], np.int64).T) == [False]


numbers = st.integers(0, 5) | st.sampled_from([2**62, 2**63, 2**64])
few = st.lists(
    st.builds(
        lambda first, more, its: Pane(first + more, {60 * START_MINUTE + s: list(n) for s, n in its.items()}, first),
        st.integers(0, 5) | st.just(2**62),
        st.integers(0, 3),
        st.dictionaries(st.integers(0, 59), st.tuples(numbers, numbers, numbers), min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=5,
)


@given(few)
def test_panes_that_are_read_together_are_what_each_is(found: list[Pane]) -> None:
    texts = [encode_pane(pane) for pane in found]
    together = few_cells(texts)
    each = [parts_of(text, 0) for text in texts]
    if together is None:
        assert any(number >= 2**63 for text in texts for number in _numbers(text))
        return
    lengths, columns = together
    assert lengths == [len(its) for _, _, its in each]
    assert columns.T.tolist() == [[applied, first, *cell] for applied, first, its in each for cell in its]


def _numbers(text: bytes) -> list[int]:
    return [int(number) for number in text.translate(None, b'[]"').split(b",")]


@pytest.mark.parametrize(
    "texts", [[b"[7,8,1,2,1,500]"], [b"[7,5,60,2,1,500]"], [b"[7,5,1,2,1,x]"], [b"[7,5,1,2,1,5]", b"[1,2,3,4,5]"]]
)
def test_what_is_no_pane_is_left_to_who_can_say_so(texts: list[bytes]) -> None:
    assert few_cells(texts) is None


def test_keys_that_are_parsed_together_are_what_each_is() -> None:
    keys = [pane_key(1, 65_535, 2**32 - 1, "café"), pane_key(0, 0, 0, "A")]
    columns, ids = parse_pane_keys(keys)
    assert [(*numbers, name) for numbers, name in zip(columns.T.tolist(), ids, strict=True)] == [
        parse_pane_key(key) for key in keys
    ]


def test_of_a_pane_that_comes_again_only_the_last_counts_and_what_goes_back_is_looked_at() -> None:
    key, other = pane_key(0, 1, 5, "A"), pane_key(0, 1, 4, "A")
    came = [(key, b"[7,7,1,2,0,0]"), (other, b"[6,6,9,1,0,0]"), (key, b"[8,7,1,2,0,0,3,1,0,0]")]
    columns = np.hstack([found.columns for one in came if (found := begun([one])) is not None])
    its = arranged(Taken(["A"], [columns.shape[1]], columns))
    assert not its.went_back and [source_of(code) for code in its.codes] == [(0, 1)]
    assert [(minute_of(number), *offsets) for number, *offsets in its.panes.tolist()] == [(4, 6, 6), (5, 8, 7)]
    assert its.lengths == [3] and its.rows[[0, 2]].tolist() == [[249, 301, 303], [1, 2, 1]]
    assert [(minute_of(n), applied, len(cells)) for n, applied, _, cells in versions(columns)] == [
        (5, 7, 1),
        (4, 6, 1),
        (5, 8, 2),
    ]
    back = columns[:, ::-1]
    assert arranged(Taken(["A"], [back.shape[1]], back)).went_back == {0}


def test_panes_are_noted_together_only_behind_all_others() -> None:
    offsets = PaneOffsets()
    numbers = [pane_number(0, 0, minute) for minute in (5, 6)]
    assert offsets.extend("A", numbers[0], np.array([(number, 9, 8) for number in numbers]).tobytes())
    assert len(offsets) == 2 and offsets.count_of("A", 5, 7) == 2
    assert not offsets.extend("A", numbers[1], np.array([(numbers[1], 10, 8)]).tobytes())
    assert offsets.of("A", 6, 7)[0].applied == 9
