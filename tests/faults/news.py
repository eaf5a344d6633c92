"""Which notifications there must be, and that each is there once.

What is raised depends on what had arrived when somebody looked, except for schedules of which nothing is cancelled
and whose capacity stays: of these it is known exactly. Of the others everything that is true at the end must have
been raised, and more may have been: events that arrive later take nothing back. News of ranks depends on when somebody
looked: of it is known that nothing is there twice, and nothing again within the hold.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.support.comparison import Comparison
from tests.support.oracle import Oracle
from tests.support.oracle_history import MILESTONE_PERCENTS, History

MILESTONE = "ranking.milestone.reached"
SOLD_OUT = "ranking.schedule.sold-out"
REOPENED = "ranking.schedule.reopened"
RANKS = ("ranking.board.entered-top", "ranking.board.number-one")
HOLD_S = 600
END_OF_TIME_S = 2**40
Identity = tuple[str, str, float]
"""Type, schedule, threshold or spell: what happened."""


def compare_notifications(raised: Sequence[dict[str, Any]], oracle: Oracle, steady: set[str]) -> Comparison:
    """Against the oracle's final curves. steady: ids of schedules without cancellations or changes of capacity."""
    comparison = Comparison()
    ids = Counter(envelope["eventId"] for envelope in raised)
    comparison.values += 2 * len(raised)
    _compare_ranks(comparison, [envelope for envelope in raised if envelope["eventType"] in RANKS])
    raised = [envelope for envelope in raised if envelope["eventType"] not in RANKS]
    found = Counter(identity(envelope) for envelope in raised)
    comparison.differences += [f"raised {times} times: {what}" for what, times in found.items() if times > 1]
    comparison.differences += [f"id {each} raised {times} times" for each, times in ids.items() if times > 1]
    for name, history in oracle.histories.items():
        expected = set(final_news(history))
        mine = {what for what in found if what[1] == name}
        comparison.values += len(expected)
        comparison.differences += [f"not raised: {what}" for what in sorted(expected - mine)]
        if name in steady:
            comparison.differences += [f"raised, but did not happen: {what}" for what in sorted(mine - expected)]
    for envelope in raised:
        _compare_payload(comparison, envelope, oracle, steady)
    return comparison


def identity(envelope: dict[str, Any]) -> Identity:
    """What a notification says happened."""
    payload = envelope["payload"]
    number = payload["threshold"] if envelope["eventType"] == MILESTONE else payload["spell"]
    return envelope["eventType"], payload["concertScheduleId"], number


def final_news(history: History) -> Iterator[Identity]:
    """Everything that happened by the final curve."""
    if history.listing is None:
        return
    for percent in MILESTONE_PERCENTS[:-1]:
        if history.reached_s(percent, END_OF_TIME_S) is not None:
            yield MILESTONE, history.name, percent / 100
    full = [history.net_quantity(None, second + 1) >= history.listing.capacity for second in history.seconds]
    spell = 0
    for before, after in pairwise([False, *full]):
        if after and not before:
            spell += 1
            yield SOLD_OUT, history.name, spell
        elif before and not after:
            yield REOPENED, history.name, spell


def _compare_ranks(comparison: Comparison, raised: Sequence[dict[str, Any]]) -> None:
    told: dict[tuple[str, str], list[float]] = {}
    for envelope in raised:
        what = envelope["eventType"], envelope["payload"]["concertScheduleId"]
        told.setdefault(what, []).append(datetime.fromisoformat(envelope["eventTime"]).timestamp())
    for what, times_s in told.items():
        gaps_s = [later - earlier for earlier, later in pairwise(sorted(times_s))]
        comparison.differences += [f"{what} again after {gap_s:g} s" for gap_s in gaps_s if gap_s < HOLD_S]


def _compare_payload(comparison: Comparison, envelope: dict[str, Any], oracle: Oracle, steady: set[str]) -> None:
    """`sold` is of the moment of raising, so only its bounds are known."""
    kind, name, number = identity(envelope)
    history = oracle.histories.get(name)
    if name not in steady or history is None or history.listing is None:
        return
    payload, capacity = envelope["payload"], history.listing.capacity
    comparison.same(f"{kind} {name} capacity", payload["capacity"], capacity)
    needed = number * capacity if kind == MILESTONE else capacity
    comparison.same(f"{kind} {name} sold {payload['sold']} of {needed}", payload["sold"] >= needed - 1e-9, True)
