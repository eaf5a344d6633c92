"""Ranks as news: entering the top and a new number 1, each told once in a while however fast rivals swap places."""

from collections.abc import Callable, Iterable, Sequence

import pytest

from ranking_app.rankings.boards.board import Ranked
from ranking_app.rankings.boards.sales import SalesBoard
from ranking_app.rankings.curve import Curve
from ranking_app.rankings.rank_news import EnteredTop, NumberOne, RankKind, RankNews, RankRule, period, rank_news
from ranking_app.rankings.schedule import Schedule

T = 1_780_000_200
"""A whole minute, and the beginning of a period."""

TOP_2 = RankRule(top=2)


class Watcher:
    """Looks at boards of these sales and remembers what it found, as the topic does."""

    def __init__(self, rule: RankRule = TOP_2) -> None:
        self._rule = rule
        self._cells: dict[str, dict[int, int]] = {}
        self._schedules: dict[str, Schedule] = {}
        self.told: set[tuple[RankKind, str, int]] = set()

    def sell(self, name: str, at_s: int, quantity: int) -> None:
        """at_s: seconds after T. A negative quantity cancels."""
        cells = self._cells.setdefault(name, {})
        cells[T + at_s] = cells.get(T + at_s, 0) + quantity
        minute = (T + at_s) // 60
        of_minute = [(s, max(q, 0), max(-q, 0), 0) for s, q in sorted(cells.items()) if s // 60 == minute]
        self._schedules.setdefault(name, Schedule(name, Curve())).curve.put("only", minute, of_minute)

    def board(self, at_s: int) -> Ranked:
        return Ranked(self._rule.board, at_s, self._rule.board.rows(self._schedules.values(), at_s))

    def look(self, at_s: int) -> list[RankNews]:
        """What is news at asOf T + at_s."""
        found = rank_news(self._rule, self.board, T + at_s, lambda *what: what in self.told)
        for item in found:
            kind: RankKind = "entered-top" if isinstance(item, EnteredTop) else "number-one"
            self.told.add((kind, item.schedule_id, period(item.at_s)))
        return found

    def looks(self, instants: Iterable[int]) -> list[RankNews]:
        return [item for at_s in instants for item in self.look(at_s)]


@pytest.fixture
def watcher() -> Watcher:
    """A, B and C have been on the board for half an hour, in this order."""
    watcher = Watcher()
    for name, quantity in (("A", 50), ("B", 40), ("C", 30)):
        watcher.sell(name, -1_800, quantity)
    return watcher


def test_who_has_been_there_for_long_is_no_news(watcher: Watcher) -> None:
    assert watcher.looks(range(0, 1_300, 7)) == []


def test_entering_the_top_is_news_with_rank_and_score_of_the_board_of_that_instant(watcher: Watcher) -> None:
    watcher.sell("C", 29, 15)
    assert watcher.look(29) == []
    assert watcher.look(30) == [EnteredTop(T + 30, "C", top=2, rank=2, score=45)]


def test_a_new_number_1_is_news_with_the_one_before_it(watcher: Watcher) -> None:
    watcher.sell("B", 29, 20)
    assert watcher.look(30) == [NumberOne(T + 30, "B", score=60, previous_id="A")]


def test_both_at_once_are_two_pieces_of_news(watcher: Watcher) -> None:
    watcher.sell("C", 29, 100)
    assert watcher.look(30) == [
        EnteredTop(T + 30, "C", top=2, rank=1, score=130),
        NumberOne(T + 30, "C", score=130, previous_id="A"),
    ]


def test_news_is_told_once_and_not_again_in_the_next_period(watcher: Watcher) -> None:
    watcher.sell("C", 599, 15)
    assert len(watcher.look(600)) == 1
    assert watcher.looks(range(600, 1_800)) == []


def test_the_border_of_two_periods_does_not_double_news_of_who_is_there_between_whole_minutes(watcher: Watcher) -> None:
    for at_s in (590, 605):
        watcher.sell("C", at_s, 15)
        watcher.sell("C", at_s + 4, -15)
    assert [(item.schedule_id, item.at_s - T) for item in watcher.looks(range(580, 620))] == [("C", 591)]


def test_who_lost_a_place_and_has_it_again_within_the_hold_is_no_news(watcher: Watcher) -> None:
    watcher.sell("C", 100, 15)  # C before B
    watcher.sell("B", 400, 10)  # B again
    assert [item.schedule_id for item in watcher.looks(range(1_000))] == ["C"]


def test_who_comes_back_after_the_hold_is_news_again(watcher: Watcher) -> None:
    watcher.sell("C", 100, 15)
    watcher.sell("B", 200, 6)
    watcher.sell("C", 1_300, 2)
    assert watcher.looks(range(1_400)) == [
        EnteredTop(T + 101, "C", top=2, rank=2, score=45),
        EnteredTop(T + 1_301, "C", top=2, rank=2, score=47),
    ]


def test_rivals_that_swap_places_each_second_are_news_once_in_a_hold(watcher: Watcher) -> None:
    for at_s in range(3_600):
        watcher.sell("A" if at_s % 2 else "B", at_s, 22)
    found = [item for item in watcher.looks(range(3_600)) if isinstance(item, NumberOne)]
    assert 1 <= len(found) <= 6
    assert_at_most_one_in_a_hold(found)


def test_an_entry_that_nobody_looked_at_for_two_minutes_is_told_all_the_same(watcher: Watcher) -> None:
    watcher.sell("C", 29, 15)
    assert watcher.look(30 + 119) == [EnteredTop(T + 149, "C", top=2, rank=2, score=45)]


def test_what_happened_while_nobody_looked_for_longer_is_no_news(watcher: Watcher) -> None:
    watcher.sell("C", 29, 15)
    assert watcher.look(30 + 180) == []


def test_the_top_of_a_board_with_no_more_places_is_no_news() -> None:
    watcher = Watcher()
    watcher.sell("A", 0, 50)
    watcher.sell("B", 0, 40)
    assert watcher.look(1) == [NumberOne(T + 1, "A", score=50, previous_id=None)]
    watcher.sell("C", 1, 1)
    assert [item.schedule_id for item in watcher.look(2)] == ["A", "B"]


def test_below_the_floor_nothing_is_news_and_the_floor_counts_for_the_hold_too() -> None:
    watcher = Watcher(RankRule(top=1, floor=10))
    watcher.sell("A", 0, 9)
    watcher.sell("B", 0, 1)
    assert watcher.looks(range(1, 601)) == []
    watcher.sell("A", 600, 1)
    assert [type(item) for item in watcher.look(601)] == [EnteredTop, NumberOne]


def test_the_rule_that_is_declared_is_the_top_10_of_the_last_hours_best_sellers() -> None:
    assert RankRule() == RankRule(top=10, board=SalesBoard(3_600, "quantity"), floor=10)


def assert_at_most_one_in_a_hold(found: Sequence[RankNews]) -> None:
    last_s: dict[tuple[Callable[..., RankNews], str], int] = {}
    for item in found:
        what = type(item), item.schedule_id
        assert item.at_s - last_s.get(what, 0) >= 600, item
        last_s[what] = item.at_s
