"""Fastest sell-outs: by the seconds from the opening of the sale to being sold out (contract)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from ranking_app.rankings.boards.board import Board, BoardKind, Key, KeyOf, Parameter, Texts
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.status import sell_out_seconds
from ranking_app.rankings.windows import Window

SellOutStatus = Literal["soldOut", "any"]


@dataclass(frozen=True, slots=True)
class SellOutBoard(Board):
    """Those whose soldOutAt is inside the window, fastest first; equals by soldOutAt.

    status soldOut: only those still sold out at the window's end; any: also those that have reopened.
    """

    name: ClassVar[str] = "sell-out"
    ascending: ClassVar[bool] = True

    window_s: int | None
    status: SellOutStatus = "soldOut"

    def key_at(self, as_of_s: int) -> KeyOf:
        """sellOutSeconds and soldOutAt."""
        window, still = self.window(as_of_s), self.status == "soldOut"

        def key(schedule: Schedule) -> Key | None:
            listing, curve = schedule.listing, schedule.curve
            if listing is None:
                return None
            at_s = curve.first_second_sold(listing.capacity, as_of_s)
            if at_s is None or at_s not in window:
                return None
            if still and curve.sold_before(as_of_s) < listing.capacity:
                return None
            return sell_out_seconds(curve, listing, at_s), at_s

        return key

    def totals_window(self, as_of_s: int) -> Window:
        """Everything before: a sell-out is about all that was sold."""
        return Window(None, as_of_s)

    def parameters(self) -> Mapping[str, str]:
        """status"""
        return {"status": self.status}


def _make(window_s: int | None, given: Mapping[str, Any]) -> Board:
    return SellOutBoard(window_s, given["status"])


SELL_OUT = BoardKind(
    name=SellOutBoard.name,
    summary=Texts("Fastest sell-outs", "최단 시간 매진"),
    how=Texts(
        "Shows that sold out inside the window, by the time from the opening of the sale to the last seat.",
        "기간 안에 매진된 공연을 예매 시작부터 매진까지 걸린 시간이 짧은 순서로 보여줍니다.",
    ),
    default_window="all",
    make=_make,
    parameters=(
        Parameter("status", "Only those still sold out, or also reopened ones.", "soldOut", get_args(SellOutStatus)),
    ),
)
