"""How fast a rebuild goes: no faster than its rate, and not at all while the live generation falls behind."""

import asyncio
from types import SimpleNamespace

import pytest

from agents import pace as pace_module
from agents.pace import BackfillPace, NoPace


def never() -> bool:
    return False


class Seconds:
    """A clock that only moves while somebody waits, so that no pause of the machine counts."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    async def waited(self, pace: BackfillPace | NoPace, records: int) -> float:
        began_s = self.now_s
        await pace.wait(records, never)
        return self.now_s - began_s


@pytest.fixture
def seconds(monkeypatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr(pace_module, "time", clock)
    monkeypatch.setattr(pace_module, "asyncio", SimpleNamespace(sleep=clock.sleep))
    return clock


async def test_without_a_rate_nothing_is_waited_for(seconds):
    assert await seconds.waited(BackfillPace(None, never, never), 10**9) == 0
    assert await seconds.waited(NoPace(), 10**9) == 0


async def test_what_was_taken_is_paid_for_before_the_next(seconds):
    pace = BackfillPace(1_000, never, never)
    assert await seconds.waited(pace, 300) == 0
    assert await seconds.waited(pace, 1) == pytest.approx(0.3)
    assert await seconds.waited(pace, 1) == pytest.approx(0.001)


async def test_it_rests_while_the_live_generation_is_behind():
    behind = [True]
    pace = BackfillPace(None, lambda: behind[0], never)
    waiting = asyncio.create_task(pace.wait(1, never))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    behind[0] = False
    await asyncio.wait_for(waiting, 5)


async def test_a_generation_that_is_live_itself_is_not_held_up(seconds):
    pace = BackfillPace(1, lambda: True, lambda: True)
    assert [await seconds.waited(pace, 10), await seconds.waited(pace, 10)] == [0, 0]


async def test_who_is_closing_does_not_wait():
    pace = BackfillPace(None, lambda: True, never)
    await asyncio.wait_for(pace.wait(1, lambda: True), 5)
