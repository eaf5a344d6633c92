"""Tasks that nobody waits for: what ends one of them unexpectedly has to reach somebody."""

import asyncio
from collections.abc import Callable
from typing import Any


def telling(on_failure: Callable[[BaseException], None]) -> Callable[[asyncio.Future[Any]], None]:
    """For add_done_callback: on_failure is told the exception that ended a task; a cancellation is none."""

    def ended(task: asyncio.Future[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            on_failure(error)

    return ended
