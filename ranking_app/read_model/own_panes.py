"""Puts the panes that an owner here has written into the curves: from where they wait, many of a schedule together.

What waits, and in which form, is in read_model/unread.py; how rows of many schedules are made ready, in begun.py.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from ranking_app.rankings.later_rows import extend_all
from ranking_app.rankings.panes import Cell
from ranking_app.rankings.schedule import Schedule
from ranking_app.read_model.begun import Columns, Taken, arranged, versions
from ranking_app.read_model.growing_panes import GrowingPanes
from ranking_app.read_model.pane_offsets import PANE_BYTES, PaneOffsets, minute_of, pane_number, source_of
from ranking_app.read_model.sources import SourceKey
from ranking_app.read_model.unread import MOST_BEGUN, UnreadPanes
from tables.layout import pane_key, parse_pane_key

FEW_SCHEDULES = 10
"""Of fewer, panes are sooner looked at one by one than arranged together."""


class OwnPanes:
    """What waits, on its way into the curves. Not thread-safe.

    schedule: the one with an id, made where it is not there. source_key: one object for each role and partition.
    went_back: told the key of a pane that is older than what is known, by its partition.
    """

    def __init__(
        self,
        unread: UnreadPanes,
        offsets: PaneOffsets,
        schedule: Callable[[str], Schedule],
        source_key: Callable[[int, int], SourceKey],
        went_back: Callable[[int, bytes], None],
    ) -> None:
        self._unread = unread
        self._offsets = offsets
        self._schedule = schedule
        self._source_key = source_key
        self._went_back = went_back
        self._growing = GrowingPanes()
        self._reading_full: Iterator[None] = iter(())
        self._steps_of_full = 0
        """Of what is read because too much waits as columns: the steps that are left, and how many there were."""
        self.unsettled: set[str] = set()
        """Schedules that were read, and perhaps not settled."""

    def read_all(self, schedule_ids: Iterable[str]) -> None:
        """Put all that waits of these schedules, which need not have anything, into their curves."""
        schedule_ids = list(schedule_ids)
        for _ in self.put_begun(schedule_ids):
            pass
        for schedule_id in schedule_ids:
            if schedule_id in self._unread.by_schedule:
                self._read_texts(schedule_id)

    def _read_texts(self, schedule_id: str) -> None:
        found = []
        for key, value in self._unread.by_schedule[schedule_id].items():
            role, partition, minute, _ = parse_pane_key(key)
            applied, first, cells = self._growing.parts_of(key, value, minute)
            number = pane_number(role, partition, minute)
            if self._offsets.put(schedule_id, number, applied, first):
                found.append((number, cells))
            else:  # a source partition's panes are in the changelog partition with its number
                self._went_back(partition, key)
        self._put_all(schedule_id, found)
        # Not before: while one of them cannot be read, no question may be answered without it.
        self._unread.forget(schedule_id)

    def forget(self) -> None:
        """Forget what waits."""
        self._unread.clear()
        self._growing.clear()
        self._reading_full = iter(())
        self.unsettled.clear()

    def make_room(self, begun: int) -> None:
        """Read some of what waits as columns where it is too much; begun: how many more have just come to wait."""
        # In steps, all of which are done when half as many wait again.
        for _ in islice(self._reading_full, 1 + 2 * begun * self._steps_of_full // MOST_BEGUN):
            pass
        if self._unread.is_full:
            for _ in self._reading_full:
                pass
            self._steps_of_full, full = self._unread.take_full()
            self._reading_full = self._put_full(full)

    def put_begun(self, schedule_ids: Iterable[str]) -> Iterator[None]:
        """Put what waits as columns of these schedules into their curves, some schedules at a time."""
        ids = list(schedule_ids)
        at_once = self._unread.schedules_at_once
        for start in range(0, len(ids), at_once):
            # Both at once: what came first is put first, also where more is read because so much waits.
            for some in self._unread.take(ids[start : start + at_once]):
                self._put_taken(some)
            yield

    def _put_full(self, full: Iterator[Taken]) -> Iterator[None]:
        """Put what waits as columns into the curves because there is so much of it."""
        for some in full:
            self._put_taken(some)
            yield

    def _put_taken(self, some: Taken) -> None:
        self._put_together(some)
        self._unread.forget_taken(some.ids)

    def _put_together(self, some: Taken) -> None:
        """Put panes of few cells into the curves of their schedules, without a look at each where that can be done."""
        nothing = [False] * len(some.ids)
        noted, put = self._extended(some) if len(some.ids) >= FEW_SCHEDULES else (nothing, nothing)
        end = 0
        for schedule_id, length, was_noted, was_put in zip(some.ids, some.lengths, noted, put, strict=True):
            start, end = end, end + length
            if not was_noted:
                self._put_one_by_one(schedule_id, some.columns[:, start:end])
            elif not was_put:
                panes = versions(some.columns[:, start:end])
                self._put_all(schedule_id, [(number, cells) for number, _, _, cells in panes])

    def _extended(self, some: Taken) -> tuple[list[bool], list[bool]]:
        """Of each schedule, whether its panes' offsets were noted, and then whether their rows were put."""
        its = arranged(some)
        panes, starts = its.panes.tobytes(), [0, *its.pane_ends[:-1]]
        found = zip(some.ids, its.panes[starts, 0].tolist(), starts, its.pane_ends, strict=True)
        noted = [
            index not in its.went_back
            and self._offsets.extend(schedule_id, number, panes[PANE_BYTES * start : PANE_BYTES * end])
            for index, (schedule_id, number, start, end) in enumerate(found)
        ]
        curves = [
            self._schedule(schedule_id).curve if ok else None for schedule_id, ok in zip(some.ids, noted, strict=True)
        ]
        sources = [self._source_key(*source_of(code)) for code in its.codes]
        return noted, extend_all(curves, sources, its.lengths, its.rows)

    def _put_one_by_one(self, schedule_id: str, columns: Columns) -> None:
        """The same of one schedule, in the order in which they came."""
        found = []
        for number, applied, first, cells in versions(columns):
            if self._offsets.put(schedule_id, number, applied, first):
                found.append((number, cells))
            else:
                role, partition = source_of(number)
                self._went_back(partition, pane_key(role, partition, minute_of(number), schedule_id))
        self._put_all(schedule_id, found)

    def _put_all(self, schedule_id: str, panes: Sequence[tuple[int, Sequence[Cell]]]) -> None:
        """Put panes, by number, into the curve of a schedule."""
        if panes:
            schedule = self._schedule(schedule_id)
            schedule.curve.put_all(
                (self._source_key(*source_of(number)), minute_of(number), cells) for number, cells in panes
            )
            self.unsettled.add(schedule.id)
