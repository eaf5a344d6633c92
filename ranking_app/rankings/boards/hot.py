"""Hot now: a declared blend of windows, each by its rate, so that a short window counts as much as a long one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ranking_app.durations import parse_window
from ranking_app.rankings.boards.board import HOUR_S, Board, BoardKind, Detail, Key, KeyOf, Parameter, Texts
from ranking_app.rankings.boards.over_time import highest_first, net_in_window
from ranking_app.rankings.curve import Counts, Instants
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.windows import window_before

DEFAULT_BLEND = "1h:50,24h:50"
MOST_TERMS = 5
POINTS_PER_SEAT = 1_000
"""A score of 1,000 is one seat an hour."""

_WEIGHT = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Term:
    """One window of a blend; weight_percent: its share in the score."""

    window_s: int
    weight_percent: int
    text: str

    def points(self, quantity: int) -> int:
        """weight x net quantity, as thousandths of seats an hour, rounded down.

        >>> Term(7_200, 50, "2h").points(10)
        2500
        """
        return self.weight_percent * quantity * HOUR_S * POINTS_PER_SEAT // (self.window_s * 100)


def parse_blend(text: str) -> tuple[Term, ...]:
    """`1h:50,24h:50`: one to five windows with whole percents that make 100. ValueError, saying what was expected.

    >>> [(term.window_s, term.weight_percent) for term in parse_blend("1h:60,1d:40")]
    [(3600, 60), (86400, 40)]
    """
    terms = [_parse_term(part) for part in text.split(",")]
    if len(terms) > MOST_TERMS:
        raise ValueError(f"expected at most {MOST_TERMS} windows, got {len(terms)}")
    total = sum(term.weight_percent for term in terms)
    if total != 100:
        raise ValueError(f"expected weights that make 100 percent, got {total}")
    return tuple(terms)


def _parse_term(part: str) -> Term:
    window, _, weight = part.strip().rpartition(":")
    window_s = parse_window(window) if window else None
    if window_s is None or not _WEIGHT.fullmatch(weight) or not 1 <= int(weight) <= 100:
        raise ValueError(f"expected windows with percents such as {DEFAULT_BLEND}, got {part[:40]!r}")
    return Term(window_s, int(weight), f"{window}:{int(weight)}")


@dataclass(frozen=True)
class HotBoard(Board):
    """Highest blend first, only above 0; equals by the last completed sale inside the longest window."""

    name: ClassVar[str] = "hot"
    within_window: ClassVar[bool] = True
    shares: ClassVar[bool] = True

    blend: tuple[Term, ...]

    @cached_property
    def window_s(self) -> int:  # type: ignore[override]
        """The longest window of the blend."""
        return max(term.window_s for term in self.blend)

    @property
    def edges_s(self) -> tuple[int, ...]:
        """Every window's start, and asOf."""
        return (0, *sorted({term.window_s for term in self.blend}))

    @property
    def compare_s(self) -> int:
        """The shortest window."""
        return min(*(term.window_s for term in self.blend), super().compare_s)

    def key_at(self, as_of_s: int) -> KeyOf:
        """Minus the points, and the last completed sale."""
        longest = self.window(as_of_s)
        terms = [(term, window_before(as_of_s, term.window_s)) for term in self.blend]

        def key(schedule: Schedule) -> Key | None:
            curve = schedule.curve
            last_s = curve.last_completed_s(longest)
            if last_s is None:
                return None
            points = sum(term.points(curve.quantity(window)) for term, window in terms)
            return (-points, last_s) if points > 0 else None

        return key

    def keys_over(self, schedule: Schedule, instants: Instants) -> Counts | None:
        """As key_at, for machine integers: points below 2**63 are 10**15 seats."""
        curve, points = schedule.curve, np.zeros(len(instants), np.int64)
        for term in self.blend:
            quantity = net_in_window(curve, instants, term.window_s)
            if quantity is None:
                return None
            points += term.weight_percent * HOUR_S * POINTS_PER_SEAT * quantity // (term.window_s * 100)
        return highest_first(points)

    def detail(self, schedule: Schedule, as_of_s: int, explain: bool) -> Detail | None:
        """The terms, which add up to the score."""
        if not explain:
            return None
        quantities = [schedule.curve.quantity(window_before(as_of_s, term.window_s)) for term in self.blend]
        terms = [
            {
                "windowSeconds": term.window_s,
                "weightPercent": term.weight_percent,
                "quantity": quantity,
                "points": term.points(quantity),
            }
            for term, quantity in zip(self.blend, quantities, strict=True)
        ]
        return {"terms": terms}

    def parameters(self) -> Mapping[str, str]:
        """blend"""
        return {"blend": ",".join(term.text for term in self.blend)}


def _make(window_s: int | None, given: Mapping[str, Any]) -> Board:
    return HotBoard(given["blend"])


HOT = BoardKind(
    name=HotBoard.name,
    summary=Texts("Hot now", "지금 뜨는 공연"),
    how=Texts(
        "Seats sold per hour, blended over windows: by default half the last hour, half the last 24 hours. "
        "1,000 points are one seat an hour.",
        "시간당 판매 좌석 수를 여러 기간에 걸쳐 섞은 점수입니다. 기본은 최근 1시간 절반, 최근 24시간 절반이며 "
        "1,000점은 시간당 1석입니다.",
    ),
    default_window=None,
    make=_make,
    parameters=(
        Parameter(
            "blend",
            f"Windows with their weights in percent, one to {MOST_TERMS}, together 100.",
            DEFAULT_BLEND,
            parse=parse_blend,
        ),
    ),
)
