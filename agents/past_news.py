"""What counts as raised after a switch of generations without ever being sent: news of the past.

A rebuilt generation may know of milestones and sold-out schedules that the one before it did not, or knew otherwise.
Nobody who reads the notifications asked for news of last week, so what only the new one knows at the switch is
silenced. What both know and nobody has raised yet is raised: the new generation goes on where the old one stopped.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from ranking_app.generations.control_state import Silenced
from ranking_app.generations.control_topic import ControlTopic
from ranking_app.rankings.news import news
from ranking_app.rankings.schedule import Schedule
from schemas.notification import Notification, notification_of

OLD_CATCHES_UP_S = 5.0
"""For the old generation to count what the new one has counted. Its workers go on after a switch."""

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
        new: Boards,
        old: Callable[[], Boards | None],
        ranks_of: Callable[[Any], Ranks],
    ) -> None:
        self._control = control
        self._topic = topic
        self._new = new
        self._old = old
        self._ranks_of = ranks_of

    async def silenced(self, producer: AIOKafkaProducer, raised: set[bytes]) -> frozenset[bytes]:
        """Ids that count as raised. producer: transactional, of who is in charge; raised: what is on the topic."""
        await self._control.catch_up()
        known = self._control.state.silenced()
        if known is not None:
            return known
        live = self._control.state.live
        ids = frozenset() if live.notify_past else await self._only_new(raised)
        key, value = Silenced(live.number, ids).record()
        async with producer.transaction():
            await producer.send(self._topic, key=key, value=value, partition=0)
        return self._control.state.silenced_before() | ids

    async def _only_new(self, raised: set[bytes]) -> frozenset[bytes]:
        old = self._old()
        until_ms = self._control.state.live.switched_at_ms if old is None else await self._caught_up(old)
        only_new = await _all_news(self._new)
        for found in {} if old is None else await _all_news(old):
            only_new.pop(found, None)
        past = {found for found, at_s in only_new.items() if until_ms is None or at_s * 1000 < until_ms}
        return frozenset(past | await self._only_new_ranks(old, raised)) - raised

    async def _only_new_ranks(self, old: Boards | None, raised: set[bytes]) -> set[bytes]:
        """What has come to the top within the minutes that are looked at, by the new boards only."""
        found = await self._rank_news(self._new, raised)
        return found if old is None else found - await self._rank_news(old, raised)

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


async def _all_news(boards: Boards) -> dict[bytes, int]:
    """The id of every milestone, sold-out and reopening so far, and when it was."""
    found: dict[bytes, int] = {}
    as_of_s = boards.live_as_of_s()
    for number, schedule in enumerate(list(boards.schedules.values()), start=1):
        if number % SLICE_SCHEDULES == 0:
            await asyncio.sleep(0)
        if schedule.listing is not None:
            for item in news(schedule.curve, schedule.listing, as_of_s):
                found[notification_of(schedule.id, item).id.bytes] = item.at_s
    return found
