"""One read model in place of another: whoever kept something computes it anew, and every answer names who gave it."""

from typing import Any

from ranking_app.rankings.change_log import NOTHING
from ranking_app.read_model.state import ReadModel
from ranking_app.read_model.switched import SwitchedReadModel
from tests.unit.test_backfill_compare import CAPACITIES, END_S, SOLD, START_S, Event, model_of
from tests.unit.test_backfill_compare_settled import sell

MORE = [*SOLD, Event("C", START_S + 9, 30, quantity=7)]


def test_answers_come_from_the_model_that_is_live_and_name_its_generation() -> None:
    old, new = model_of(SOLD, CAPACITIES), model_of(MORE, CAPACITIES)
    model = SwitchedReadModel("base", old)
    assert "C" not in model.schedules and model.completeness(END_S).generation == "base"
    model.switch("new", new)
    assert "C" in model.schedules and model.completeness(END_S).generation == "new"
    model.switch("base", old)
    assert "C" not in model.schedules and model.completeness(END_S).generation == "base"


def test_a_switch_is_a_revision_of_which_nobody_can_say_what_changed() -> None:
    old, new = model_of(SOLD, CAPACITIES), model_of(MORE, CAPACITIES)
    model = SwitchedReadModel("base", old)
    seen = [model.revision]
    for name, other in (("new", new), ("base", old), ("new", new)):
        model.switch(name, other)
        assert model.revision > seen[-1]
        assert all(model.changes_since(revision) is None for revision in seen)
        assert model.changes_since(model.revision) == NOTHING
        seen.append(model.revision)


def test_what_changes_after_a_switch_is_told_from_there_on() -> None:
    new = model_of(MORE, CAPACITIES)
    model = SwitchedReadModel("base", model_of(SOLD, CAPACITIES))
    model.switch("new", new)
    before = model.revision
    sell(new, 5, 50, 2)
    new.changed()
    changes = model.changes_since(before)
    assert changes is not None and changes.ids == {"A"}
    assert model.revision == before + 1


def test_a_change_of_the_model_that_was_left_is_nobody_s_change() -> None:
    old = model_of(SOLD, CAPACITIES)
    model = SwitchedReadModel("base", old)
    model.switch("new", model_of(MORE, CAPACITIES))
    before = model.revision
    sell(old, 5, 50, 2)
    old.changed()
    assert model.revision == before


def test_everything_else_is_passed_on() -> None:
    inner: Any = model_of(SOLD, CAPACITIES)
    model = SwitchedReadModel("base", inner)
    assert isinstance(inner, ReadModel)
    assert model.loaded == inner.loaded and model.live_as_of_s() == inner.live_as_of_s()
    assert model.activity() == inner.activity()
    minutes = (START_S // 60, END_S // 60)
    assert model.panes_of("A", *minutes) == inner.panes_of("A", *minutes)
    assert model.count_panes_of("A", *minutes) == inner.count_panes_of("A", *minutes) > 0
