"""Boards as they are asked for: live ones kept up to date, those of a fixed instant and their issues kept as they are.

What happened before an instant rarely changes: a board of the past is dropped only when something did that lies before
its asOf, a late event or a new listing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple, Protocol, TypeVar

from ranking_app.rankings.boards.board import STEP_SCHEDULES, Board, Ranked, Row, merged_in_steps
from ranking_app.rankings.change_log import Changes
from ranking_app.rankings.live_board import LiveBoard
from ranking_app.rankings.movement import Book, Chart, Charts, issues_before
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.slices import Slice
from ranking_app.tasks import in_turns

MAX_ROWS = 400_000
"""Of fixed boards, over all together: some 100 MB."""

MAX_LIVE_SCHEDULES = 400_000
"""That live boards keep watch of, over all together: some 150 MB; 40 boards of a catalogue of 10,000."""

FEWEST_LIVE = 2
"""However many schedules there are: a board and the one that its movement is told against."""

MAX_CHART_ROWS = 8_000_000
"""Of issues, 8 bytes each: 24 issues of 33 boards of a catalogue of 10,000."""

MAX_KEPT = 1_000
"""Of each kind, however small they are."""

TURN_S = 0.004
"""Changes are taken into a live board for so long before others get their turn."""

SLICE_SCHEDULES = 1_000
"""Taken into issues in one go, some milliseconds: others are answered in between."""


class Model(Protocol):
    """What boards are made of."""

    @property
    def revision(self) -> int:
        """Grows with every change."""

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """By id."""

    def changes_since(self, revision: int) -> Changes | None:
        """What changed after a revision; None where that is too long ago to say."""

    async def settle(self, ids: Collection[str] | None = None, somebody_waits: bool = False) -> None:
        """Do what questions about these schedules (None: all) would have to do first, with turns for everybody else."""


class _Live(NamedTuple):
    board: LiveBoard
    revision: int


Value = TypeVar("Value")
_Fixed = tuple[Board, Slice, int, int]
"""Board, slice, seconds between issues (0 where there are none), the instant: nothing after it counts."""


class _Kept(OrderedDict[_Fixed, Value]):
    """Of fixed instants; those asked for longest ago go first when there is too much."""

    def __init__(self, size: Callable[[Value], int], most: int) -> None:
        super().__init__()
        self._size = size
        self._most = most
        self._kept = 0

    def take(self, key: _Fixed, compute: Callable[[], Value]) -> Value:
        """What is kept for the key, or computed and kept."""
        value = self.pop(key, None)
        if value is None:
            value = compute()
            self._kept += self._size(value)
        self[key] = value
        while self and (self._kept > self._most or len(self) > MAX_KEPT):
            self._kept -= self._size(self.popitem(last=False)[1])
        return value

    def forget_after(self, from_s: int) -> None:
        """Drop what something that happened at from_s counts in."""
        for key in [key for key in self if key[3] > from_s]:
            self._kept -= self._size(self.pop(key))


class BoardViews:
    """The boards of one read model. Not thread-safe, as the model; what it returns is true until the model changes."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._revision = model.revision
        self._live: OrderedDict[tuple[Board, Slice, str], _Live] = OrderedDict()
        self._building = asyncio.Lock()
        """Held by who builds a board in turns: others may want the same one, with another page or for a stream."""
        self._fixed: _Kept[Ranked] = _Kept(lambda ranked: len(ranked) + 1, MAX_ROWS)
        self._charts: _Kept[Chart] = _Kept(lambda chart: len(chart) + 1, MAX_CHART_ROWS)
        self._books: _Kept[Book] = _Kept(lambda book: 1, MAX_KEPT)

    def live(self, board: Board, part: Slice, as_of_s: int, which: str = "now") -> Ranked:
        """A board whose asOf moves with the clock. which: tells apart several that move at distances of their own."""
        model, key = self._model, (board, part, which)
        known = self._live.pop(key, None)
        kept = LiveBoard(board, part) if known is None else known.board
        changes = None if known is None else model.changes_since(known.revision)
        if changes is None:
            ranked = kept.build(model.schedules, as_of_s)
        else:
            ranked = kept.advance(model.schedules, changes, as_of_s)
        self._keep_live(key, _Live(kept, model.revision))
        return ranked

    def _keep_live(self, key: tuple[Board, Slice, str], live: _Live) -> None:
        self._live[key] = live
        self._live.move_to_end(key)
        if len(self._live) > FEWEST_LIVE:
            most = self._most_live()
            while len(self._live) > most:
                self._live.popitem(last=False)

    def _most_live(self) -> int:
        return min(max(MAX_LIVE_SCHEDULES // (len(self._model.schedules) + 1), FEWEST_LIVE), MAX_KEPT)

    async def prepare_live(self, board: Board, part: Slice, as_of_s: int, which: str = "now") -> None:
        """Do most of what `live` has to do, with a turn for everybody else in between."""
        model, key = self._model, (board, part, which)
        _, changes = self._known(key)
        if changes is None or changes.until_s > board.counts_from_s(as_of_s):
            await model.settle(None if changes is None else changes.ids, somebody_waits=True)
        known, changes = self._known(key)
        if known is None or changes is None:
            async with self._building:
                await self._build_in_turns(key, as_of_s)
        elif as_of_s >= known.board.as_of_s:
            revision = model.revision
            await in_turns(known.board.prepare_in_steps(model.schedules, changes, as_of_s), TURN_S)
            latest = self._live.get(key)
            if latest is not None and latest.board is known.board and latest.revision < revision:
                self._live[key] = _Live(known.board, revision)

    async def _build_in_turns(self, key: tuple[Board, Slice, str], as_of_s: int) -> None:
        """Unless somebody has built it meanwhile, or another that is about to be asked would have to go for it."""
        known, changes = self._known(key)
        if changes is not None or (known is None and len(self._live) >= self._most_live()):
            return
        revision, kept = self._model.revision, LiveBoard(*key[:2])
        await in_turns(kept.build_in_steps(self._model.schedules, as_of_s), TURN_S)
        latest = self._live.get(key)
        if latest is None or latest.revision < revision:
            self._keep_live(key, _Live(kept, revision))

    def _known(self, key: tuple[Board, Slice, str]) -> tuple[_Live | None, Changes | None]:
        """A live board that is kept, and what changed since; None where it has to be built."""
        known = self._live.get(key)
        return known, None if known is None else self._model.changes_since(known.revision)

    async def prepare_at(self, board: Board, part: Slice, as_of_s: int) -> None:
        """Do most of what `at` has to do where a board is not kept, with turns for everybody else in between."""
        self._forget_what_changed()
        key = board, part, 0, as_of_s
        if key in self._fixed:
            return
        await self._model.settle(None, somebody_waits=True)
        async with self._building:
            self._forget_what_changed()
            if key in self._fixed or len(self._model.schedules) >= MAX_ROWS:  # there, or too large to be kept
                return
            revision, found = self._model.revision, list[Ranked]()
            await in_turns(self._compute_in_steps(board, part, as_of_s, found.append), TURN_S)
            changes = self._model.changes_since(revision)
            self._forget_what_changed()
            # What a change while this went on may concern, half of it taken before and half after, is not kept.
            if changes is not None and changes.from_s >= as_of_s:
                self._fixed.take(key, found.pop)

    def at(self, board: Board, part: Slice, as_of_s: int) -> Ranked:
        """A board of a fixed instant."""
        self._forget_what_changed()
        return self._fixed.take((board, part, 0, as_of_s), lambda: self._compute(board, part, as_of_s))

    def book(self, board: Board, part: Slice, as_of_s: int, compare_s: int, first_s: int) -> Book:
        """The issues before an instant; none before first_s."""
        self._forget_what_changed()
        issues = issues_before(as_of_s, compare_s, first_s)
        newest_s = issues[0] if issues else first_s
        return self._books.take((board, part, compare_s, newest_s), lambda: self._new_book(board, part, issues))

    async def prepare_book(self, board: Board, part: Slice, as_of_s: int, compare_s: int, first_s: int) -> None:
        """Compute the issues that `book` needs, with a turn for everybody else in between."""
        self._forget_what_changed()
        issues = issues_before(as_of_s, compare_s, first_s)
        if not self._missing(board, part, issues):
            return
        await self._model.settle(None, somebody_waits=True)
        self._forget_what_changed()
        missing = self._missing(board, part, issues)
        revision, charts = self._model.revision, Charts(board, missing)
        schedules = list(part.of(self._model.schedules.values()))
        for start in range(0, len(schedules), SLICE_SCHEDULES):
            charts.take(schedules[start : start + SLICE_SCHEDULES])
            await asyncio.sleep(0)
        changes = self._model.changes_since(revision)
        self._forget_what_changed()
        for at_s, chart in zip(missing, charts.finished(), strict=True):
            # What a change while this went on may concern, half of it taken before and half after, is not kept.
            if changes is not None and changes.from_s >= at_s:
                self._keep_chart(board, part, at_s, chart)

    def _new_book(self, board: Board, part: Slice, issues: list[int]) -> Book:
        missing = self._missing(board, part, issues)
        charts = Charts(board, missing)
        if missing:
            charts.take(part.of(self._model.schedules.values()))
        made = dict(zip(missing, charts.finished(), strict=True))
        found = [made[at_s] if at_s in made else self._charts[board, part, 0, at_s] for at_s in issues]
        for at_s, chart in made.items():
            self._keep_chart(board, part, at_s, chart)
        return Book(board, issues, found)

    def _missing(self, board: Board, part: Slice, issues: list[int]) -> list[int]:
        return sorted(at_s for at_s in issues if (board, part, 0, at_s) not in self._charts)

    def _keep_chart(self, board: Board, part: Slice, at_s: int, chart: Chart) -> None:
        self._charts.take((board, part, 0, at_s), lambda: chart)

    def _compute(self, board: Board, part: Slice, as_of_s: int) -> Ranked:
        return Ranked(board, as_of_s, board.rows(part.of(self._model.schedules.values()), as_of_s))

    def _compute_in_steps(
        self, board: Board, part: Slice, as_of_s: int, found: Callable[[Ranked], None]
    ) -> Iterator[None]:
        everything, runs = list(self._model.schedules.values()), list[list[Row]]()
        for start in range(0, len(everything), STEP_SCHEDULES):
            runs.append(board.rows(part.of(everything[start : start + STEP_SCHEDULES]), as_of_s))
            yield
        rows = yield from merged_in_steps(runs)
        found(Ranked(board, as_of_s, rows))

    def _forget_what_changed(self) -> None:
        if self._revision == self._model.revision:
            return
        changes = self._model.changes_since(self._revision)
        self._revision = self._model.revision
        for kept in (self._fixed, self._charts, self._books):
            if changes is None:
                kept.forget_after(-(2**63))
            else:
                kept.forget_after(changes.from_s)
