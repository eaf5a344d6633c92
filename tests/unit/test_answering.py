"""Which generation answers while others load, and what is in memory meanwhile."""

import asyncio
import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from aiokafka.errors import KafkaConnectionError

from ranking_app import answering
from ranking_app.answering import Answering
from ranking_app.generations.control_state import ControlState, Live, generation_record, prepared_record
from ranking_app.generations.generation import Generation
from ranking_app.metrics import Metrics
from ranking_app.read_model.followed import Followed, FollowedGenerations
from ranking_app.read_model.switched import SwitchedReadModel
from ranking_app.settings import BASE
from tests.unit.test_backfill_compare import CAPACITIES, SOLD, model_of

WITHIN_S = 5.0


class FollowerStub:
    """Starts, stops, and notes who held it and whose metrics it sets."""

    def __init__(self) -> None:
        self.loaded = asyncio.Event()
        self.fails_to_start = 0
        self.metrics: Metrics | None = None
        self.was_held = 0

    async def start(self) -> None:
        if self.fails_to_start:
            self.fails_to_start -= 1
            raise KafkaConnectionError("away")

    async def stop(self) -> None: ...

    def report_to(self, metrics: Metrics) -> None:
        self.metrics = metrics

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        self.was_held += 1
        yield


class World:
    """A process with the base generation, and one more that was begun."""

    def __init__(self) -> None:
        self.state = ControlState(Generation(BASE, 3))
        self.state.apply(*generation_record(Generation("new", 3)))
        self.changed = asyncio.Event()
        self.followers = {name: FollowerStub() for name in (BASE, "new")}
        self.models = {name: model_of(SOLD, CAPACITIES) for name in (BASE, "new")}
        self.model = SwitchedReadModel(BASE, model_of([], {}))
        self.metrics = Metrics()
        log = structlog.get_logger()
        self.followed = FollowedGenerations(self._make, log)
        control: Any = SimpleNamespace(state=self.state, changed=self.changed)
        self.answering = Answering(control, self.followed, self.model, self.metrics, log)

    def _make(self, name: str) -> Followed:
        follower: Any = self.followers[name]
        return Followed(self.models[name], follower)

    def load(self, name: str) -> None:
        self.models[name].loaded = True
        self.followers[name].loaded.set()


@pytest.fixture
async def world() -> World:
    made = World()
    made.load(BASE)
    await made.answering.adopt()
    assert made.model.generation == BASE and made.followed.names() == {BASE}
    return made


async def test_a_generation_that_loads_does_not_answer_in_place_of_one_that_is_loaded(world: World) -> None:
    world.state.apply(*Live("new", None, 1).record())
    await world.answering.adopt()
    assert world.model.generation == BASE
    assert world.followed.names() == {BASE, "new"}, "what answers stays in memory, wanted or not"
    assert world.answering.now.model is world.models[BASE]

    world.load("new")
    await asyncio.wait_for(world.answering.next_cause(), WITHIN_S)
    await world.answering.adopt()
    assert world.model.generation == "new" and world.answering.now.model is world.models["new"]
    assert world.followed.names() == {"new"}


async def test_the_metrics_of_the_process_are_of_what_answers(world: World) -> None:
    world.load("new")
    world.state.apply(*Live("new", BASE, 1).record())
    await world.answering.adopt()
    assert world.followers["new"].metrics is world.metrics
    assert world.followers[BASE].metrics not in (None, world.metrics)


async def test_what_answers_is_held_until_the_new_one_is_as_far_but_not_for_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "AS_FAR_WITHIN_S", 0.05)
    world.models["new"] = model_of([], {})  # it has counted nothing, and never will
    world.load("new")
    world.state.apply(*Live("new", BASE, 1).record())
    await asyncio.wait_for(world.answering.adopt(), WITHIN_S)
    assert world.followers[BASE].was_held == 1 and world.model.generation == "new"


async def test_what_is_prepared_or_counted_is_in_memory_until_it_is_not(world: World) -> None:
    world.state.apply(*prepared_record("new"))
    await world.answering.adopt()
    assert world.followed.names() == {BASE, "new"} and world.model.generation == BASE
    world.answering.counted = "new"
    world.state.apply(*prepared_record(None))
    await world.answering.adopt()
    assert world.followed.names() == {BASE, "new"}
    world.answering.counted = None
    await world.answering.leave_unwanted()
    assert world.followed.names() == {BASE}


async def test_a_broker_that_is_away_at_that_moment_is_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "RETRY_S", 0.0)
    world.followers["new"].fails_to_start = 2
    world.state.apply(*prepared_record("new"))
    await asyncio.wait_for(world.answering.adopt_or_try_again(), WITHIN_S)
    assert world.followed.names() == {BASE, "new"}


async def test_a_change_of_the_control_topic_is_a_cause_once(world: World) -> None:
    world.changed.set()
    await asyncio.wait_for(world.answering.next_cause(), WITHIN_S)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.answering.next_cause(), 0.05)
