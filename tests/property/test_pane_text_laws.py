"""A pane that keeps a part of its text is written as one that does not."""

from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings.panes import MANY_SECONDS, Pane, encode_pane, fold
from schemas.sale import Sale

MINUTE = 5

sales = st.tuples(st.integers(0, 2 * MANY_SECONDS), st.integers(1, 2**62), st.booleans())
"""Second of the minute, amount, whether it is cancelled."""


@given(st.lists(st.lists(sales, min_size=1, max_size=MANY_SECONDS), max_size=12))
def test_a_pane_that_was_written_before_is_written_as_a_new_one(flushes):
    pane, offset = Pane(), 0
    for flush in flushes:
        for second, amount, cancelled in flush:
            fold(lambda *_: pane, [Sale(offset, "A", (MINUTE * 60 + second) * 1000, 1, amount, cancelled, None)])
            offset += 1
        assert encode_pane(pane) == encode_pane(Pane(pane.applied, dict(pane.seconds), pane.first))
