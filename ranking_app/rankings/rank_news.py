"""What there is to notify about one board's ranks: who entered its top, and who is its new number 1.

Two rivals may swap places every second; somebody who waits for a message must not hear of it every second. So a rank is
news only where the schedule did not already have it in the time before (the hold). That is read from the boards as they
were at whole minutes, computed from the curves: whoever asks, watching all the time or just started, finds the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ranking_app.rankings.boards.board import HOUR_S, Board, Ranked
from ranking_app.rankings.boards.sales import SalesBoard
from ranking_app.rankings.panes import MINUTE_S

RankKind = Literal["entered-top", "number-one"]

HOLD_S = 600
"""Who had the rank at one of the whole minutes of so long a time is no news; nor who was news in it."""

SETTLE_S = 120
"""The hold ends so long ago. A sale is seen some time after it happened, and a worker may have to be replaced: what the
newest minutes say may be the very thing that nobody has been told yet."""


LAST_HOUR = SalesBoard(HOUR_S, "quantity")


@dataclass(frozen=True, slots=True)
class RankRule:
    """Which board is watched, how many places are its top, and how many seats are the least that make news.

    The top of a board with no more than `top` entries is the whole board, and being on it no news. An hour with fewer
    than `floor` seats is a quiet one, in which any sale would turn the board over.
    """

    top: int = 10
    board: Board = LAST_HOUR
    floor: int = 10


@dataclass(frozen=True, slots=True)
class EnteredTop:
    """At the instant at_s (the board's asOf) the schedule has one of the first `top` places; rank: its place."""

    at_s: int
    schedule_id: str
    top: int
    rank: int
    score: int


@dataclass(frozen=True, slots=True)
class NumberOne:
    """At the instant at_s the schedule is first. previous_id: the one who was before it; None: nobody was."""

    at_s: int
    schedule_id: str
    score: int
    previous_id: str | None


RankNews = EnteredTop | NumberOne
"""Identity: the class, the schedule and the period of at_s."""

BoardAt = Callable[[int], Ranked]
"""The board as of an instant, by what is known now. Of a minute before, its first rows do: one more than the top."""

Told = Callable[[RankKind, str, int], bool]
"""Whether there has been such news of a schedule in a period."""


def period(at_s: int) -> int:
    """The number of the HOLD_S seconds, counted from the epoch, that the instant is in.

    >>> period(599), period(600)
    (0, 1)
    """
    return at_s // HOLD_S


def minutes_before(as_of_s: int) -> list[int]:
    """All the whole minutes that are looked at, newest first: those of the hold, and those since.

    >>> minutes_before(3_700)[0], minutes_before(3_700)[-1]
    (3660, 3000)
    """
    newest_s = (as_of_s - 1) // MINUTE_S * MINUTE_S
    return list(range(newest_s, hold_instants(as_of_s)[-1] - 1, -MINUTE_S))


def hold_instants(as_of_s: int) -> list[int]:
    """The whole minutes of the hold, newest first.

    >>> hold_instants(3_700)[:2], hold_instants(3_700)[-1]
    ([3540, 3480], 3000)
    """
    newest_s = (as_of_s - SETTLE_S) // MINUTE_S * MINUTE_S
    return [newest_s - ago_s for ago_s in range(0, HOLD_S, MINUTE_S)]


def rank_news(rule: RankRule, board_at: BoardAt, as_of_s: int, told: Told) -> list[RankNews]:
    """What is news at an instant; the top in the order of ranks, then number 1.

    News is told once in a period and not again in the next, so that no border between two of them doubles it: with the
    same `told`, nothing is found twice within HOLD_S.
    """
    now, found = board_at(as_of_s), list[RankNews]()
    for schedule_id, place in _top(rule, now).items():
        if _is_news("entered-top", schedule_id, as_of_s, told, lambda at_s: _top(rule, board_at(at_s))):
            found.append(EnteredTop(as_of_s, schedule_id, rule.top, place + 1, _score(now, place)))
    for schedule_id in _first(rule, now):
        if _is_news("number-one", schedule_id, as_of_s, told, lambda at_s: _first(rule, board_at(at_s))):
            previous_id = _first_before(board_at, as_of_s, schedule_id)
            found.append(NumberOne(as_of_s, schedule_id, _score(now, 0), previous_id))
    return found


def _is_news(
    kind: RankKind, schedule_id: str, as_of_s: int, told: Told, having_it: Callable[[int], dict[str, int]]
) -> bool:
    """having_it: who has the rank at an instant."""
    of_now = period(as_of_s)
    if told(kind, schedule_id, of_now) or told(kind, schedule_id, of_now - 1):
        return False
    return not any(schedule_id in having_it(at_s) for at_s in hold_instants(as_of_s))


def _top(rule: RankRule, ranked: Ranked) -> dict[str, int]:
    """Who has a place in the top, with the place; nobody where the top is the whole board."""
    if len(ranked) <= rule.top:
        return {}
    return _leading(rule, ranked, rule.top)


def _first(rule: RankRule, ranked: Ranked) -> dict[str, int]:
    return _leading(rule, ranked, 1)


def _leading(rule: RankRule, ranked: Ranked, places: int) -> dict[str, int]:
    rows = enumerate(islice(ranked.rows, places))
    return {row[2]: place for place, row in rows if ranked.board.score(row[0]) >= rule.floor}


def _score(ranked: Ranked, place: int) -> int:
    return ranked.board.score(ranked.rows[place][0])


def _first_before(board_at: BoardAt, as_of_s: int, schedule_id: str) -> str | None:
    """Who else was first at the newest whole minute before."""
    for at_s in minutes_before(as_of_s):
        rows = board_at(at_s).rows
        if rows and rows[0][2] != schedule_id:
            return rows[0][2]
    return None
