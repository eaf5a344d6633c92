"""The table of `make invariants` is true: its lines are in the code, once, and all nine invariants are in it."""

import pytest

from tests.invariants.breakages import BREAKAGES, Breakage
from tests.support.project import ROOT


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.without)
def test_the_line_and_the_test_are_there(breakage: Breakage) -> None:
    assert (ROOT / breakage.file).read_text().count(breakage.line) == 1, f"in {breakage.file}: {breakage.line!r}"
    file, _, name = breakage.test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text()


def test_every_invariant_is_broken_at_least_once() -> None:
    assert {breakage.invariant for breakage in BREAKAGES} == set(range(1, 10))


def test_the_page_on_reliability_names_every_one_of_them() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    for breakage in BREAKAGES:
        assert breakage.test.rpartition("::")[2] in page, breakage.test
