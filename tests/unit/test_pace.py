"""How fast a rebuild goes: no faster than its rate, and not at all while the live generation falls behind."""

import asyncio
import time

from agents.pace import BackfillPace, NoPace


def never() -> bool:
    return False


async def waited_s(pace: BackfillPace | NoPace, records: int) -> float:
    began_s = time.monotonic()
    await pace.wait(records, never)
    return time.monotonic() - began_s


async def test_without_a_rate_nothing_is_waited_for():
    assert await waited_s(BackfillPace(None, never, never), 10**9) < 0.1
    assert await waited_s(NoPace(), 10**9) < 0.1


async def test_what_was_taken_is_paid_for_before_the_next():
    pace = BackfillPace(1_000, never, never)
    assert await waited_s(pace, 300) < 0.1
    assert 0.25 <= await waited_s(pace, 1) < 2


async def test_it_rests_while_the_live_generation_is_behind():
    behind = [True]
    pace = BackfillPace(None, lambda: behind[0], never)
    waiting = asyncio.create_task(pace.wait(1, never))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    behind[0] = False
    await asyncio.wait_for(waiting, 5)


async def test_a_generation_that_is_live_itself_is_not_held_up():
    assert await waited_s(BackfillPace(1, lambda: True, lambda: True), 10) < 0.1


async def test_who_is_closing_does_not_wait():
    pace = BackfillPace(None, lambda: True, never)
    await asyncio.wait_for(pace.wait(1, lambda: True), 1)
