"""Answers that are kept as bytes: made once for all who ask, anew when something changed, soon enough."""

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from ranking_app.web import kept_answers
from ranking_app.web.kept_answers import KeptAnswers, Recipe
from tests.support.web import STATE


class Kitchen:
    """Makes answers that say how many were made before; a test decides what changes, and how long it takes."""

    def __init__(self, *, live: bool) -> None:
        self.state = STATE
        self.answers = KeptAnswers(lambda: self.state.generation)
        self.moment = 0
        self.made = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.fails = False
        self.recipe = Recipe(
            make=self.make,
            moment=lambda: self.moment,
            completeness=lambda: self.state,
            live=live,
        )

    async def prepare(self) -> None:
        await self.go_on.wait()

    def make(self) -> dict[str, Any]:
        if self.fails:
            raise ValueError("a bug")
        self.made += 1
        return {"moment": self.moment}

    async def ask(self) -> int:
        request = make_mocked_request("GET", "/")
        response = await self.answers.or_ask(
            request, lambda: self.answers.respond(request, "/", self.recipe, self.prepare)
        )
        assert isinstance(response, web.Response) and isinstance(response.body, bytes)
        moment: int = orjson.loads(response.body)["moment"]
        return moment


class AtOnce(Kitchen):
    """Its answers need no preparing."""

    async def ask(self) -> int:
        request = make_mocked_request("GET", "/")
        response = self.answers.respond_at_once(request, "/", self.recipe)
        assert isinstance(response.body, bytes)
        moment: int = orjson.loads(response.body)["moment"]
        return moment


KITCHENS = pytest.mark.parametrize("kind", [Kitchen, AtOnce])


async def overtaken() -> Kitchen:
    """One whose live answer is kept, and not the newest any more; a newer one takes until go_on."""
    kitchen = Kitchen(live=True)
    await kitchen.ask()
    kitchen.moment = 1
    kitchen.go_on.clear()
    return kitchen


@pytest.fixture
def no_rest(monkeypatch):
    monkeypatch.setattr(kept_answers, "REST", 0.0)


@KITCHENS
async def test_the_same_moment_is_answered_with_the_same_bytes(kind):
    kitchen = kind(live=False)
    assert [await kitchen.ask() for _ in range(3)] == [0, 0, 0]
    assert kitchen.made == 1


@KITCHENS
@pytest.mark.parametrize("live", [True, False])
async def test_what_changed_shows_in_the_very_next_answer(kind, live, no_rest):
    kitchen = kind(live=live)
    for moment in range(5):
        kitchen.moment = moment
        assert await kitchen.ask() == moment


@KITCHENS
async def test_a_live_answer_rests_for_a_multiple_of_the_time_it_took_and_a_fixed_one_does_not(kind, monkeypatch):
    monkeypatch.setattr(kept_answers, "REST", 1e9)
    monkeypatch.setattr(kept_answers, "LONGEST_REST_S", 0.05)
    live, fixed = kind(live=True), kind(live=False)
    assert (await live.ask(), await fixed.ask()) == (0, 0)
    live.moment = fixed.moment = 1
    assert (await live.ask(), await fixed.ask()) == (0, 1)
    await asyncio.sleep(0.06)
    assert await live.ask() == 1, "at the latest after LONGEST_REST_S"


async def test_what_another_generation_answered_is_not_given_any_more(monkeypatch):
    monkeypatch.setattr(kept_answers, "REST", 1e9)
    kitchen = await overtaken()
    assert await kitchen.ask() == 0, "it rests"
    kitchen.go_on.set()
    kitchen.state = replace(STATE, generation="rebuilt")
    assert await kitchen.ask() == 1


async def test_however_many_ask_at_the_same_time_it_is_made_once():
    kitchen = Kitchen(live=False)
    kitchen.go_on.clear()
    asking = [asyncio.create_task(kitchen.ask()) for _ in range(20)]
    await asyncio.sleep(0)
    kitchen.go_on.set()
    assert await asyncio.gather(*asking) == [0] * 20
    assert kitchen.made == 1


async def test_while_a_newer_live_answer_is_made_only_the_first_one_to_ask_waits_for_it(no_rest, monkeypatch):
    monkeypatch.setattr(kept_answers, "PATIENCE_S", 10.0)
    kitchen = await overtaken()
    first = asyncio.create_task(kitchen.ask())
    await asyncio.sleep(0)
    assert await kitchen.ask() == 0
    assert not first.done()
    kitchen.go_on.set()
    assert await first == 1
    assert await kitchen.ask() == 1


async def test_nobody_waits_longer_than_patience_allows_and_the_newer_one_is_made_all_the_same(no_rest, monkeypatch):
    monkeypatch.setattr(kept_answers, "PATIENCE_S", 0.001)
    kitchen = await overtaken()
    assert [await kitchen.ask() for _ in range(3)] == [0, 0, 0]
    kitchen.go_on.set()
    await asyncio.gather(*kitchen.answers._making.values())
    monkeypatch.setattr(kept_answers, "REST", 1e9)
    assert (await kitchen.ask(), kitchen.made) == (1, 2)


async def test_a_failure_that_nobody_waited_for_is_told_to_the_next_one(no_rest, monkeypatch):
    monkeypatch.setattr(kept_answers, "PATIENCE_S", 0.001)
    kitchen = await overtaken()
    kitchen.fails = True
    assert await kitchen.ask() == 0
    kitchen.go_on.set()
    while kitchen.answers._asked:  # noqa: ASYNC110 - turns of the loop, not time
        await asyncio.sleep(0)
    monkeypatch.setattr(kept_answers, "PATIENCE_S", 10.0)
    with pytest.raises(ValueError, match="a bug"):
        await kitchen.ask()


async def test_who_finds_an_answer_that_is_too_old_waits_for_the_newer_one(no_rest, monkeypatch):
    kitchen = await overtaken()
    monkeypatch.setattr(kept_answers, "PATIENCE_S", 0.001)
    monkeypatch.setattr(kept_answers, "OLDEST_S", 0.0)
    asking = [asyncio.create_task(kitchen.ask()) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert not any(one.done() for one in asking)
    kitchen.go_on.set()
    assert await asyncio.gather(*asking) == [1, 1, 1]


async def test_who_goes_away_takes_the_answer_from_nobody():
    kitchen = Kitchen(live=False)
    kitchen.go_on.clear()
    leaving, staying = asyncio.create_task(kitchen.ask()), asyncio.create_task(kitchen.ask())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    kitchen.go_on.set()
    assert await staying == 0


@KITCHENS
async def test_a_failure_is_told_to_everybody_who_waits_and_not_kept(kind):
    kitchen = kind(live=False)
    kitchen.fails = True
    found = await asyncio.gather(kitchen.ask(), kitchen.ask(), return_exceptions=True)
    assert [type(item) for item in found] == [ValueError, ValueError]
    kitchen.fails = False
    assert await kitchen.ask() == 0


async def test_it_keeps_a_bounded_number_of_bytes(monkeypatch):
    monkeypatch.setattr(kept_answers, "MAX_KEPT", 2)
    kitchen = Kitchen(live=False)
    for question in range(5):
        await kitchen.answers.respond(make_mocked_request("GET", "/"), question, kitchen.recipe, kitchen.prepare)
    assert len(kitchen.answers._kept) == 2
    assert kitchen.answers._bytes == sum(len(kept.body) for kept in kitchen.answers._kept.values())
