"""Movement: where an entry stood before, its best rank, how long it has been on the board, and on top of it.

A chart knows that by keeping its issues. Here the past is computed: the same board as it was at each issue, that is at
every whole multiple of `compare` since the epoch; so an answer for any asOf is right without anyone having watched.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ranking_app.rankings.boards.board import KeyOf, Ranked
from ranking_app.rankings.columns import Column, extended
from ranking_app.rankings.schedule import Schedule

Move = Literal["up", "down", "same", "new", "reentry"]

ISSUES = 24
"""How many issues back the history reaches: a day of hourly ones, most of a month of daily ones."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One issue: the sorted keys of a board at an instant, from which any schedule's rank of then can be told."""

    keys: Column
    key_of: KeyOf

    def rank(self, schedule: Schedule) -> int | None:
        """The standard rank at the issue; None where it was not on the board."""
        key = self.key_of(schedule)
        return None if key is None else bisect_left(self.keys, key[0]) + 1


def chart_of(ranked: Ranked) -> Chart:
    """The issue of a board's instant: 8 bytes an entry."""
    return Chart(extended(array("q"), [row[0] for row in ranked.rows]), ranked.board.key_at(ranked.as_of_s))


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


def past_of(schedule: Schedule, issues: Sequence[int], chart: Callable[[int], Chart]) -> Past:
    """issues: newest first. chart(instant): the issue."""
    peak_rank: int | None = None
    peak_at_s, streak, top_s, unbroken = 0, 0, 0, True
    tops_newest, next_s = False, None
    for issue_s in issues:
        rank = chart(issue_s).rank(schedule)
        unbroken = unbroken and rank is not None
        streak += unbroken
        if rank is not None and (peak_rank is None or rank <= peak_rank):
            peak_rank, peak_at_s = rank, issue_s
        if rank == 1 and next_s is None:
            tops_newest = True
        elif rank == 1 and next_s is not None:
            top_s += next_s - issue_s
        next_s = issue_s
    return Past(peak_rank, peak_at_s, streak, top_s, tops_newest)


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
