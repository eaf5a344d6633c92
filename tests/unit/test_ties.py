"""Ranks of equals."""

import pytest

from ranking_app.rankings.ties import ranks

KEYS = [-9, -7, -7, -3]


@pytest.mark.parametrize(
    ("ties", "expected"), [("standard", [1, 2, 2, 4]), ("dense", [1, 2, 2, 3]), ("ordinal", [1, 2, 3, 4])]
)
def test_standard_is_1_2_2_4_dense_1_2_2_3_and_ordinal_1_2_3_4(ties, expected):
    assert ranks(KEYS, ties, 0, 10) == expected


@pytest.mark.parametrize(("ties", "expected"), [("standard", [2, 4]), ("dense", [2, 3]), ("ordinal", [3, 4])])
def test_a_page_that_begins_amid_equals_goes_on_with_their_rank(ties, expected):
    assert ranks(KEYS, ties, 2, 10) == expected


@pytest.mark.parametrize("ties", ["standard", "dense", "ordinal"])
def test_a_page_behind_the_end_is_empty(ties):
    assert ranks(KEYS, ties, 4, 10) == ranks([], ties, 0, 10) == []
