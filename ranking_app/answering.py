"""Which generation answers: of those that a process has in memory the live one, as soon as it is loaded and as far."""

import asyncio
import time
from typing import Any

from aiokafka.errors import KafkaError

from ranking_app.generations.control_topic import ControlTopic
from ranking_app.metrics import Metrics
from ranking_app.read_model.followed import Followed, FollowedGenerations
from ranking_app.read_model.follower import Follower
from ranking_app.read_model.state import ReadModel
from ranking_app.read_model.switched import SwitchedReadModel

RETRY_S = 1.0

AS_FAR_WITHIN_S = 1.0
"""At a switch: what answered before counts no more until the new generation is as far; of the 2 s of a promotion."""


class Answering:
    """Does what the control topic says with the generations in memory. metrics: of the process, set by what answers."""

    def __init__(
        self,
        control: ControlTopic,
        followed: FollowedGenerations,
        model: SwitchedReadModel,
        metrics: Metrics,
        log: Any,
    ) -> None:
        self._control = control
        self._followed = followed
        self._model = model
        self._metrics = metrics
        self._log = log
        self.counted: str | None = None
        """The generation that this process shares in counting; it stays in memory."""

    @property
    def now(self) -> Followed:
        """What answers: the live generation, or the one before until that is loaded."""
        return self._followed[self._model.generation]

    async def next_cause(self) -> None:
        """Return when the control topic changed, or the live generation, which could not answer yet, is loaded."""
        causes = [self._control.changed]
        live = self._control.state.live.name
        if live != self._model.generation and live in self._followed:
            causes.append(self._followed[live].follower.loaded)
        waiting = [asyncio.ensure_future(cause.wait()) for cause in causes]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()
        self._control.changed.clear()

    async def adopt_or_try_again(self) -> None:
        """A broker may be away at just that moment: no reason to stop answering."""
        while True:
            try:
                return await self.adopt()
            except (KafkaError, OSError) as error:
                self._log.warning("generation_not_loaded", reason=repr(error))
                await asyncio.sleep(RETRY_S)

    async def adopt(self) -> None:
        """Have in memory what is wanted, answer from what is live, leave the rest.

        A generation that is not loaded yet does not answer in place of one that is.
        """
        await self._followed.follow(self._wanted())
        while (live := self._control.state.live.name) not in self._followed:  # it changed meanwhile
            await self._followed.follow(self._wanted())
        model, follower = self._followed[live]
        if not self._model.loaded or (self._model.generation != live and model.loaded):
            await self._until_as_far(model)
            self._switch(live, model, follower)
        await self.leave_unwanted()

    async def leave_unwanted(self) -> None:
        """Give back the memory of what is neither live, nor counted, nor kept ready."""
        await self._followed.leave(self._followed.names() - self._wanted())

    async def _until_as_far(self, new: ReadModel) -> None:
        """Hold what answers until the new one has counted as far, so that no number goes back; not for long."""
        if not self._model.loaded:
            return
        old, follower = self.now
        deadline_s = time.monotonic() + AS_FAR_WITHIN_S
        with follower.held():
            while any(new.position(it).next_offset < old.position(it).next_offset for it in old.sources()):
                if time.monotonic() > deadline_s:
                    self._log.warning("generation_is_behind", generation=self._control.state.live.name)
                    return
                await asyncio.sleep(0.01)

    def _wanted(self) -> set[str]:
        """What has to be in memory: also what answers until the live generation is loaded."""
        wanted = self._control.state.wanted
        if self.counted is not None:
            wanted.add(self.counted)
        if self._model.loaded:
            wanted.add(self._model.generation)
        there = self._control.state.generations
        return {name for name in wanted if name in there or name in self._followed}

    def _switch(self, name: str, model: ReadModel, follower: Follower) -> None:
        for known in self._followed.names():
            other = self._followed[known].follower
            other.report_to(self._metrics if other is follower else Metrics())
        self._model.switch(name, model)
        self._log.info("generation_answers", generation=name)
