"""The read model that answers: that of the live generation, exchanged in one go.

Whoever computes from it asks `revision` and `changes_since`. A switch is a new revision of which nobody can say what
changed, so that everything that was kept is made anew: no answer mixes two generations.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from ranking_app.rankings.change_log import Changes
from ranking_app.rankings.schedule import Schedule
from ranking_app.read_model.pane_offsets import PaneRange
from ranking_app.read_model.sources import Completeness, SourceActivity, SourceKey
from ranking_app.read_model.state import ReadModel


class SwitchedReadModel:
    """Passes everything on to the model of one generation. Lives on one event loop, as the models do."""

    def __init__(self, generation: str, model: ReadModel) -> None:
        self.generation = generation
        self._model = model
        self._revisions_before = 0

    def switch(self, generation: str, model: ReadModel) -> None:
        """Answer from another model from now on."""
        self._revisions_before = self.revision + 1
        self.generation, self._model = generation, model

    @property
    def loaded(self) -> bool:
        """Whether the live generation answers for everything."""
        return self._model.loaded

    @property
    def revision(self) -> int:
        """Grows with every change and every switch."""
        return self._revisions_before + self._model.revision

    def changes_since(self, revision: int) -> Changes | None:
        """What changed after a revision; None where that is too long ago to say, or before the last switch."""
        if revision < self._revisions_before:
            return None
        return self._model.changes_since(revision - self._revisions_before)

    async def settle(self, ids: Collection[str] | None = None, somebody_waits: bool = False) -> None:
        """Do what questions about these schedules (None: all) would have to do first, with turns for everybody else."""
        await self._model.settle(ids, somebody_waits)

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """By id."""
        return self._model.schedules

    def live_as_of_s(self) -> int:
        """The clock's whole second plus one."""
        return self._model.live_as_of_s()

    def topic_of(self, source: SourceKey) -> str:
        """The name of a source's topic."""
        return self._model.topic_of(source)

    def panes_of(self, schedule_id: str, from_minute: int, to_minute: int) -> list[PaneRange]:
        """The panes of a schedule in the minutes [from, to), with the source offsets in them."""
        return self._model.panes_of(schedule_id, from_minute, to_minute)

    def count_panes_of(self, schedule_id: str, from_minute: int, to_minute: int) -> int:
        """How many panes_of would return."""
        return self._model.count_panes_of(schedule_id, from_minute, to_minute)

    def activity(self) -> list[SourceActivity]:
        """Every reservation partition as an operator looks at it, completed first."""
        return self._model.activity()

    def completeness(self, end_s: int) -> Completeness:
        """Of an answer whose window ends at end_s (exclusive)."""
        return replace(self._model.completeness(end_s), generation=self.generation)
