"""While a schedule is quiet, looking at it again would find no news: what the notifier relies on."""

from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings.curve import Curve
from ranking_app.rankings.news import identity_of, news, quiet_below
from ranking_app.rankings.panes import MINUTE_S
from tests.property.events import listing

NOW_S = 4 * MINUTE_S

cells = st.dictionaries(st.integers(0, MINUTE_S - 1), st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=4)
puts = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), cells), max_size=12)


@given(puts, st.integers(1, 60))
def test_less_completed_than_the_next_milestone_takes_is_no_other_news(changes, capacity):
    curve, below = Curve(), quiet_below([], capacity)
    known: set[tuple[type, int]] = set()
    for source, minute, seconds in changes:
        start_s = minute * MINUTE_S
        curve.put(source, minute, [(start_s + s, done, back, 0) for s, (done, back) in sorted(seconds.items())])
        quiet = curve.completed_at_most < below  # asked before anything settles the curve
        found = news(curve, listing(capacity), NOW_S)
        if quiet:
            assert {identity_of(item) for item in found} <= known
        else:
            below = quiet_below(found, capacity)
        known |= {identity_of(item) for item in found}


@given(puts, st.integers(0, 5 * MINUTE_S))
def test_what_a_curve_may_reach_and_complete_at_most_is_never_too_little(changes, from_s):
    curve = Curve()
    for source, minute, seconds in changes:
        start_s = minute * MINUTE_S
        curve.put(source, minute, [(start_s + s, done, back, 0) for s, (done, back) in sorted(seconds.items())])
        reaches, at_most = curve.may_reach(from_s), curve.completed_at_most
        assert reaches or curve.first_second_from(from_s) is None
        assert curve.columns()[1][2][-1] <= at_most
