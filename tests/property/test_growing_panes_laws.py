"""A pane of which only what is new is read has what reading all of it gives."""

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings.panes import Pane, encode_pane, parts_of
from ranking_app.read_model.growing_panes import GrowingPanes
from tables.layout import pane_key

MINUTE = 3

numbers = st.one_of(st.integers(0, 9), st.sampled_from([-(2**70), 2**64 - 1, 2**64]))
changes = st.tuples(
    st.sampled_from("AB"),
    st.one_of(st.integers(50, 59), st.integers(0, 59)),  # most are of the newest seconds
    st.one_of(st.none(), st.tuples(numbers, numbers, numbers)),
    st.one_of(st.none(), st.integers(0, 3)),
)
"""A schedule, a second of its pane, what it has from now on (None: nothing) and the lowest offset (None: not known)."""


@given(st.lists(changes, max_size=60), st.sampled_from([0, 40]), st.sampled_from([1, 2]), st.booleans())
def test_it_is_read_as_a_whole_pane_is(given_changes: list[Any], long_bytes: int, most_kept: int, first_stays: bool):
    panes = {name: Pane(first=0) for name in "AB"}
    with patch.multiple("ranking_app.read_model.growing_panes", LONG_BYTES=long_bytes, MOST_KEPT=most_kept):
        growing = GrowingPanes()
        for offset, (name, second, cell, first) in enumerate(given_changes, start=10):
            pane, at_s = panes[name], MINUTE * 60 + second
            pane.applied = offset
            if not first_stays:
                pane.first = first
            if cell is None:
                pane.seconds.pop(at_s, None)
            else:
                pane.seconds[at_s] = list(cell)
            text = encode_pane(pane)
            if text.count(b",") >= 4:
                assert growing.parts_of(pane_key(0, 0, MINUTE, name), text, MINUTE) == parts_of(text, MINUTE)


def test_of_a_longer_pane_only_what_is_new_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[bytes]()

    def noting(value: bytes, minute: int) -> Any:
        read.append(value)
        return parts_of(value, minute)

    monkeypatch.setattr("ranking_app.read_model.growing_panes.parts_of", noting)
    growing, pane = GrowingPanes(), Pane(7, {MINUTE * 60 + s: [1, 0, 500] for s in range(20)}, first=5)
    growing.parts_of(b"A", encode_pane(pane), MINUTE)
    pane.applied, pane.seconds[MINUTE * 60 + 19], pane.seconds[MINUTE * 60 + 21] = 9, [2, 0, 800], [1, 1, 0]
    assert growing.parts_of(b"A", encode_pane(pane), MINUTE) == parts_of(encode_pane(pane), MINUTE)
    assert read[1:] == [b"[9,5,19,2,0,800,21,1,1,0]"]
