"""Numbers for schedules."""

from array import array

from ranking_app.rankings import numbering
from ranking_app.rankings.numbering import Numbering


def test_each_schedule_has_the_next_number_when_it_comes_first() -> None:
    numbers = Numbering()
    name = numbers.name
    assert array("i", numbers.of(["B", "A", "B"])).tolist() == [0, 1, 0]
    assert array("i", numbers.of(iter(["C", "A"]))).tolist() == [2, 1]
    assert numbers.of([]) == b""
    assert numbers.name == name != Numbering().name


def test_with_many_it_begins_anew_under_another_name(monkeypatch) -> None:
    monkeypatch.setattr(numbering, "MOST_NUMBERED", 2)
    numbers = Numbering()
    name = numbers.name
    assert array("i", numbers.of(["A", "B", "C"])).tolist() == [0, 1, 2]
    assert numbers.name == name, "one answer has one name"
    assert array("i", numbers.of(["C", "A"])).tolist() == [0, 1]
    assert numbers.name != name
