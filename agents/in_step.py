"""Has the flushes of a worker's partitions begin in the same turn of the loop, so that they are written together.

Faust's stream hands over one batch a turn. Flushes that began one turn after the other reached the producer one after
the other, and it has one request under way to a broker at a time: the first went alone, and the others waited for its
answer (docs/decisions/0016-own-writes.md).
"""

import asyncio
import time
from collections.abc import Callable

QUIET_TURNS = 2
"""Turns of ours in a row without another one who asks: the stream's next turn may come after ours."""

LONGEST_S = 0.005
"""From the first one who asks, however many follow."""


class InStep:
    """Of all partitions of a worker; lives on one loop."""

    def __init__(self) -> None:
        self._begins: list[Callable[[], object]] = []
        self._quiet_turns = 0
        self._until_s = 0.0

    def soon(self, begin: Callable[[], object]) -> None:
        """Have begin called in one turn with all who ask now: after QUIET_TURNS, or LONGEST_S."""
        self._begins.append(begin)
        self._quiet_turns = 0
        if len(self._begins) == 1:
            self._until_s = time.monotonic() + LONGEST_S
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._quiet_turns += 1
        if self._quiet_turns < QUIET_TURNS and time.monotonic() < self._until_s:
            asyncio.get_running_loop().call_soon(self._turn)
            return
        begins, self._begins = self._begins, []
        for begin in begins:
            begin()
