"""What an owner does beside applying events: heals what a stale owner wrote, retires schedules."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agents.ownership import Ownership
from ranking_app.tasks import telling
from tables.panes import OwnedPartition


@dataclass(frozen=True, slots=True)
class View:
    """What upkeep asks of the read model, which agents do not know.

    went_back: (partition, key) that a stale owner overwrote, given once. expired: ids of schedules past their
    retention. pane_keys: (partition, key) of all panes of such schedules.
    """

    went_back: Callable[[], list[tuple[int, bytes]]]
    expired: Callable[[], Awaitable[set[str]]]
    pane_keys: Callable[[set[str]], list[tuple[int, bytes]]]


HEAL_INTERVAL_S = 0.5
RETIRE_INTERVAL_S = 60.0
"""Retention is counted in days: looking once a minute is soon enough, and it looks at every schedule."""


class Upkeep:
    """Two small loops of a worker."""

    def __init__(
        self,
        ownership: Ownership,
        view: View,
        on_failure: Callable[[BaseException], None],
        log: Any,
    ) -> None:
        self._ownership = ownership
        self._view = view
        self._on_failure = on_failure
        self._log = log
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin the loops."""
        loops = ((HEAL_INTERVAL_S, self.heal), (RETIRE_INTERVAL_S, self.retire))
        for interval_s, body in loops:
            task = asyncio.create_task(_every(interval_s, body))
            task.add_done_callback(telling(self._on_failure))
            self._tasks.append(task)

    async def stop(self) -> None:
        """End them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def heal(self) -> None:
        """Write again what a stale owner overwrote with something older (invariant 4)."""
        for number, key in dict.fromkeys(self._view.went_back()):
            if number in self._ownership.partitions:
                self._log.warning("stale_owner_overwrote", partition=number, kind=key[:1].decode())
                self._ownership.run_between_flushes(number, _rewrite(key))

    async def retire(self) -> None:
        """Delete the panes of schedules whose newest event is past its retention."""
        expired = await self._view.expired()  # no await after this: what it says is of now
        if not expired:
            return
        by_partition: dict[int, list[bytes]] = {}
        for number, key in self._view.pane_keys(expired):
            by_partition.setdefault(number, []).append(key)
        for number, keys in by_partition.items():
            if number in self._ownership.partitions:
                self._ownership.run_between_flushes(number, _retire(keys))
                self._log.info("schedules_retired", partition=number, schedules=len(expired), panes=len(keys))


def _rewrite(key: bytes) -> Callable[[OwnedPartition], Awaitable[None]]:
    return lambda owned: owned.rewrite(key)


def _retire(keys: list[bytes]) -> Callable[[OwnedPartition], Awaitable[None]]:
    return lambda owned: owned.retire(keys)


async def _every(interval_s: float, body: Callable[[], Awaitable[None]]) -> None:
    while True:
        started_s = time.monotonic()
        await body()
        await asyncio.sleep(max(interval_s - (time.monotonic() - started_s), 0.01))
