"""Laws of comparing two generations: only what was counted matters, and nothing that was not counted gets by."""

from hypothesis import given
from hypothesis import strategies as st

from ranking_app.backfill.compare import BOARDS, compare, instants_between
from ranking_app.backfill.trace import Trace
from ranking_app.rankings.windows import Window
from ranking_app.read_model.state import ReadModel
from tests.property.events import SPAN_S, START_S, histories, instants, naive_totals
from tests.property.events import Event as Made
from tests.support.boards import ranked
from tests.unit.test_backfill_compare import Event, model_of

CAPACITIES = {"A": 3, "B": 1, "Ä": 7}
INSTANTS = instants_between(START_S - 1, START_S + SPAN_S + 1, 7)

sources = st.tuples(st.integers(0, 1), st.integers(0, 5))


def split(history: list[Made], places: list[tuple[int, int]]) -> ReadModel:
    """The model of a generation that found these events in this order, each on the partition named for it."""
    events = [
        Event(made.schedule_id, made.at_s, offset, made.quantity, made.amount, made.cancelled, *place)
        for offset, (made, place) in enumerate(zip(history, places, strict=True))
    ]
    return model_of(events, CAPACITIES, partitions=6)


def places_of(history: list[Made]) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(sources, min_size=len(history), max_size=len(history))


@given(histories, st.data())
def test_another_order_and_another_split_over_the_partitions_are_equal(history, data):
    shuffled = data.draw(st.permutations(history))
    old = split(history, data.draw(places_of(history)))
    new = split(shuffled, data.draw(places_of(history)))
    differences = compare(old, new, INSTANTS)
    assert differences.equal
    assert differences.compared.seconds == len({(made.schedule_id, made.at_s) for made in history})


@given(histories.filter(bool), st.data())
def test_an_event_that_is_missing_is_always_found_and_traced_to_its_offset(history, data):
    at = data.draw(st.integers(0, len(history) - 1), label="missing")
    places = data.draw(places_of(history))
    kept = [number for number in range(len(history)) if number != at]
    missing = history[at]
    old, new = split(history, places), split([history[n] for n in kept], [places[n] for n in kept])
    for one, other, name in ((old, new, "old"), (new, old, "new")):
        differences = compare(one, other, INSTANTS)
        (curve,) = differences.curves
        assert (curve.schedule_id, curve.seconds) == (missing.schedule_id, 1)
        (minute,) = curve.minutes
        assert minute.minute == missing.at_s // 60
        panes = Trace(one, other).panes(missing.schedule_id, minute.minute)
        (pane,) = (pane for pane in panes if pane.verdict in ("differs", f"only in {name}"))
        assert pane.source == places[at]
        side = pane.old if name == "old" else pane.new
        assert side is not None and side.first is not None
        assert side.first <= at <= side.applied


@given(histories, histories, instants)
def test_what_is_said_of_a_schedule_is_what_a_naive_count_says(history, other, until_s):
    """Also that a schedule which is not named is the same in every second before the cut."""
    old, new = (split(events, [(0, 0)] * len(events)) for events in (history, other))
    differences = compare(old, new, INSTANTS, until_s=until_s)
    before = {(made.schedule_id, made.at_s) for made in (*history, *other) if made.at_s < until_s}
    assert differences.compared.seconds == len(before)
    named = {curve.schedule_id: curve for curve in differences.curves}
    for schedule_id in {made.schedule_id for made in (*history, *other)}:
        sides = [[m for m in events if m.schedule_id == schedule_id] for events in (history, other)]
        differing = [
            at_s
            for at_s in {made.at_s for side in sides for made in side if made.at_s < until_s}
            if len({naive_totals(side, Window(at_s, at_s + 1)) for side in sides}) == 2
        ]
        assert (schedule_id in named) == bool(differing)
        if differing:
            curve = named[schedule_id]
            assert curve.seconds == len(differing)
            assert [found.minute for found in curve.minutes] == sorted({at_s // 60 for at_s in differing})
            assert [curve.old, curve.new] == [naive_totals(side, Window(None, until_s)) for side in sides]


@given(histories, histories, st.integers(1, 4))
def test_the_rows_compared_are_the_first_ones_of_the_boards(history, other, top):
    old, new = (split(events, [(0, 0)] * len(events)) for events in (history, other))
    differences = compare(old, new, INSTANTS, top)
    named = {(found.board, found.as_of_s): found for found in differences.boards}
    for as_of_s in INSTANTS:
        for board in BOARDS:
            whole = [ranked(board, model.schedules.values(), as_of_s) for model in (old, new)]
            rows = [
                [(r.rank(p, "standard"), r.rows[p][2], board.score(r.rows[p][0])) for p in range(min(top, len(r)))]
                for r in whole
            ]
            found = named.get((board, as_of_s))
            assert (found is None) == (rows[0] == rows[1])
            for row in () if found is None else found.rows:
                sides = [side[row.place] if row.place < len(side) else None for side in rows]
                assert [row.old, row.new] == sides
                assert row.old != row.new
