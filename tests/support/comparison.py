"""Every answer of a running app against the oracle: all boards, windows, instants, ties, fields."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from random import Random
from typing import Any, Protocol

from tests.support.oracle import Oracle
from tests.support.oracle_history import time_s

WINDOWS_S: dict[str, int | None] = {"5m": 300, "1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "all": None}
BY = ("quantity", "amount")
TIES = ("standard", "dense", "ordinal")
SELL_OUT_STATUSES = ("soldOut", "any")
DIFFERENCES_SHOWN = 20
Json = dict[str, Any]


class Answers(Protocol):
    """Where the answers come from: `tests.support.web_client.Client`, or a stand-in."""

    name: str

    def board(self, path: str, **parameters: object) -> Json:
        """A whole board, all pages."""

    def schedule(self, name: str, **parameters: object) -> Json:
        """One schedule."""

    def curve(self, name: str, parameters: Mapping[str, object]) -> Json:
        """Its sales curve."""


class Comparison:
    """Counts what was compared and keeps what differed."""

    def __init__(self) -> None:
        self.values = 0
        self.differences: list[str] = []

    def same(self, where: str, found: Any, expected: Any) -> None:
        """All of `expected` must be in `found`; fields that the contract does not name may be added."""
        if isinstance(expected, dict):
            self._same_object(where, found, expected)
        elif isinstance(expected, list):
            self._same_list(where, found, expected)
        else:
            self.values += 1
            # True == 1 in Python, but not in JSON
            if found != expected or isinstance(found, bool) != isinstance(expected, bool):
                self.differences.append(f"{where}: expected {expected!r}, got {found!r}")

    def _same_object(self, where: str, found: Any, expected: Json) -> None:
        if not isinstance(found, dict):
            self.differences.append(f"{where}: expected an object, got {found!r}")
            return
        for field, value in expected.items():
            if field in found:
                self.same(f"{where}.{field}", found[field], value)
            else:
                self.differences.append(f"{where}: no field {field!r}")

    def _same_list(self, where: str, found: Any, expected: list[Any]) -> None:
        if not isinstance(found, list) or len(found) != len(expected):
            self.differences.append(f"{where}: expected {len(expected)} elements, got {_length(found)}")
            return
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            if one == other:  # a hundred times faster than going through the fields, and nearly always so
                self.values += len(other)
            else:
                self.same(f"{where}[{number}]", one, other)

    def add(self, other: "Comparison") -> None:
        """Take the counts and differences of another comparison as well."""
        self.values += other.values
        self.differences += other.differences

    def report(self) -> str:
        """One line with the counts, then the first differences."""
        shown = self.differences[:DIFFERENCES_SHOWN]
        return "\n".join([f"{self.values:,} values compared, {len(self.differences)} differ", *shown])


def _length(found: Any) -> str:
    return str(len(found)) if isinstance(found, list) else repr(found)


def ten_instants(oracle: Oracle, seed: int) -> list[int | None]:
    """Seconds since the epoch, None for live: the edges of the stream, instants on and beside sales."""
    seconds = sorted({second for history in oracle.histories.values() for second in history.seconds})
    random = Random(seed)
    beside = []
    for part in range(7):
        chosen = random.choice(seconds[len(seconds) * part // 7 : len(seconds) * (part + 1) // 7])
        # A sale at the very end of a window is out of it, a sale one second before is in.
        beside.append(chosen + part % 2)
    return [seconds[0] + 1, *beside, seconds[-1], None]


def assert_same(found: Any, expected: Any) -> None:
    """All of `expected` is in `found`; fields that the contract does not name may be added."""
    comparison = Comparison()
    comparison.same("answer", found, expected)
    assert comparison.values
    assert comparison.differences == []


def compare_boards(clients: Sequence[Answers], oracle: Oracle, instants: Iterable[int | None]) -> Comparison:
    """Both boards on every client: every window, by quantity and amount, every tie mode, every instant."""
    comparison = Comparison()
    for instant_s in instants:
        as_of_s = oracle.live_as_of_s() if instant_s is None else instant_s
        for (text, window_s), ties in product(WINDOWS_S.items(), TIES):
            asked: dict[str, Any] = {"window": text, "ties": ties, "asOf": time_s(instant_s)}
            # Where entries stood before is no part of what is compared; it is asked for now and then all the same.
            asked["movement"] = "true" if (text, ties) == ("1h", "standard") else "false"
            for by in BY:
                expected = oracle.sales_board(window_s, as_of_s, by, ties)
                expected["completeness"] = oracle.completeness(as_of_s)
                ask = partial(_board, path="/v1/rankings/sales", by=by, **asked)
                for name, found in _from_all(clients, ask):
                    comparison.same(f"{name} sales {asked} by {by}", found, expected)
            for status in SELL_OUT_STATUSES:
                expected = oracle.sell_out_board(window_s, as_of_s, ties, status)
                expected["completeness"] = oracle.completeness(as_of_s)
                ask = partial(_board, path="/v1/rankings/sell-out", status=status, **asked)
                for name, found in _from_all(clients, ask):
                    comparison.same(f"{name} sell-out {asked} {status}", found, expected)
    return comparison


def _board(client: Answers, path: str, **asked: object) -> Json:
    return client.board(path, **asked)


def _from_all(clients: Sequence[Answers], ask: Callable[[Answers], Json]) -> list[tuple[str, Json]]:
    """The same question to all at once: they are processes of their own."""
    with ThreadPoolExecutor(len(clients)) as pool:
        return [(client.name, answer) for client, answer in zip(clients, pool.map(ask, clients), strict=True)]


def compare_schedules(
    clients: Sequence[Answers], oracle: Oracle, instants: Sequence[int | None], seed: int, count: int = 40
) -> Comparison:
    """Details and curves of `count` schedules, listed and unlisted ones, at every instant."""
    comparison = Comparison()
    random = Random(seed)
    names = random.sample(sorted(oracle.histories), count)
    for name, instant_s in product(names, instants):
        as_of_s = oracle.live_as_of_s() if instant_s is None else instant_s
        details = oracle.schedule(name, as_of_s) or {}
        details |= {"ranks": oracle.ranks(name, as_of_s), "completeness": oracle.completeness(as_of_s)}
        from_s, step_s = as_of_s - random.randrange(86_400, 30 * 86_400), random.choice([61, 3_600, 86_400])
        to_s = min(from_s + 2_000 * step_s, as_of_s)
        curve = oracle.curve(name, from_s, to_s, step_s) | {"completeness": oracle.completeness(to_s)}
        asked = {"from": time_s(from_s), "to": time_s(to_s), "step": f"{step_s}s"}
        for client in clients:
            where = f"{client.name} {name!r}"
            found = client.schedule(name, asOf=time_s(instant_s))
            comparison.same(f"{where} at {details['asOf']}", found, details)
            comparison.same(f"{where} curve {asked}", client.curve(name, asked), curve)
    return comparison
