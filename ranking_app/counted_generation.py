"""The generation that a worker counts: what depends on whether it is rebuilt, and on whether it is live."""

import asyncio
import contextlib

from aiokafka.errors import KafkaError

from agents.arrivals import RecordArrivals, WallArrivals
from agents.intake import DirectIntake, PlannedIntake
from agents.pace import BackfillPace, NoPace
from ranking_app.archive.errors import ArchiveUnreadable
from ranking_app.generations.generation import Generation
from ranking_app.history import GenerationHistory
from ranking_app.process import Process
from ranking_app.read_model.sources import LINE_TOPICS, SourceKey
from ranking_app.read_model.state import ReadModel
from ranking_app.settings import BASE
from schemas.produce_line import TopicNames
from tables.panes import LINE_ROLES, ROLES

PREVIOUS_LOADS_WITHIN_S = 120.0
"""For the generation before, after a restart: what it knows decides which news is of the past."""

RETRY_S = 1.0


class CountedGeneration:
    """A generation that process has in memory. Which one is live can change at any time."""

    def __init__(self, process: Process, generation: Generation) -> None:
        self.name = generation.name
        self.settings = generation.settings(process.settings)
        self.model, self.follower = process.followed[generation.name]
        self._process = process
        self._generation = generation

    @property
    def is_live(self) -> bool:
        """Whether answers come from it."""
        return self._process.control.state.live.name == self.name

    @property
    def is_dropped(self) -> bool:
        """Whether there is none of its name any more."""
        return self.name not in self._process.control.state.generations

    async def previous(self) -> ReadModel | None:
        """The generation that was live before this one, once it is loaded; None where it is not to be had."""
        name = self._process.control.state.live.previous
        if name is None or name not in self._process.followed:
            return None
        model, follower = self._process.followed[name]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(follower.loaded.wait(), PREVIOUS_LOADS_WITHIN_S)
        return model if model.loaded else None

    def is_dead_letter_ours(self, topic: str, partition: int, offset: int) -> bool:
        """Whether its worker has to write it: where the live generation is past a bad record, that has done it."""
        if self.is_live:
            return True
        sources = self._process.settings.source_topics
        if topic in LINE_TOPICS:
            raise ArchiveUnreadable(f"{topic}: line offset {offset} was an event when the backfill was begun")
        if topic not in sources:
            return False
        source = SourceKey(sources.index(topic), partition)
        return offset >= self._process.answering.now.model.position(source).next_offset

    def arrivals(self, role: int) -> WallArrivals | RecordArrivals:
        """The base generation counts by the wall clock; one that is rebuilt must find again what that found then.

        Archived lines were never published: they arrive when they are counted.
        """
        kind = WallArrivals if self.name == BASE or role in LINE_ROLES else RecordArrivals
        return kind(self._process.clock)

    def intake(self) -> DirectIntake | PlannedIntake:
        """Straight from the brokers; one that is rebuilt reads its archives before."""
        if self.name == BASE:
            return DirectIntake()
        history = GenerationHistory(self._generation, TopicNames.of(self.settings))
        topics = dict(zip(ROLES, self.settings.source_topics, strict=True))
        return PlannedIntake(history, topics, self._first_offset, self._process.fail)

    def pace(self) -> NoPace | BackfillPace:
        """As fast as it goes; one that is rebuilt gives way to the live one."""
        if self.name == BASE:
            return NoPace()
        return BackfillPace(self.settings.backfill_rate, self._must_yield, lambda: self.is_live)

    async def _first_offset(self, topic: str, partition: int) -> int:
        """Asked again while brokers are away, as long as the partition is owned."""
        while True:
            try:
                return await self.follower.first_offset(topic, partition)
            except KafkaError as error:
                self._process.log.warning("source_begin_unknown", topic=topic, partition=partition, reason=repr(error))
                await asyncio.sleep(RETRY_S)

    def _must_yield(self) -> bool:
        """Whether the live generation is behind. One that does not move at all is not helped by waiting for it."""
        live = self._process.answering.now.model
        state = live.completeness(live.live_as_of_s())
        return state.complete and max(part.lag for part in state.partitions) > self._process.settings.backfill_yield_lag
