"""The comparison of the end-to-end tests meets an app that is right, then one that lies: it must see it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.support.comparison import Comparison, compare_boards, compare_schedules, ten_instants
from tests.support.oracle import Oracle
from tests.support.oracle_builders import DONE, GONE, LIST, NOON_S, cancelled, envelope, listing, on, oracle
from tests.support.oracle_events import parse_time_ms

WINDOWS = {"5m": 300, "1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "all": None}
Json = dict[str, Any]
Lie = Callable[[Json], None]


class RightApp:
    """Answers as the oracle says, with a field of its own beside the contract's; `lie` changes an answer."""

    name = "app"

    def __init__(self, truth: Oracle, lie: Lie | None = None) -> None:
        self._truth = truth
        self._lie = lie or (lambda answer: None)

    def board(self, path: str, **parameters: Any) -> Json:
        window_s, as_of_s = WINDOWS[parameters["window"]], self._as_of_s(parameters["asOf"])
        if path.endswith("/sales"):
            answer = self._truth.sales_board(window_s, as_of_s, parameters["by"], parameters["ties"])
        else:
            answer = self._truth.sell_out_board(window_s, as_of_s, parameters["ties"], parameters["status"])
        return self._said(answer, as_of_s)

    def schedule(self, name: str, **parameters: Any) -> Json:
        as_of_s = self._as_of_s(parameters["asOf"])
        answer = self._truth.schedule(name, as_of_s) or {}
        return self._said(answer | {"ranks": self._truth.ranks(name, as_of_s)}, as_of_s)

    def curve(self, name: str, parameters: Mapping[str, Any]) -> Json:
        from_s, to_s = self._as_of_s(parameters["from"]), self._as_of_s(parameters["to"])
        return self._said(self._truth.curve(name, from_s, to_s, int(parameters["step"][:-1])), to_s)

    def _as_of_s(self, text: str | None) -> int:
        return self._truth.live_as_of_s() if text is None else parse_time_ms(text, "UTC") // 1000

    def _said(self, answer: Json, end_s: int) -> Json:
        answer = answer | {"completeness": self._truth.completeness(end_s), "extra": 1}
        said: Json = json.loads(json.dumps(answer))
        self._lie(said)
        return said


@pytest.fixture
def truth() -> Oracle:
    names = [f"show-{number}" for number in range(24)]
    sales = [envelope(name, NOON_S + 7 * number, amount=number) for number, name in enumerate(names)]
    freed = [cancelled(name, NOON_S + 500 + number) for number, name in enumerate(names[::7])]
    lists = [listing(name, 1 + number % 2, title=f"T {number}") for number, name in enumerate(names[::2])]
    return oracle(on(DONE, *sales, sales[0], b"bad"), on(GONE, *freed), on(LIST, *lists))


def compared(truth: Oracle, lie: Lie | None = None) -> Comparison:
    app, instants = RightApp(truth, lie), ten_instants(truth, seed=1)[-2:]
    comparison = compare_boards([app], truth, instants)
    comparison.add(compare_schedules([app], truth, instants, seed=1, count=2))
    return comparison


def test_a_right_app_has_no_differences(truth: Oracle) -> None:
    comparison = compared(truth)
    assert comparison.differences == []
    assert comparison.values > 10_000


def test_ten_instants_touch_both_ends_and_the_live_one(truth: Oracle) -> None:
    instants = ten_instants(truth, seed=1)
    assert len(instants) == 10 and instants[0] == NOON_S + 1 and instants[-1] is None


def entry(field: str, value: Any) -> Lie:
    def lie(answer: Json) -> None:
        if answer.get("entries"):
            answer["entries"][-1][field] = value

    return lie


def every_answer(field: str, value: Any) -> Lie:
    return lambda answer: answer.update({field: value})


def in_completeness(field: str, value: Any) -> Lie:
    return lambda answer: answer["completeness"].update({field: value})


def one_partition(field: str, value: Any) -> Lie:
    return lambda answer: answer["completeness"]["partitions"][2].update({field: value})


def one_point(field: str, value: Any) -> Lie:
    def lie(answer: Json) -> None:
        if answer.get("points"):
            answer["points"][-1][field] = value

    return lie


def drop_the_last(field: str) -> Lie:
    def lie(answer: Json) -> None:
        if answer.get(field):
            answer[field].pop()

    return lie


def swap_the_first_two(answer: Json) -> None:
    entries = answer.get("entries", [])
    entries[:2] = entries[1::-1]


def forget_the_title(answer: Json) -> None:
    for one in answer.get("entries", []):
        one.pop("title")


LIES = {
    **{
        f"entry {field}": entry(field, -99)
        for field in ("rank", "score", "sold", "cancelled", "quantity", "amount", "capacity", "soldRatio")
    },
    **{
        f"entry {field}": entry(field, "?")
        for field in ("concertScheduleId", "title", "status", "soldOutAt", "sellOutSeconds")
    },
    **{name: every_answer(name, "?") for name in ("board", "by", "ties", "window", "asOf", "total", "ranks")},
    **{name: every_answer(name, "?") for name in ("venue", "milestones", "firstSaleAt", "lastSaleAt", "completed")},
    **{name: in_completeness(name, 7) for name in ("late", "duplicates", "deadLetters", "complete")},
    **{f"partition {name}": one_partition(name, 7) for name in ("offset", "lag", "watermark", "topic")},
    **{f"point {name}": one_point(name, 7_777) for name in ("start", "quantity", "amount", "cancelled", "sold")},
    "a missing entry": drop_the_last("entries"),
    "a missing point": drop_the_last("points"),
    "a missing field": forget_the_title,
    "another order": swap_the_first_two,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lie_is_a_difference(truth: Oracle, lie: Lie) -> None:
    assert compared(truth, lie).differences != []


def test_true_is_not_one() -> None:
    comparison = Comparison()
    comparison.same("complete", 1, True)
    assert comparison.differences == ["complete: expected True, got 1"]


def test_the_report_has_the_counts_and_the_first_differences() -> None:
    comparison = Comparison()
    comparison.same("board", {"total": 3, "by": "amount"}, {"total": 2, "by": "amount"})
    assert comparison.report() == "2 values compared, 1 differ\nboard.total: expected 2, got 3"
