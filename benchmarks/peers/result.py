"""What a run of one peer over one workload gave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.peers.filling import Sums

Kind = Literal["tumbling", "hopping"]

KINDS: tuple[Kind, ...] = ("tumbling", "hopping")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen of a run. upto: how many records of each partition were counted; None: all there are.

    first_s, done_s: since the epoch. sums: seats by schedule, over all windows; an event counts in `overlaps` of them.
    """

    events: int
    first_s: float
    done_s: float
    cpu_s: float
    peak_rss_mib: int
    sums: Mapping[str, int]
    overlaps: int = 1
    upto: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One row. failure: why there are no figures; empty otherwise. correct: how its sums compare with a naive count."""

    peer: str
    workload: str
    kind: Kind
    events: int = 0
    events_per_second: float = 0.0
    cpu_seconds_per_million: float = 0.0
    peak_rss_mib: int = 0
    correct: str = ""
    leaves_out: str = ""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""


def rated(outcome: Outcome) -> dict[str, Any]:
    """The figures of a row."""
    seconds = max(outcome.done_s - outcome.first_s, 1e-9)
    return {
        "events": outcome.events,
        "events_per_second": outcome.events / seconds,
        "cpu_seconds_per_million": outcome.cpu_s / outcome.events * 1_000_000,
        "peak_rss_mib": outcome.peak_rss_mib,
    }


def compared(outcome: Outcome, naive: Sums) -> str:
    """How the sums of a run compare with a naive count: `exact`, `counts duplicates`, or what differs."""
    whole = {schedule: total * outcome.overlaps for schedule, total in naive.once.items()}
    if outcome.sums == whole:
        return "exact"
    if outcome.sums == {schedule: total * outcome.overlaps for schedule, total in naive.repeated.items()}:
        return "counts duplicates"
    names = whole.keys() | outcome.sums.keys()
    wrong = sum(whole.get(name, 0) != outcome.sums.get(name, 0) for name in names)
    return f"WRONG: {wrong} of {len(names)} schedules, {sum(outcome.sums.values()):,} of {sum(whole.values()):,}"


def reason_of(error: Exception) -> str:
    """One line for the row of what failed: of a program's traceback the last one, which says what it was.

    >>> reason_of(ValueError("Traceback …: no line of it matters but this\\nTimeoutError: nothing after 20 s"))
    'ValueError: TimeoutError: nothing after 20 s'
    """
    lines = str(error).strip().splitlines()
    return ": ".join((type(error).__name__, *(line[:200] for line in lines[-1:])))
