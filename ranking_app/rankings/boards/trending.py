"""Trending: whose sales grew most against the window before, with a floor so that one sale is no trend."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ranking_app.rankings.boards.board import Board, BoardKind, Detail, Key, KeyOf, Texts
from ranking_app.rankings.boards.over_time import highest_first, net_in_window
from ranking_app.rankings.curve import Counts, Instants
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.windows import Window

FLOOR = 10
"""Seats. Fewer inside the window are no trend; growth is measured against at least so many in the window before."""


@dataclass(frozen=True, slots=True)
class TrendingBoard(Board):
    """Highest growth first, only above 0; equals by the last completed sale inside the window."""

    name: ClassVar[str] = "trending"
    within_window: ClassVar[bool] = True

    window_s: int

    @property
    def edges_s(self) -> tuple[int, ...]:
        """Both windows."""
        return 0, self.window_s, 2 * self.window_s

    def _windows(self, as_of_s: int) -> tuple[Window, Window]:
        start_s = as_of_s - self.window_s
        return Window(start_s, as_of_s), Window(start_s - self.window_s, start_s)

    def key_at(self, as_of_s: int) -> KeyOf:
        """Minus the growth in percent, and the last completed sale."""
        window, before = self._windows(as_of_s)

        def key(schedule: Schedule) -> Key | None:
            curve = schedule.curve
            quantity = curve.quantity(window)
            if quantity < FLOOR:
                return None
            growth = growth_percent(quantity, curve.quantity(before))
            last_s = curve.last_completed_s(window)
            return (-growth, last_s) if growth > 0 and last_s is not None else None

        return key

    def keys_over(self, schedule: Schedule, instants: Instants) -> Counts | None:
        """As key_at."""
        curve, window_s = schedule.curve, self.window_s
        quantity = net_in_window(curve, instants, window_s)
        previous = net_in_window(curve, instants - window_s, window_s)
        if quantity is None or previous is None:
            return None
        growth = (quantity - previous) * 100 // np.maximum(previous, FLOOR)
        return highest_first(np.where(quantity >= FLOOR, growth, 0))

    def detail(self, schedule: Schedule, as_of_s: int, explain: bool) -> Detail | None:
        """Both windows' quantities."""
        quantity, previous = (schedule.curve.quantity(window) for window in self._windows(as_of_s))
        return {
            "quantity": quantity,
            "previousQuantity": previous,
            "growthPercent": growth_percent(quantity, previous),
        }


def growth_percent(quantity: int, previous: int) -> int:
    """How much more was sold than in the window before, in percent of that or of FLOOR, rounded down.

    0 where quantity is below FLOOR or did not grow.

    >>> growth_percent(40, 10), growth_percent(9, 0), growth_percent(20, 3), growth_percent(15, 20)
    (300, 0, 170, 0)
    """
    if quantity < FLOOR or quantity <= previous:
        return 0
    return (quantity - previous) * 100 // max(previous, FLOOR)


def _make(window_s: int | None, given: Mapping[str, Any]) -> Board:
    if window_s is None:
        raise ValueError("expected a length of time such as 1h, got 'all': there is no window before it")
    return TrendingBoard(window_s)


TRENDING = BoardKind(
    name=TrendingBoard.name,
    summary=Texts("Fastest growing sales", "급상승"),
    how=Texts(
        f"Growth of the tickets sold inside the window against the window before it, in percent. Fewer than {FLOOR} "
        "are no trend.",
        f"바로 앞 기간과 비교해 판매가 늘어난 비율(%)입니다. {FLOOR}석 미만은 제외합니다.",
    ),
    default_window="1h",
    make=_make,
)
