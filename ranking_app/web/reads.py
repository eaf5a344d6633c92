"""What the web needs of a read model, and no more: answers are made from this alone.

The real one is ranking_app/read_model; tests put a small one in its place.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from ranking_app.rankings.change_log import Changes
from ranking_app.rankings.schedule import Schedule
from ranking_app.read_model.pane_offsets import PaneRange
from ranking_app.read_model.sources import Completeness, SourceActivity, SourceKey
from ranking_app.web.problems import StillLoading, UnknownSchedule


class ReadModel(Protocol):
    """All schedules in memory, changed only on the loop that serves: no answer sees half a change."""

    @property
    def loaded(self) -> bool:
        """False before the first complete load; never False again."""

    @property
    def generation(self) -> str:
        """Which tables answer."""

    @property
    def revision(self) -> int:
        """Grows with every change to `schedules` or to anything in them."""

    def changes_since(self, revision: int) -> Changes | None:
        """What changed after a revision; None where that is too long ago to say."""

    async def settle(self, ids: Collection[str] | None = None, somebody_waits: bool = False) -> None:
        """Do what questions about these schedules (None: all) would have to do first, with turns for everybody else."""

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """By id. One with neither events nor a catalogue record is not in it."""

    def live_as_of_s(self) -> int:
        """The clock's whole second plus one."""

    def topic_of(self, source: SourceKey) -> str:
        """The name of a source's topic."""

    def panes_of(self, schedule_id: str, from_minute: int, to_minute: int) -> list[PaneRange]:
        """The panes of a schedule in the minutes [from, to): every row of its curve is in one of them."""

    def count_panes_of(self, schedule_id: str, from_minute: int, to_minute: int) -> int:
        """How many panes_of would return."""

    def activity(self) -> list[SourceActivity]:
        """Every reservation partition as an operator looks at it, completed first."""

    def completeness(self, end_s: int) -> Completeness:
        """Of an answer whose window ends (exclusively) at end_s. Also callable before the first load."""


def known_schedule(read_model: ReadModel, schedule_id: str) -> Schedule:
    """The schedule of this id. UnknownSchedule."""
    schedule = read_model.schedules.get(schedule_id)
    if schedule is None:
        raise _unknown(schedule_id)
    return schedule


def require_known(read_model: ReadModel, schedule_id: str) -> None:
    """UnknownSchedule, before anything is made for an answer: who waits for its first sale asks again and again."""
    if schedule_id not in read_model.schedules:
        raise _unknown(schedule_id)


def _unknown(schedule_id: str) -> UnknownSchedule:
    return UnknownSchedule(f"No event and no catalogue record has the id {schedule_id!r}.")


def require_loaded(read_model: ReadModel) -> None:
    """StillLoading before the first complete load: half a board would be a wrong one."""
    if not read_model.loaded:
        raise StillLoading
