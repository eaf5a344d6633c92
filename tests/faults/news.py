"""Which notifications there must be, and that each is there once.

What is raised depends on what had arrived when somebody looked, except for schedules of which nothing is cancelled
and whose capacity stays: of these it is known exactly. Of the others everything that is true at the end must have
been raised, and more may have been: events that arrive later take nothing back.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from tests.support.comparison import Comparison
from tests.support.oracle import Oracle
from tests.support.oracle_history import MILESTONE_PERCENTS, History

MILESTONE = "ranking.milestone.reached"
SOLD_OUT = "ranking.schedule.sold-out"
REOPENED = "ranking.schedule.reopened"
END_OF_TIME_S = 2**40
Identity = tuple[str, str, float]
"""Type, schedule, threshold or spell: what happened."""


def compare_notifications(raised: Sequence[dict[str, Any]], oracle: Oracle, steady: set[str]) -> Comparison:
    """Against the oracle's final curves. steady: ids of schedules without cancellations or changes of capacity."""
    comparison = Comparison()
    found = Counter(identity(envelope) for envelope in raised)
    ids = Counter(envelope["eventId"] for envelope in raised)
    comparison.values += 2 * len(raised)
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
