"""Two generations that follow live events: what is only under way is no difference, what stays is one."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from ranking_app.backfill import load
from ranking_app.backfill.load import GenerationBehind, GenerationUnreadable, LoadedModel, settled_differences
from ranking_app.rankings.panes import Pane, encode_pane
from ranking_app.read_model.sources import CATALOGUE, SourceKey
from ranking_app.read_model.state import ReadModel
from tables.layout import pane_key
from tests.unit.test_backfill_compare import CAPACITIES, MINUTE, SOLD, START_S, Event, model_of


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "POLL_S", 0.001)
    monkeypatch.setattr(load, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(load, "MAX_PAUSE_S", 0.001)


class Generation:
    """A loaded model whose topics end where it is. on_ask(number): what happens when they are asked for once more."""

    def __init__(self, events: Iterable[Event], on_ask: Callable[[int], None] = lambda number: None) -> None:
        self.model = model_of(events, CAPACITIES)
        self.asked = 0
        self.more = dict[SourceKey, int]()
        self._on_ask = on_ask
        self.loaded = LoadedModel("g", self.model, self.ask_ends)

    async def ask_ends(self) -> dict[SourceKey, int]:
        self.asked += 1
        self._on_ask(self.asked)
        ends = {source: self.model.position(source).next_offset for source in self.model.sources()}
        return ends | {CATALOGUE: len(CAPACITIES)} | self.more


def sell(model: ReadModel, minute: int, applied: int, quantity: int) -> None:
    """One more pane of A on partition 2."""
    at_s = (MINUTE + minute) * 60
    pane = Pane(applied, {at_s: [quantity, 0, 0]}, applied)
    model.apply_change(2, pane_key(0, 2, MINUTE + minute, "A"), encode_pane(pane))


async def settled(old: Generation, new: Generation, **more: Any) -> Any:
    return await settled_differences(old.loaded, new.loaded, **{"grace_s": 0, "timeout_s": 5.0, **more})


async def test_what_one_generation_has_a_moment_later_is_no_difference() -> None:
    new = Generation(SOLD, lambda number: sell(new.model, 5, 50, 2) if number == 2 else None)
    old = Generation(SOLD)
    sell(old.model, 5, 50, 2)
    found = await settled(old, new)
    assert found.equal
    assert found.compared.schedules == 4, "of the look at everything"
    assert new.asked == 2


async def test_what_stays_is_a_difference_after_a_second_look() -> None:
    old, new = Generation(SOLD), Generation(SOLD[1:])
    found = await settled(old, new)
    assert found.schedule_ids == {"A"}
    assert found.boards
    assert found.compared.schedules == 4
    assert old.asked == new.asked == 2


async def test_what_goes_on_changing_is_a_difference_after_so_many_looks() -> None:
    old = Generation(SOLD, lambda number: sell(old.model, 5, 50 + number, number))
    new = Generation(SOLD)
    found = await settled(old, new)
    assert found.schedule_ids == {"A"}
    assert old.asked == load.ROUNDS + 1


async def test_a_generation_that_lost_its_newest_event_does_not_pass_for_it() -> None:
    newest = Event("콘서트", START_S + 5_000, 22)
    found = await settled(Generation([*SOLD, newest]), Generation(SOLD))
    assert found.schedule_ids == {"콘서트"}
    assert found.compared.until_s == START_S + 5_001


async def test_the_newest_seconds_are_left_out_by_the_grace_or_by_an_instant() -> None:
    newest = Event("콘서트", START_S + 5_000, 22)
    for limit in ({"grace_s": 1}, {"until_s": START_S + 5_000}):
        assert (await settled(Generation([*SOLD, newest]), Generation(SOLD), **limit)).equal


async def test_a_generation_that_does_not_come_forward_is_named_with_partition_and_offset() -> None:
    new = Generation(SOLD)
    new.more = {SourceKey(1, 2): 25}
    with pytest.raises(GenerationBehind, match=r"generation 'g': 'gone' partition 2 is applied up to 21 of 25"):
        await settled(Generation(SOLD), new, timeout_s=0.02)


async def test_a_catalogue_that_is_not_read_to_its_end_is_waited_for() -> None:
    new = Generation(SOLD)
    new.more = {CATALOGUE: 4}
    with pytest.raises(GenerationBehind, match="'listed' partition 0 is applied up to 3 of 4"):
        await settled(Generation(SOLD), new, timeout_s=0.02)


async def test_what_ended_the_following_ends_the_comparison() -> None:
    new = Generation(SOLD)
    new.more = {SourceKey(0, 0): 99}
    new.loaded.failures.append(OSError("gone"))
    with pytest.raises(GenerationUnreadable, match="gone"):
        await settled(Generation(SOLD), new)


async def test_generations_without_any_event_are_equal() -> None:
    found = await settled(Generation([]), Generation([]))
    assert found.equal
    assert (found.compared.seconds, found.compared.instants) == (0, 0)


async def test_instants_that_are_named_are_the_ones_looked_at() -> None:
    found = await settled(Generation(SOLD), Generation(SOLD), instants_s=[START_S + 60, START_S + 10, START_S + 60])
    assert found.compared.instants == 2
