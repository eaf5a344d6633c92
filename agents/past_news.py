"""What counts as raised after a switch of generations without ever being sent: news of the past.

A rebuilt generation may know of milestones and sold-out schedules that the one before it did not, or knew otherwise.
Nobody who reads the notifications asked for news of last week, so what only the new one knows at the switch is
silenced. What both know and nobody has raised yet is raised: the new generation goes on where the old one stopped.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from ranking_app.generations.control_state import Silenced
from ranking_app.generations.control_topic import ControlTopic
from ranking_app.rankings.news import news
from ranking_app.rankings.schedule import Schedule
from schemas.notification import Notification, notification_of

OLD_CATCHES_UP_S = 5.0
"""For the old generation to count what the new one has counted. Its workers go on after a switch."""

AGE_MARGIN_S = 60
"""What is a little older may be looked at by a clock that is behind."""

LOOK_S = 0.05

SLICE_SCHEDULES = 50


class Positioned(Protocol):
    """How far a source partition is counted."""

    @property
    def next_offset(self) -> int:
        """The next source offset to be counted."""

    @property
    def watermark_ms(self) -> int | None:
        """The newest event time counted."""


class Boards(Protocol):
    """What is needed of a read model, which agents do not know."""

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """By id."""

    def live_as_of_s(self) -> int:
        """The end (exclusive) of what counts as having happened."""

    def clock_ms(self) -> int:
        """Now, by RANKING_CLOCK."""
        ...

    def sources(self) -> Sequence[Any]:
        """The reservation partitions."""

    def position(self, source: Any) -> Positioned:
        """How far one of them is counted."""


class Ranks(Protocol):
    """What is new on top of a board (agents/rank_watch.py)."""

    async def prepare(self) -> None:
        """What takes long, in steps."""

    def look(self, raised: set[bytes]) -> list[Notification]:
        """What is not in raised; puts it in."""


class PastNews:
    """Decided once for each switch, by the first worker in charge after it, and kept on the control topic."""

    def __init__(
        self,
        control: ControlTopic,
        topic: str,
        generation: str,
        new: Boards,
        old: Callable[[], Awaitable[Boards | None]],
        ranks_of: Callable[[Any], Ranks],
        max_age_ms: int,
    ) -> None:
        """topic: the control topic. generation: of the worker in charge, whose boards are new; old: of the one before,
        when it is loaded. max_age_ms: older news is never sent anyway."""
        self._control = control
        self._topic = topic
        self._generation = generation
        self._new = new
        self._old = old
        self._ranks_of = ranks_of
        self._max_age_ms = max_age_ms

    async def silenced(self, producer: AIOKafkaProducer, raised: set[bytes]) -> frozenset[bytes]:
        """Ids that count as raised. producer: transactional, of who is in charge; raised: what is on the topic.

        Whose generation is not the live one any more waits here until it is told that it is not in charge.
        """
        await self._control.catch_up()
        while self._control.state.live.name != self._generation:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        known = self._control.state.silenced()
        if known is not None:
            return known
        live = self._control.state.live
        ids = frozenset() if live.notify_past else await self._only_new(raised)
        async with producer.transaction():
            for key, value in Silenced(live.number, ids).records():
                await producer.send(self._topic, key=key, value=value, partition=0)
        return self._control.state.silenced_before() | ids

    async def _only_new(self, raised: set[bytes]) -> frozenset[bytes]:
        """The new boards are looked at first: what comes while the old ones catch up is no news of the past."""
        old = await self._old()
        oldest_s = (self._new.clock_ms() - self._max_age_ms) // 1000 - AGE_MARGIN_S
        only_new = await _all_news(self._new, oldest_s)
        ranks = await self._rank_news(self._new, raised)
        until_ms: int | None = self._control.state.live.switched_at_ms
        if old is not None:
            until_ms = await self._caught_up(old)
            for found in await _all_news(old, oldest_s):
                only_new.pop(found, None)
            ranks -= await self._rank_news(old, raised)
        past = {found for found, at_s in only_new.items() if until_ms is None or at_s * 1000 < until_ms}
        return frozenset(past | ranks) - raised

    async def _rank_news(self, boards: Boards, raised: set[bytes]) -> set[bytes]:
        ranks = self._ranks_of(boards)
        await ranks.prepare()
        return {item.id.bytes for item in ranks.look(set(raised))}

    async def _caught_up(self, old: Boards) -> int | None:
        """None once the old generation has counted what the new one had; else up to when it knows all."""
        wanted = {source: self._new.position(source).next_offset for source in self._new.sources()}
        deadline_s = time.monotonic() + OLD_CATCHES_UP_S
        while any(old.position(source).next_offset < offset for source, offset in wanted.items()):
            if time.monotonic() > deadline_s:
                marks = [old.position(source).watermark_ms for source in old.sources()]
                return min((mark for mark in marks if mark is not None), default=0)
            await asyncio.sleep(0.05)
        return None


async def _all_news(boards: Boards, oldest_s: int) -> dict[bytes, int]:
    """The id of every milestone, sold-out and reopening since oldest_s, and when it was."""
    found: dict[bytes, int] = {}
    as_of_s = boards.live_as_of_s()
    for number, schedule in enumerate(list(boards.schedules.values()), start=1):
        if number % SLICE_SCHEDULES == 0:
            await asyncio.sleep(0)
        if schedule.listing is not None:
            for item in news(schedule.curve, schedule.listing, as_of_s):
                if item.at_s >= oldest_s:
                    found[notification_of(schedule.id, item).id.bytes] = item.at_s
    return found
