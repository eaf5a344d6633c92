"""Flushes of several partitions begin in one turn of the loop."""

import asyncio

from agents import in_step
from agents.in_step import QUIET_TURNS, InStep


async def turns_of(asked_in: list[int]) -> list[int]:
    """The turns in which those begin who ask in these turns."""
    together, began, turns = InStep(), list[int](), list[int]()
    for turn in range(asked_in[-1] + 2 * QUIET_TURNS):
        turns.append(turn)
        for _ in range(asked_in.count(turn)):
            together.soon(lambda: began.append(turns[-1]))
        await asyncio.sleep(0)
    return began


async def test_who_asks_alone_begins_soon():
    (began,) = await turns_of([0])
    assert began <= QUIET_TURNS


async def test_those_who_ask_turn_after_turn_begin_in_the_same_one():
    began = await turns_of([0, 1, 2, 2, 3])
    assert len(began) == 5
    assert len(set(began)) == 1
    assert began[0] >= 3


async def test_nobody_waits_for_ever_for_others(monkeypatch):
    monkeypatch.setattr(in_step, "LONGEST_S", 0.0)
    began = await turns_of(list(range(20)))
    assert began[0] <= 1


async def test_who_asks_later_begins_later():
    first, second = await turns_of([0, 5])
    assert first < 5 <= second


async def test_who_asks_while_others_begin_is_not_forgotten():
    together, began = InStep(), list[str]()

    def begin() -> None:
        began.append("first")
        together.soon(lambda: began.append("second"))

    together.soon(begin)
    for _ in range(4 * QUIET_TURNS):
        await asyncio.sleep(0)
    assert began == ["first", "second"]
