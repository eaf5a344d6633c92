"""How fast a rebuild goes: at the rate that is set, and not while the live generation falls behind."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

YIELD_S = 0.25
"""Between two looks whether the live generation has caught up."""


class Pace(Protocol):
    """Asked before each flush."""

    async def wait(self, records: int, closing: Callable[[], bool]) -> None:
        """Return when so many records may be counted, or soon after closing() says so."""


class NoPace:
    """As fast as it goes."""

    async def wait(self, records: int, closing: Callable[[], bool]) -> None:
        """At once."""


class BackfillPace:
    """Shared by the partitions of a worker. rate: records a second of all of them; None: no limit.

    must_yield: whether the live generation needs the brokers and processors more. is_over: whether this generation is
    the live one itself by now.
    """

    def __init__(self, rate: int | None, must_yield: Callable[[], bool], is_over: Callable[[], bool]) -> None:
        self._rate = rate
        self._must_yield = must_yield
        self._is_over = is_over
        self._free_at_s = 0.0

    async def wait(self, records: int, closing: Callable[[], bool]) -> None:
        """See Pace. A flush that is larger than the rate waits for longer afterwards, not before."""
        while not (closing() or self._is_over()):
            pause_s = YIELD_S if self._must_yield() else min(self._free_at_s - time.monotonic(), YIELD_S)
            if pause_s <= 0:
                break
            await asyncio.sleep(pause_s)
        if self._rate is not None:
            self._free_at_s = max(self._free_at_s, time.monotonic()) + records / self._rate
