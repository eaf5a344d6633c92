"""A watch that prepares in turns has the boards of one that begins anew, whatever sells in between."""

import asyncio
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.rank_watch import RankWatch
from ranking_app.clock import ManualClock
from ranking_app.rankings.panes import MINUTE_S, Pane, encode_pane
from ranking_app.rankings.rank_news import RankRule, minutes_before
from ranking_app.read_model.state import ReadModel, ReadRules
from tables.layout import pane_key

NOW_S = 1_781_434_800
RULES = ReadRules(("completed", "cancelled", "catalogue"), 1, "wall", ZoneInfo("UTC"), 0, 0, 65_536, 0)

sales = st.tuples(st.integers(0, 6), st.integers(0, 1_500), st.integers(1, 3))
"""Schedule, how many seconds ago, seats."""

rounds = st.lists(st.tuples(st.lists(sales, max_size=6), st.lists(sales, max_size=6), st.integers(0, 90)), max_size=8)
"""What sells before a look and while it is prepared; seconds until then."""


class Watch(RankWatch):
    """Looks also at boards that are not complete."""

    def _may_look(self, as_of_s: int) -> bool:
        return True


class Shop:
    """One owner and its read model."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW_S * 1000)
        self.model = ReadModel(RULES, self.clock)
        self._panes: dict[bytes, Pane] = {}
        self._next_offset = 0

    def sell(self, schedule: int, ago_s: int, seats: int) -> None:
        second = self.clock.now_ms() // 1000 - ago_s
        key = pane_key(0, 0, second // MINUTE_S, f"S{schedule}")
        pane = self._panes.setdefault(key, Pane(first=self._next_offset))
        pane.applied = self._next_offset
        pane.seconds.setdefault(second, [0, 0, 0])[0] += seats
        self._next_offset += 1
        self.model.apply_own(0, [(key, encode_pane(pane))])
        self.model.changed()


def boards_of(watch: RankWatch, as_of_s: int) -> list[list[tuple[int, int, str]]]:
    now = watch._follow(as_of_s)
    past = [watch._minute(at_s).rows[: watch._rule.top + 1] for at_s in minutes_before(as_of_s)]
    return [[row[:3] for row in rows] for rows in (now.rows, *past)]


async def look_again_and_again(todo: list[tuple[list[tuple[int, int, int]], list[tuple[int, int, int]], int]]) -> None:
    shop = Shop()
    watch = Watch(shop.model, RankRule(top=2))
    for before, meanwhile, pause_s in todo:
        for sale in before:
            shop.sell(*sale)
        preparing = asyncio.create_task(watch.prepare())
        for sale in meanwhile:
            await asyncio.sleep(0)
            shop.sell(*sale)
        await preparing
        as_of_s = shop.model.live_as_of_s()
        assert boards_of(watch, as_of_s) == boards_of(Watch(shop.model, RankRule(top=2)), as_of_s)
        shop.clock.set_ms(shop.clock.now_ms() + pause_s * 1000)


@settings(max_examples=150, deadline=None)
@given(rounds)
def test_a_watch_that_prepares_in_turns_has_the_boards_of_a_new_one(todo):
    in_small_steps = {"agents.rank_watch.TURN_S": 0.0, "agents.rank_watch.MENDED": 1}
    in_small_steps |= {"ranking_app.rankings.live_board.STEP_CHANGES": 1}
    in_small_steps |= {
        f"ranking_app.rankings.{where}.STEP_SCHEDULES": 1 for where in ("boards.board", "live_board", "leading_rows")
    }
    in_small_steps |= {"ranking_app.read_model.state.SETTLE_REST_S": 0.0}
    patches = [patch(name, value) for name, value in in_small_steps.items()]
    for each in patches:
        each.start()
    try:
        asyncio.run(look_again_and_again(todo))
    finally:
        for each in patches:
            each.stop()
