"""What a curve keeps is a function of what was put last, to the last number of each column, whatever way it took."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from ranking_app.rankings.curve import Curve
from tests.property.events import START_S

START_MINUTE = START_S // 60

PUT = "put"

quantities = st.integers(0, 3) | st.sampled_from([2**32 - 1, 2**32, 2**64])
amounts = st.integers(-5, 5) | st.sampled_from([2**63 - 1, 2**63, -(2**63) - 1, 2**70])
cells = st.lists(
    st.tuples(st.sampled_from([0, 1, 2, 58, 59]), quantities, quantities, amounts),
    max_size=3,
    unique_by=lambda cell: cell[0],
).map(sorted)
lone_cells = st.tuples(st.integers(0, 59), quantities, st.just(0) | quantities, amounts).map(lambda cell: [cell])
steps = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from([0, 0, 0, 1, -1, -2]),
        lone_cells | cells,
        st.sampled_from([PUT, "put_all"]),
        st.booleans(),
    ),
    max_size=30,
)
"""Source, minutes after the newest one before (1 more each step), what is put and how, whether somebody asks then."""


def columns(sources: tuple[Any, ...], last: dict[tuple[str, int], list[Any]]) -> list[list[int]]:
    """As Rows.columns, from nothing."""
    rows = sorted((at_s, sources.index(source), *numbers) for (source, _), at in last.items() for at_s, *numbers in at)
    sums = [[0], [0], [0]]
    peaks = [0]
    for number, (second, _, *numbers) in enumerate(rows):
        for column, change in zip(sums, numbers, strict=True):
            column.append(column[-1] + change)
        ends = number + 1 == len(rows) or rows[number + 1][0] != second
        peaks.append(max(peaks[-1], sums[0][-1] - sums[1][-1]) if ends else peaks[-1])
    return [[row[0] for row in rows], [row[1] for row in rows], *sums, peaks]


def put(curve: Curve, how: str, source: str, minute: int, found: list[Any]) -> int:
    if how == PUT:
        return curve.put(source, minute, found)
    curve.put_all([(source, minute, []), (source, minute, found)])
    return minute * 60


def at_minute(minute: int, found: list[Any]) -> list[Any]:
    return [(60 * minute + second, *numbers) for second, *numbers in found]


@given(steps)
@example(
    [("a", 0, [(5, 1, 0, 10)], PUT, False), ("a", -1, [(9, 2, 0, 20)], PUT, False)]
)  # replaced, before anybody asks
@example([("a", 0, [(5, 1, 0, 10)], PUT, True), ("a", -1, [(3, 2, 1, 20)], PUT, True)])  # replaced by an earlier second
@example(
    [("a", 0, [(5, 1, 0, 10)], PUT, True), ("b", -1, [(5, 2, 0, 20)], PUT, True)]
)  # the same second of another source
@example(
    [("a", 0, [(5, 1, 0, 2**63 - 1)], PUT, False), ("a", 0, [(5, 1, 0, 1)], PUT, False)]
)  # a sum outgrows its column
def test_the_columns_hold_what_was_put_last(steps):
    curve, last, minute = Curve(), dict[Any, Any](), START_MINUTE
    for source, late, found, how, ask in steps:
        minute = max(minute + 1 + late, START_MINUTE)
        last[source, minute] = at_minute(minute, found)
        put(curve, how, source, minute, last[source, minute])
        if ask:
            sources, kept = curve.columns()
            assert [list(column) for column in kept] == columns(sources, last)
    sources, kept = curve.columns()
    assert [list(column) for column in kept] == columns(sources, last)


@given(steps)
def test_nothing_before_the_second_that_a_put_tells_of_has_changed(steps):
    curve, minute, last = Curve(), START_MINUTE, dict[Any, Any]()
    for source, late, found, how, _ in steps:
        minute = max(minute + 1 + late, START_MINUTE)
        before = {place: list(at) for place, at in last.items()}
        last[source, minute] = at_minute(minute, found)
        changed_s = put(curve, how, source, minute, last[source, minute])
        for panes in (before, last):
            panes.setdefault((source, minute), [])
        assert all(
            [cell for cell in before[place] if cell[0] < changed_s] == [cell for cell in at if cell[0] < changed_s]
            for place, at in last.items()
        )


@given(st.permutations(range(8)), st.booleans())
def test_many_schedules_with_nothing_to_keep_share_nothing_that_one_of_them_changes(order, ask):
    one, other = Curve(), Curve()
    for minute in order:
        one.put("a", START_MINUTE + minute, at_minute(START_MINUTE + minute, [(s, 1, 0, 1) for s in range(9)]))
        if ask:
            one.columns()
    assert other.is_empty and Curve().is_empty
    assert other.put("a", START_MINUTE, []) == 60 * START_MINUTE
