"""Nearly sold out: at least 80 % sold and seats left, by how long they last at the present rate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ranking_app.rankings.boards.board import Board, BoardKind, Detail, Key, KeyOf, Texts
from ranking_app.rankings.milestones import seats_needed
from ranking_app.rankings.schedule import Schedule
from schemas.times import LAST_S, format_s

FROM_PERCENT = 80


@dataclass(frozen=True, slots=True)
class NearlySoldOutBoard(Board):
    """Soonest first; equals by their last completed sale.

    The rate is that inside the window, or where nothing sold there, that from the first sale to the last.
    """

    name: ClassVar[str] = "nearly-sold-out"
    ascending: ClassVar[bool] = True

    window_s: int | None

    def key_at(self, as_of_s: int) -> KeyOf:
        """Seconds left, and the last completed sale."""
        window = self.window(as_of_s)

        def key(schedule: Schedule) -> Key | None:
            listing, curve = schedule.listing, schedule.curve
            if listing is None:
                return None
            sold = curve.sold_before(as_of_s)
            if not seats_needed(FROM_PERCENT, listing.capacity) <= sold < listing.capacity:
                return None
            first_s, last_s = curve.first_sale_s(as_of_s), curve.last_sale_s(as_of_s)
            if first_s is None or last_s is None:
                return None
            since_first_s = last_s + 1 - first_s
            quantity, in_s = curve.quantity(window), window.length_s or since_first_s
            if quantity <= 0:
                quantity, in_s = sold, since_first_s
            return -((sold - listing.capacity) * in_s // quantity), last_s

        return key

    def detail(self, schedule: Schedule, as_of_s: int, explain: bool) -> Detail | None:
        """When the last seat goes at this rate; expectedAt is null beyond the year 9999."""
        key = self.key(schedule, as_of_s)
        if key is None:
            return None
        at_s = as_of_s + key[0]
        return {"secondsLeft": key[0], "expectedAt": format_s(at_s) if at_s <= LAST_S else None}


def _make(window_s: int | None, given: Mapping[str, Any]) -> Board:
    return NearlySoldOutBoard(window_s)


NEARLY_SOLD_OUT = BoardKind(
    name=NearlySoldOutBoard.name,
    summary=Texts("Nearly sold out", "매진 임박"),
    how=Texts(
        f"Shows with at least {FROM_PERCENT} % sold, by how long the seats left last at the rate of the window.",
        f"{FROM_PERCENT}% 이상 팔린 공연을, 기간의 판매 속도로 남은 좌석이 다 팔릴 때까지의 시간이 짧은 순서로 "
        "보여줍니다.",
    ),
    default_window="1h",
    make=_make,
)
