"""Best sellers: by net quantity or net amount inside the window (contract, meaning of the boards)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from ranking_app.rankings.boards.board import Board, BoardKind, Key, KeyOf, Parameter, Texts
from ranking_app.rankings.boards.over_time import highest_first, net_in_window
from ranking_app.rankings.curve import By, Counts, Instants
from ranking_app.rankings.schedule import Schedule


@dataclass(frozen=True, slots=True)
class SalesBoard(Board):
    """Highest score first, only above 0; equals by the second of their last completed sale inside the window."""

    name: ClassVar[str] = "sales"
    within_window: ClassVar[bool] = True
    shares: ClassVar[bool] = True

    window_s: int | None
    by: By = "quantity"

    def key_at(self, as_of_s: int) -> KeyOf:
        """Minus the score, and the last completed sale."""
        window, by = self.window(as_of_s), self.by

        def key(schedule: Schedule) -> Key | None:
            scored = schedule.curve.score(window, by)
            return None if scored is None else (-scored[0], scored[1])

        return key

    def keys_over(self, schedule: Schedule, instants: Instants) -> Counts | None:
        """As key_at; amounts are asked for one by one, as their differences may outgrow 64 bits."""
        if self.by != "quantity":
            return None
        return highest_first(net_in_window(schedule.curve, instants, self.window_s))

    def parameters(self) -> Mapping[str, str]:
        """by"""
        return {"by": self.by}


def _make(window_s: int | None, given: Mapping[str, Any]) -> Board:
    return SalesBoard(window_s, given["by"])


SALES = BoardKind(
    name=SalesBoard.name,
    summary=Texts("Best sellers in a window", "기간별 베스트셀러"),
    how=Texts(
        "Tickets sold inside the window, cancelled ones taken off. Equals stand in the order in which they got there.",
        "기간 안에 팔린 좌석에서 취소된 좌석을 뺀 수입니다. 같으면 먼저 도달한 공연이 앞섭니다.",
    ),
    default_window="1h",
    make=_make,
    parameters=(Parameter("by", "What is summed up: net quantity or net amount.", "quantity", get_args(By)),),
)
