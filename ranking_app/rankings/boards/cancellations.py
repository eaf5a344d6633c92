"""Most cancelled: by seats cancelled inside the window, or by their share in those completed there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from ranking_app.rankings.boards.board import Board, BoardKind, Detail, Key, KeyOf, Parameter, Texts
from ranking_app.rankings.boards.over_time import highest_first
from ranking_app.rankings.curve import Counts, Instants
from ranking_app.rankings.schedule import Schedule

CancellationsBy = Literal["count", "rate"]

FLOOR = 10
"""Seats completed inside the window; of fewer, a rate says nothing."""


@dataclass(frozen=True, slots=True)
class CancellationsBoard(Board):
    """Highest first, only above 0; equals by id."""

    name: ClassVar[str] = "cancellations"
    within_window: ClassVar[bool] = True

    window_s: int | None
    by: CancellationsBy = "count"

    @property
    def shares(self) -> bool:  # type: ignore[override]
        """Counts add up, rates do not."""
        return self.by == "count"

    def key_at(self, as_of_s: int) -> KeyOf:
        """Minus the seats cancelled, or minus their share in hundredths of a percent."""
        window, by_rate = self.window(as_of_s), self.by == "rate"

        def key(schedule: Schedule) -> Key | None:
            totals = schedule.curve.totals(window)
            score = (_rate(totals.cancelled, totals.completed) or 0) if by_rate else totals.cancelled
            return (-score, 0) if score > 0 else None

        return key

    def keys_over(self, schedule: Schedule, instants: Instants) -> Counts | None:
        """As key_at, by count; rates are asked for one by one."""
        if self.by != "count":
            return None
        sums = schedule.curve.quantities_before(instants)
        if sums is None or self.window_s is None:
            return highest_first(None if sums is None else sums[1])
        before = schedule.curve.quantities_before(np.maximum(instants - self.window_s, 0))
        return highest_first(None if before is None else sums[1] - before[1])

    def detail(self, schedule: Schedule, as_of_s: int, explain: bool) -> Detail | None:
        """Both counts; the rate is null where fewer than FLOOR completed."""
        totals = schedule.curve.totals(self.window(as_of_s))
        rate = _rate(totals.cancelled, totals.completed)
        return {
            "completed": totals.completed,
            "cancelled": totals.cancelled,
            "ratePercent": None if rate is None else rate / 100,
        }

    def parameters(self) -> Mapping[str, str]:
        """by"""
        return {"by": self.by}


def _rate(cancelled: int, completed: int) -> int | None:
    """cancelled / completed in hundredths of a percent, rounded down."""
    return cancelled * 10_000 // completed if completed >= FLOOR else None


def _make(window_s: int | None, given: Mapping[str, Any]) -> Board:
    return CancellationsBoard(window_s, given["by"])


CANCELLATIONS = BoardKind(
    name=CancellationsBoard.name,
    summary=Texts("Most cancelled", "취소 많은 공연"),
    how=Texts(
        "Seats cancelled inside the window; by rate, their share in the seats completed there, from "
        f"{FLOOR} completed on.",
        f"기간 안에 취소된 좌석 수입니다. 비율은 완료된 좌석({FLOOR}석 이상) 대비 취소된 좌석입니다.",
    ),
    default_window="24h",
    make=_make,
    parameters=(
        Parameter(
            "by",
            "`count`: seats; `rate`: hundredths of a percent of those completed.",
            "count",
            get_args(CancellationsBy),
        ),
    ),
)
