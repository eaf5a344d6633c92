"""What the worker of a generation does because it is a rebuilt one, or because it is not live."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents.arrivals import RecordArrivals, WallArrivals
from agents.intake import DirectIntake, PlannedIntake
from agents.pace import BackfillPace, NoPace
from ranking_app.archive.errors import ArchiveUnreadable
from ranking_app.counted_generation import CountedGeneration
from ranking_app.generations.control_state import ControlState, Live, generation_record
from ranking_app.generations.generation import Generation
from ranking_app.process import Process
from ranking_app.read_model.sources import LINE_TOPICS, SourceKey
from ranking_app.settings import BASE, Settings
from tables.panes import LINE_ROLES, ROLES
from tables.position import Position

COMPLETED, CANCELLED = "completed", "cancelled"
REACHED = {SourceKey(0, 1): 7}
"""Next offset of the live generation."""


class LiveModel:
    """So far has the live generation counted; the lag of its partitions."""

    def __init__(self) -> None:
        self.complete = True
        self.lags = [0, 0, 0]

    def position(self, source: SourceKey) -> Position:
        return Position(next_offset=REACHED.get(source, 0))

    def live_as_of_s(self) -> int:
        return 0

    def completeness(self, as_of_s: int) -> Any:
        return SimpleNamespace(complete=self.complete, partitions=[SimpleNamespace(lag=lag) for lag in self.lags])


class World:
    """A process that has the base generation, which is live, and one that is rebuilt."""

    def __init__(self) -> None:
        self.state = ControlState(Generation(BASE, 3))
        self.state.apply(*generation_record(Generation("new", 3)))
        self.live_model = LiveModel()
        self.process = SimpleNamespace(
            settings=Settings(completed_topic=COMPLETED, cancelled_topic=CANCELLED, backfill_yield_lag=100),
            control=SimpleNamespace(state=self.state),
            followed={
                name: (SimpleNamespace(loaded=True), SimpleNamespace(loaded=asyncio.Event())) for name in (BASE, "new")
            },
            answering=SimpleNamespace(now=SimpleNamespace(model=self.live_model)),
            clock=None,
            fail=None,
        )

    def counted(self, name: str) -> CountedGeneration:
        return CountedGeneration(cast(Process, self.process), self.state.generations[name])

    def switch(self, name: str) -> None:
        self.state.apply(*Live(name, previous=BASE, number=1).record())


@pytest.fixture
def world() -> World:
    return World()


def test_the_base_generation_takes_what_the_brokers_have_as_it_comes(world: World) -> None:
    base = world.counted(BASE)
    assert isinstance(base.intake(), DirectIntake)
    assert isinstance(base.pace(), NoPace)
    assert {type(base.arrivals(role)) for role in ROLES} == {WallArrivals}


def test_a_rebuilt_one_reads_by_plan_at_its_pace_and_its_records_arrive_when_they_were_published(world: World) -> None:
    new = world.counted("new")
    assert isinstance(new.intake(), PlannedIntake)
    assert isinstance(new.pace(), BackfillPace)
    assert {type(new.arrivals(role)) for role in ROLES} == {RecordArrivals}
    assert {type(new.arrivals(role)) for role in LINE_ROLES} == {WallArrivals}, "never published"


def test_it_is_live_from_the_switch_on_and_dropped_when_its_name_has_gone(world: World) -> None:
    new = world.counted("new")
    assert (new.is_live, new.is_dropped) == (False, False)
    world.switch("new")
    assert (new.is_live, new.is_dropped) == (True, False)
    world.switch(BASE)
    world.state.apply(*generation_record(Generation("new", 3, dropped=True)))
    assert (new.is_live, new.is_dropped) == (False, True)


@pytest.mark.parametrize(
    ("topic", "partition", "offset", "ours"),
    [(COMPLETED, 1, 6, False), (COMPLETED, 1, 7, True), (COMPLETED, 0, 0, True), ("catalogue", 0, 0, False)],
)
def test_a_dead_letter_that_the_live_generation_has_written_is_not_written_again(
    world: World, topic: str, partition: int, offset: int, ours: bool
) -> None:
    assert world.counted("new").is_dead_letter_ours(topic, partition, offset) is ours
    assert world.counted(BASE).is_dead_letter_ours(topic, partition, offset)


def test_a_bad_line_of_an_archive_stops_it_because_it_was_good_when_the_backfill_began(world: World) -> None:
    with pytest.raises(ArchiveUnreadable, match="line offset 5"):
        world.counted("new").is_dead_letter_ours(LINE_TOPICS[0], 0, 5)


def test_it_gives_way_while_the_live_one_is_behind_but_not_to_one_that_does_not_move(world: World) -> None:
    new = world.counted("new")
    world.live_model.lags = [0, 100, 0]
    assert not new._must_yield()
    world.live_model.lags = [0, 101, 0]
    assert new._must_yield()
    world.live_model.complete = False
    assert not new._must_yield()


async def test_the_one_before_is_to_be_had_once_this_process_has_it_in_memory(world: World) -> None:
    new = world.counted("new")
    assert await new.previous() is None, "there was no switch"
    world.switch("new")
    model, follower = world.process.followed[BASE]
    asking = asyncio.create_task(new.previous())
    await asyncio.sleep(0.01)
    assert not asking.done(), "it is still being loaded"
    follower.loaded.set()
    assert await asking is model
    del world.process.followed[BASE]
    assert await new.previous() is None
