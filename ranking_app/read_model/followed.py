"""The generations that a process keeps in memory: each its own read model and follower."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from ranking_app.read_model.follower import Follower
from ranking_app.read_model.state import ReadModel


class Followed(NamedTuple):
    """One generation in memory."""

    model: ReadModel
    follower: Follower


class FollowedGenerations:
    """make: a new, not yet started one by the generation's name."""

    def __init__(self, make: Callable[[str], Followed], log: Any) -> None:
        self._make = make
        self._log = log
        self._followed: dict[str, Followed] = {}
        self._busy = asyncio.Lock()

    def __getitem__(self, name: str) -> Followed:
        return self._followed[name]

    def __contains__(self, name: str) -> bool:
        return name in self._followed

    def names(self) -> set[str]:
        """Of all that are followed."""
        return set(self._followed)

    def items(self) -> list[tuple[str, Followed]]:
        """Name and generation, of all."""
        return list(self._followed.items())

    async def follow(self, names: set[str]) -> None:
        """Begin to load those that are not there yet."""
        async with self._busy:
            for name in sorted(names - self._followed.keys()):
                made = self._make(name)
                try:
                    await made.follower.start()
                except BaseException:
                    await made.follower.stop()
                    raise
                self._followed[name] = made
                self._log.info("generation_followed", generation=name)

    async def leave(self, names: set[str]) -> None:
        """Stop following, and give the memory back."""
        async with self._busy:
            for name in sorted(names & self._followed.keys()):
                await self._followed.pop(name).follower.stop()
                self._log.info("generation_left", generation=name)

    async def stop(self) -> None:
        """Stop following all."""
        await self.leave(set(self._followed))
