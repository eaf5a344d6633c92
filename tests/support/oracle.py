"""The second opinion, part three: whole answers. From the contract alone, it imports nothing of the app.

Everything is computed from the counted events of `oracle_events.judge` and returned as the JSON of the
contract (a dict with the answer's field names), so that a test compares with `==`. The one thing done for
speed: sales are added up per schedule and second, and cumulative sums over those seconds are kept.
tests/unit/test_oracle.py checks that against sums written as the contract says them.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from tests.support.oracle_events import Record, Rules, Sale, Verdict, judge
from tests.support.oracle_history import History, Json, time_ms, time_s

KEPT = 4
"""Boards kept: the tie modes of one board only differ in the ranks, and ranks of many schedules come from one."""


class Oracle:
    """Answers for a set of records. Windows in seconds (None: all), instants in seconds since the epoch."""

    def __init__(self, records: Iterable[Record], rules: Rules) -> None:
        self.rules = rules
        self.verdict: Verdict = judge(records, rules)
        sales_of: defaultdict[str, list[Sale]] = defaultdict(list)
        for sale in self.verdict.sales:
            sales_of[sale.schedule].append(sale)
        catalogue = self.verdict.catalogue
        self.histories = {
            name: History(name, sales_of.get(name, []), catalogue.get(name)) for name in {*sales_of, *catalogue}
        }

    def live_as_of_s(self) -> int:
        """The live instant under RANKING_CLOCK=event: the second after the newest counted event's."""
        return max(self.verdict.watermarks_ms.values()) // 1000 + 1

    def sales_board(self, window_s: int | None, as_of_s: int, by: str = "quantity", ties: str = "standard") -> Json:
        """`GET /v1/rankings/sales`, all entries, without completeness."""
        entries = ranked(self._sales_entries(window_s, as_of_s, by), ties)
        return _board("sales", window_s, as_of_s, ties, entries) | {"by": by}

    @lru_cache(maxsize=KEPT)  # noqa: B019 - an oracle lives as long as its test
    def _sales_entries(self, window_s: int | None, as_of_s: int, by: str) -> list[Json]:
        start_s = None if window_s is None else as_of_s - window_s
        rows = []
        for history in self.histories.values():
            net = {
                "quantity": history.net_quantity(start_s, as_of_s),
                "amount": history.amount(start_s, as_of_s),
            }
            if net[by] > 0:
                order = (-net[by], history.last_completed_s(start_s, as_of_s), history.name)
                cancelled = history.cancelled(start_s, as_of_s)
                rows.append((order, history.entry(as_of_s, score=net[by], cancelled=cancelled, **net)))
        return [entry for _, entry in sorted(rows, key=lambda row: row[0])]

    def sell_out_board(
        self, window_s: int | None, as_of_s: int, ties: str = "standard", status: str = "soldOut"
    ) -> Json:
        """`GET /v1/rankings/sell-out`, all entries, without completeness."""
        entries = ranked(self._sell_out_entries(window_s, as_of_s, status), ties)
        return _board("sell-out", window_s, as_of_s, ties, entries)

    @lru_cache(maxsize=KEPT)  # noqa: B019
    def _sell_out_entries(self, window_s: int | None, as_of_s: int, status: str) -> list[Json]:
        start_s = None if window_s is None else as_of_s - window_s
        rows = []
        for history in self.histories.values():
            sold_out_s = history.reached_s(100, as_of_s)
            if sold_out_s is None or (start_s is not None and sold_out_s < start_s):
                continue
            if status == "any" or history.status(as_of_s) == "soldOut":
                score = history.sell_out_seconds(as_of_s)
                entry = history.entry(
                    as_of_s,
                    score=score,
                    quantity=history.net_quantity(None, as_of_s),
                    amount=history.amount(None, as_of_s),
                    cancelled=history.cancelled(None, as_of_s),
                )
                rows.append(((score, sold_out_s, history.name), entry))
        return [entry for _, entry in sorted(rows, key=lambda row: row[0])]

    def schedule(self, name: str, as_of_s: int) -> Json | None:
        """`GET /v1/schedules/{id}` without completeness and ranks; None is the 404."""
        history = self.histories.get(name)
        return None if history is None else history.details(as_of_s)

    def ranks(self, name: str, as_of_s: int) -> Json:
        """`ranks` of `GET /v1/schedules/{id}`."""
        board_of = self._ranks_at(as_of_s)
        return {
            "sales": {text: board_of[text].get(name) for text in ("1h", "24h", "all")},
            "sellOut": board_of["sellOut"].get(name),
        }

    @lru_cache(maxsize=KEPT)  # noqa: B019
    def _ranks_at(self, as_of_s: int) -> dict[str, dict[str, int]]:
        boards = {
            "1h": self.sales_board(3_600, as_of_s),
            "24h": self.sales_board(86_400, as_of_s),
            "all": self.sales_board(None, as_of_s),
            "sellOut": self.sell_out_board(None, as_of_s),
        }
        return {
            text: {entry["concertScheduleId"]: entry["rank"] for entry in board["entries"]}
            for text, board in boards.items()
        }

    def curve(self, name: str, from_s: int | None, to_s: int, step_s: int) -> Json:
        """`GET /v1/schedules/{id}/sales` without completeness."""
        history = self.histories[name]
        if from_s is None:
            first_s = history.completed_seconds[0]
            from_s = first_s - first_s % step_s
        points = []
        for start_s in range(from_s, to_s, step_s):
            end_s = min(start_s + step_s, to_s)
            points.append(
                {
                    "start": time_s(start_s),
                    "quantity": history.net_quantity(start_s, end_s),
                    "amount": history.amount(start_s, end_s),
                    "cancelled": history.cancelled(start_s, end_s),
                    "sold": history.net_quantity(None, end_s),
                }
            )
        return {
            "concertScheduleId": name,
            "from": time_s(from_s),
            "to": time_s(to_s),
            "stepSeconds": step_s,
            "points": points,
        }

    def totals(self) -> Json:
        """The totals of the completeness block: over both reservation topics, without the catalogue."""
        bad = [record for record, _ in self.verdict.bad if record.topic != self.rules.catalogue_topic]
        return {
            "late": len(self.verdict.late),
            "duplicates": len(self.verdict.duplicates),
            "deadLetters": len(bad),
        }

    def partitions(self) -> list[Json]:
        """`partitions` of the completeness block once everything is applied, by topic and partition."""
        rules, verdict = self.rules, self.verdict
        sources = [(t, p) for t in (rules.completed_topic, rules.cancelled_topic) for p in range(rules.partitions)]
        return [
            {
                "topic": topic,
                "partition": partition,
                "offset": verdict.next_offsets.get((topic, partition), 0),
                "lag": 0,
                "watermark": time_ms(verdict.watermarks_ms.get((topic, partition))),
            }
            for topic, partition in [*sources, (rules.catalogue_topic, 0)]
        ]

    def completeness(self, end_s: int) -> Json:
        """The block once everything is applied; without `final` where that depends on idleness."""
        block = {"complete": True, "partitions": self.partitions()} | self.totals()
        reached = self.verdict.watermarks_ms.values()
        if len(reached) == 2 * self.rules.partitions and min(reached) >= end_s * 1000 + self.rules.grace_ms:
            block["final"] = True
        return block


def ranked(entries: list[Json], ties: str) -> list[Json]:
    """Sorted entries with their ranks: equal scores share one, except in `ordinal`."""
    places: list[Json] = []
    for place, entry in enumerate(entries, 1):
        better = [] if place == 1 else [entries[place - 2]]
        if ties == "ordinal" or not better:
            rank = place
        elif entry["score"] == better[0]["score"]:
            rank = places[-1]["rank"]
        else:
            rank = place if ties == "standard" else places[-1]["rank"] + 1
        places.append({"rank": rank} | entry)
    return places


def _board(kind: str, window_s: int | None, as_of_s: int, ties: str, entries: list[Json]) -> Json:
    start_s = None if window_s is None else as_of_s - window_s
    return {
        "board": kind,
        "ties": ties,
        "window": {"start": time_s(start_s), "end": time_s(as_of_s), "seconds": window_s},
        "asOf": time_s(as_of_s),
        "total": len(entries),
        "entries": entries,
    }
