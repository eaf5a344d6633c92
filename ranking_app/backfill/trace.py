"""From a minute that differs to the panes behind it, in both generations: which source offsets were counted where."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ranking_app.backfill.compare import FOREVER_S, added, schedule_of, seconds_of
from ranking_app.backfill.differences import BoardDifference, RowDifference
from ranking_app.rankings.curve import Curve, Totals
from ranking_app.rankings.panes import MINUTE_S
from ranking_app.rankings.windows import Window
from ranking_app.read_model.sources import SourceKey
from ranking_app.read_model.state import ReadModel

Verdict = Literal["same", "other offsets", "differs", "only in old", "only in new"]
"""other offsets: the same sales second by second, counted from other records."""


@dataclass(frozen=True, slots=True)
class PaneSide:
    """A pane as one generation has it. first, applied: the lowest (None: not kept) and highest offset counted.

    seconds: second since the epoch and what happened in it, ascending, as far as it was compared. The offsets are of
    the whole minute.
    """

    topic: str
    first: int | None
    applied: int
    seconds: tuple[tuple[int, Totals], ...]

    @property
    def totals(self) -> Totals:
        """Of all its seconds."""
        return added(*(totals for _, totals in self.seconds))


@dataclass(frozen=True, slots=True)
class TracedPane:
    """A pane in both generations, matched by role of the topic, partition and minute; None where it is not there."""

    source: SourceKey
    minute: int
    old: PaneSide | None
    new: PaneSide | None

    @property
    def verdict(self) -> Verdict:
        """How the two differ."""
        if self.old is None:
            return "only in new"
        if self.new is None:
            return "only in old"
        if self.old.seconds != self.new.seconds:
            return "differs"
        offsets = (self.old.first, self.old.applied), (self.new.first, self.new.applied)
        known = self.old.first is not None and self.new.first is not None
        same = offsets[0] == offsets[1] if known else self.old.applied == self.new.applied
        return "same" if same else "other offsets"


class Cause(NamedTuple):
    """A minute of a schedule that differs, and that a row of a board depends on."""

    schedule_id: str
    minute: int


@dataclass(frozen=True, slots=True)
class Trace:
    """Traces what differs between two models at this moment. until_s: as they were compared."""

    old: ReadModel
    new: ReadModel
    until_s: int | None = None

    def panes(self, schedule_id: str, minute: int) -> list[TracedPane]:
        """The panes of a schedule's minute (since the epoch) with something that was compared, completed first."""
        sides = [_sides(model, schedule_id, minute, self.until_s) for model in (self.old, self.new)]
        sources = sorted(sides[0].keys() | sides[1].keys())
        return [TracedPane(source, minute, sides[0].get(source), sides[1].get(source)) for source in sources]

    def causes(self, board: BoardDifference, row: RowDifference) -> list[Cause]:
        """For each schedule on a row the first minute that differs and counts for the board.

        None where the row's schedules sold the same in both: then it is where others have left it.
        """
        window = board.board.totals_window(board.as_of_s)
        ids = dict.fromkeys(side.schedule_id for side in (row.old, row.new) if side is not None)
        minutes = {schedule_id: self._first_minute(schedule_id, window) for schedule_id in ids}
        return [Cause(schedule_id, minute) for schedule_id, minute in minutes.items() if minute is not None]

    def _first_minute(self, schedule_id: str, window: Window) -> int | None:
        old, new = (
            seconds_of(schedule.curve, -FOREVER_S if window.start_s is None else window.start_s, window.end_s)
            for schedule in (schedule_of(self.old, schedule_id), schedule_of(self.new, schedule_id))
        )
        differing = [at_s for at_s in old.keys() | new.keys() if old.get(at_s) != new.get(at_s)]
        return min(differing) // MINUTE_S if differing else None


def _sides(model: ReadModel, schedule_id: str, minute: int, until_s: int | None) -> dict[SourceKey, PaneSide]:
    curve = schedule_of(model, schedule_id).curve
    seconds = _seconds_by_source(curve, minute, FOREVER_S if until_s is None else until_s)
    return {
        source: PaneSide(model.topic_of(source), pane.first, pane.applied, tuple(seconds[source]))
        for pane in model.panes_of(schedule_id, minute, minute + 1)
        if (source := SourceKey(pane.role, pane.partition)) in seconds
    }


def _seconds_by_source(curve: Curve, minute: int, end_s: int) -> dict[object, list[tuple[int, Totals]]]:
    found: dict[object, list[tuple[int, Totals]]] = {}
    for at_s in range(minute * MINUTE_S, min((minute + 1) * MINUTE_S, end_s)):
        for (source, _), totals in curve.totals_by_pane(Window(at_s, at_s + 1)).items():
            found.setdefault(source, []).append((at_s, totals))
    return found
