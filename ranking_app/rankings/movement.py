"""Movement: where an entry stood before, its best rank, how long it has been on the board, and on top of it.

A chart knows that by keeping its issues. Here the past is computed: the same board as it was at each issue, that is at
every whole multiple of `compare` since the epoch; so an answer for any asOf is right without anyone having watched.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ranking_app.rankings.boards.board import NOT_ON, Board
from ranking_app.rankings.columns import Column, extended
from ranking_app.rankings.curve import Counts, Instants
from ranking_app.rankings.schedule import Schedule

Move = Literal["up", "down", "same", "new", "reentry"]

ISSUES = 24
"""How many issues back the history reaches: a day of hourly ones, most of a month of daily ones."""

MAX_PASTS = 5_000
"""Schedules whose past one book remembers: those on the pages that are asked for."""


Chart = Column
"""One issue: the sorted keys of a board at an instant, 8 bytes each; any schedule's rank of then is a bisection."""


class Charts:
    """Issues in the making: every schedule is taken once, for all of them."""

    def __init__(self, board: Board, issues: Sequence[int]) -> None:
        """issues: ascending."""
        self._walk = Walk(board, issues)
        self._keys: list[list[int]] = [[] for _ in issues]
        self._rows: list[Counts] = []

    def take(self, schedules: Iterable[Schedule]) -> None:
        """Some more schedules."""
        walk, keys, rows = self._walk, self._keys, self._rows
        for schedule in schedules:
            at_once = walk.at_once(schedule)
            if at_once is not None:
                rows.append(at_once)
                continue
            for first, end, key in walk.step_by_step(schedule):
                for issue in range(first, end):
                    keys[issue].append(key)

    def finished(self) -> list[Chart]:
        """The issues, when every schedule was taken."""
        if self._rows:
            for number, column in enumerate(np.stack(self._rows, axis=1)):
                self._keys[number] += column[column != NOT_ON].tolist()
        return [extended(array("q"), sorted(keys)) for keys in self._keys]


class Walk:
    """The keys of one board at ascending instants, schedule by schedule."""

    def __init__(self, board: Board, instants: Sequence[int]) -> None:
        self._board = board
        self._instants = instants
        self._array: Instants = np.array(instants, np.int64)
        self._key_of = [board.key_at(at_s) for at_s in instants]

    def at_once(self, schedule: Schedule) -> Counts | None:
        """The key at every instant, NOT_ON where there is none; None: step by step."""
        return self._board.keys_over(schedule, self._array)

    def step_by_step(self, schedule: Schedule) -> Iterator[tuple[int, int, int]]:
        """(first, end, what it sorts by): for the instants [first, end) that have it on the board.

        Between two changes a key stays as it is: most shows of a catalogue sell now and then, some never.
        """
        instants, at = self._instants, 0
        while at < len(instants):
            key = self._key_of[at](schedule)
            change_s = self._board.next_change_s(schedule, instants[at])
            end = len(instants) if change_s is None else bisect_left(instants, change_s, at + 1)
            if key is not None:
                yield at, end, key[0]
            at = end

    def keys(self, schedule: Schedule) -> list[int]:
        """The key at every instant, NOT_ON where there is none."""
        at_once = self.at_once(schedule)
        if at_once is not None:
            found: list[int] = at_once.tolist()
            return found
        found = [NOT_ON] * len(self._instants)
        for first, end, key in self.step_by_step(schedule):
            found[first:end] = [key] * (end - first)
        return found


def issues_before(as_of_s: int, compare_s: int, first_s: int) -> list[int]:
    """The instants of the issues before as_of_s, newest first, none before first_s.

    >>> issues_before(7_201, 3_600, 0), issues_before(7_200, 3_600, 3_600)
    ([7200, 3600, 0], [3600])
    """
    newest_s = (as_of_s - 1) // compare_s * compare_s
    return [at_s for number in range(ISSUES) if (at_s := newest_s - number * compare_s) >= first_s]


@dataclass(frozen=True, slots=True)
class Past:
    """What the issues say of one schedule. peak_rank: None where it was on none of them.

    peak_at_s: the first issue with that rank. streak: issues in a row, up to the newest, that it was on.
    top_s: seconds during which an issue with it at number 1 was the newest, up to the newest issue.
    """

    peak_rank: int | None
    peak_at_s: int
    streak: int
    top_s: int
    tops_newest: bool


class Book:
    """The issues of one board, and what they say of the schedules that are asked for."""

    def __init__(self, board: Board, issues: Sequence[int], charts: Sequence[Chart]) -> None:
        """issues: newest first, with their charts."""
        self.issues = issues
        self._charts = charts
        self._walk = Walk(board, list(reversed(issues)))
        self._pasts: dict[str, Past] = {}

    def past(self, schedule: Schedule) -> Past:
        """What the issues say of one schedule."""
        past = self._pasts.get(schedule.id)
        if past is None:
            if len(self._pasts) >= MAX_PASTS:
                self._pasts.clear()
            past = self._pasts[schedule.id] = past_of(self.issues, self._ranks(schedule))
        return past

    def _ranks(self, schedule: Schedule) -> list[int | None]:
        """The standard rank at each issue; None where it was not on the board."""
        keys = reversed(self._walk.keys(schedule))
        return [
            None if key == NOT_ON else bisect_left(chart, key) + 1
            for key, chart in zip(keys, self._charts, strict=True)
        ]


def past_of(issues: Sequence[int], ranks: Sequence[int | None]) -> Past:
    """issues: newest first, with the ranks of a schedule.

    >>> past_of([300, 200, 100], [1, None, 1])
    Past(peak_rank=1, peak_at_s=100, streak=1, top_s=100, tops_newest=True)
    """
    peak_rank: int | None = None
    peak_at_s, streak, top_s, unbroken, next_s = 0, 0, 0, True, None
    for issue_s, rank in zip(issues, ranks, strict=True):
        unbroken = unbroken and rank is not None
        streak += unbroken
        if rank is not None and (peak_rank is None or rank <= peak_rank):
            peak_rank, peak_at_s = rank, issue_s
        if rank == 1 and next_s is not None:
            top_s += next_s - issue_s
        next_s = issue_s
    return Past(peak_rank, peak_at_s, streak, top_s, bool(ranks) and ranks[0] == 1)


@dataclass(frozen=True, slots=True)
class Movement:
    """What is told of an entry's way here. peak and streak count the board of now as one more issue."""

    previous_rank: int | None
    move: Move
    peak_rank: int
    peak_at_s: int
    streak: int
    seconds_at_top: int


def movement(
    past: Past, rank: int, standard_rank: int, previous_rank: int | None, as_of_s: int, newest_s: int
) -> Movement:
    """rank, previous_rank: with the ties of the answer. newest_s: the newest issue."""
    peak_rank, peak_at_s = standard_rank, as_of_s
    if past.peak_rank is not None and past.peak_rank <= standard_rank:
        peak_rank, peak_at_s = past.peak_rank, past.peak_at_s
    return Movement(
        previous_rank=previous_rank,
        move=_move(rank, previous_rank, past.peak_rank is not None),
        peak_rank=peak_rank,
        peak_at_s=peak_at_s,
        streak=past.streak + 1,
        seconds_at_top=past.top_s + (as_of_s - newest_s if past.tops_newest else 0),
    )


def _move(rank: int, previous_rank: int | None, was_on: bool) -> Move:
    """up is towards rank 1. Without a previous rank: a re-entry where the past knows it, else new."""
    if previous_rank is None:
        return "reentry" if was_on else "new"
    if rank == previous_rank:
        return "same"
    return "up" if rank < previous_rank else "down"
