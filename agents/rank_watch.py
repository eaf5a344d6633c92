"""Watches the ranks of a board for the notifier: keeps its boards up to date, and turns news into notifications."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from ranking_app.rankings.boards.board import Ranked
from ranking_app.rankings.change_log import NOTHING, Changes
from ranking_app.rankings.leading_rows import LeadingRows
from ranking_app.rankings.live_board import LiveBoard
from ranking_app.rankings.rank_news import EnteredTop, RankKind, RankNews, RankRule, minutes_before, period, rank_news
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.slices import EVERYTHING
from ranking_app.tasks import in_turns
from schemas.notification import Notification, RankedBoard, entered_top, number_one, rank_id

TURN_S = 0.002
"""Changes are taken into the boards for so long before others get their turn."""

MENDED = 500
"""Changed schedules that are looked at for a board of the past in one go, 2 ms."""

BEHIND_MS = 60_000
"""A source partition with lag whose newest sale is older than this is catching up: the board of now is half of one."""


class Partition(Protocol):
    """How far one source partition is applied."""

    @property
    def lag(self) -> int:
        """Records behind the end."""

    @property
    def watermark_ms(self) -> int | None:
        """The newest event time counted; None: none, or the catalogue."""


class Covered(Protocol):
    """What the read model holds."""

    @property
    def complete(self) -> bool:
        """Whether all of it is loaded and none of it stale."""

    @property
    def partitions(self) -> Sequence[Partition]:
        """Every source partition."""


class Boards(Protocol):
    """What is needed of the read model, which agents do not know."""

    @property
    def revision(self) -> int:
        """Grows with every change."""

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """By id."""

    def changes_since(self, revision: int) -> Changes | None:
        """What changed after a revision; None where that is too long ago to say."""

    async def settle(self, ids: Collection[str] | None) -> None:
        """Do what questions about these schedules (None: all) would have to do first, with turns for everybody else."""

    def live_as_of_s(self) -> int:
        """The end (exclusive) of what counts as having happened."""

    def completeness(self, end_s: int) -> Covered:
        """Of the boards whose window ends at end_s (exclusive)."""


class RankWatch:
    """What is new on top of one board. Remembers boards only to be quick: a new watch finds the same.

    One caller at a time: nobody looks while somebody prepares.
    """

    def __init__(self, boards: Boards, rule: RankRule) -> None:
        """rule: with top 0 there is never any news."""
        self._boards = boards
        self._rule = rule
        self._named = RankedBoard(rule.board.name, rule.board.window_s, dict(rule.board.parameters()))
        self._now = LiveBoard(rule.board, EVERYTHING)
        self._minutes: dict[int, LeadingRows] = {}
        self._revision: int | None = None

    async def prepare(self) -> None:
        """Compute what `look` is going to ask for, with turns for everybody else in between."""
        if not self._may_look(self._boards.live_as_of_s()):
            return
        changes = None if self._revision is None else self._boards.changes_since(self._revision)
        await self._boards.settle(None if changes is None else changes.ids)
        await self._follow_in_turns()
        as_of_s = self._boards.live_as_of_s()  # of now: that may take a while
        if self._may_look(as_of_s):
            self._follow(as_of_s)
            for at_s in minutes_before(as_of_s):
                if at_s not in self._minutes:
                    kept = self._new_minute(at_s)
                    await in_turns(kept.build_in_steps(self._boards.schedules), TURN_S)
                    self._minutes[at_s] = kept  # mended by the next to look: what came meanwhile is after `_revision`

    def look(self, raised: set[bytes]) -> list[Notification]:
        """What is new at the live instant; its ids are put into raised, those of all notifications so far.

        Nothing while the boards are not complete: a backlog that is being read would raise news of the past.
        """
        as_of_s = self._boards.live_as_of_s()
        if not self._may_look(as_of_s):
            return []
        now = self._follow(as_of_s)

        def board_at(at_s: int) -> Ranked:
            return now if at_s == as_of_s else Ranked(self._rule.board, at_s, self._minute(at_s).rows)

        def told(kind: RankKind, schedule_id: str, number: int) -> bool:
            return rank_id(kind, self._named, schedule_id, number).bytes in raised

        made = [self._notification(item) for item in rank_news(self._rule, board_at, as_of_s, told)]
        raised.update(notification.id.bytes for notification in made)
        return made

    def _may_look(self, as_of_s: int) -> bool:
        if not self._rule.top:
            return False
        covered, oldest_ms = self._boards.completeness(as_of_s), as_of_s * 1000 - BEHIND_MS
        return covered.complete and all(
            part.lag == 0 or (part.watermark_ms is not None and part.watermark_ms >= oldest_ms)
            for part in covered.partitions
        )

    async def _follow_in_turns(self) -> None:
        """Most of what `_follow` has to do, with turns for everybody else in between."""
        boards, as_of_s = self._boards, self._boards.live_as_of_s()
        changes = None if self._revision is None else boards.changes_since(self._revision)
        revision = boards.revision
        if changes is None:
            await in_turns(self._now.build_in_steps(boards.schedules, as_of_s), TURN_S)
            self._minutes.clear()
        elif as_of_s < self._now.as_of_s:
            return
        else:
            await in_turns(self._take_in(changes, as_of_s), TURN_S)
        self._revision = revision

    def _take_in(self, changes: Changes, as_of_s: int) -> Iterator[None]:
        """What changed, in steps: into the board of now (not yet in its place there), and into those of the past."""
        wanted, schedules, ids = set(minutes_before(as_of_s)), self._boards.schedules, list(changes.ids)
        yield from self._now.prepare_in_steps(schedules, changes, as_of_s)
        self._minutes = {at_s: kept for at_s, kept in self._minutes.items() if at_s in wanted}
        for kept in [kept for at_s, kept in self._minutes.items() if changes.from_s < at_s]:
            for start in range(0, len(ids), MENDED):
                kept.mend(schedules, ids[start : start + MENDED])
                yield

    def _follow(self, as_of_s: int) -> Ranked:
        """The board of now; what changed is put into those of the minutes before too."""
        boards = self._boards
        changes = None if self._revision is None else boards.changes_since(self._revision)
        self._revision = boards.revision
        if changes is None:
            self._minutes.clear()
            return self._now.build(boards.schedules, as_of_s)
        for _ in self._take_in(changes, as_of_s):
            pass
        return self._now.advance(boards.schedules, NOTHING, as_of_s)

    def _minute(self, at_s: int) -> LeadingRows:
        kept = self._minutes.get(at_s)
        if kept is None:
            kept = self._minutes[at_s] = self._new_minute(at_s)
            kept.build(self._boards.schedules)
        return kept

    def _new_minute(self, at_s: int) -> LeadingRows:
        return LeadingRows(self._rule.board, at_s, self._rule.top + 1)

    def _notification(self, item: RankNews) -> Notification:
        at_s, board, number = item.at_s, self._named, period(item.at_s)
        if isinstance(item, EnteredTop):
            return entered_top(
                item.schedule_id, board, at_s=at_s, period=number, top=item.top, rank=item.rank, score=item.score
            )
        return number_one(
            item.schedule_id, board, at_s=at_s, period=number, score=item.score, previous_id=item.previous_id
        )
