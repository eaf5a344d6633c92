"""Tasks beside others: what ends one that nobody waits for has to reach somebody; long ones leave turns to others."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any


def telling(on_failure: Callable[[BaseException], None]) -> Callable[[asyncio.Future[Any]], None]:
    """For add_done_callback: on_failure is told the exception that ended a task; a cancellation is none."""

    def ended(task: asyncio.Future[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            on_failure(error)

    return ended


async def in_turns(steps: Iterable[object], turn_s: float, rest_s: float = 0.0) -> None:
    """Take all steps, for some turn_s at a time; others have their turns in between, and rest_s at least."""
    turn_ends_s = time.monotonic() + turn_s
    for _ in steps:
        if time.monotonic() >= turn_ends_s:
            await asyncio.sleep(rest_s)
            turn_ends_s = time.monotonic() + turn_s
