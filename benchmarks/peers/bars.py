"""What is promised, and whether this run kept it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.peers.latency import Latency
from benchmarks.peers.result import Kind, Result

BASE = "skewed"


@dataclass(frozen=True, slots=True)
class Bar:
    """measured: None where this run did not measure it. at_most: the other way round, for milliseconds."""

    text: str
    limit: float
    measured: float | None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """None: not measured."""
        if self.measured is None:
            return None
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit


RATIOS: tuple[tuple[str, Kind, float], ...] = (
    ("Kafka Streams", "tumbling", 1.0),
    ("Kafka Streams", "hopping", 2.0),
    ("stock Faust", "tumbling", 25.0),
    ("stock Faust", "hopping", 100.0),
    ("Quix Streams", "tumbling", 5.0),
    ("aiokafka into a dict", "tumbling", 0.6),
)
"""Ours divided by theirs, at least."""

MILLISECONDS = (
    (2_500, "p50", 10.0),
    (2_500, "p99", 50.0),
    (2_500, "max", 250.0),
    (50_000, "p99", 250.0),
)
"""Publish to visible, at most."""

WORKLOADS = (("one", 1.0), ("many", 0.5))
"""Ours on this workload divided by ours on BASE, at least."""


def bars(results: Sequence[Result], latencies: Iterable[Latency]) -> list[Bar]:
    """All bars, with what was measured in this run."""
    latency = {row.rate: row for row in latencies if row.peer == "ours" and row.was_reached and not row.failure}
    ours = {workload: rate_of(results, "ours", workload, "tumbling") for workload in (BASE, *dict(WORKLOADS))}
    return [
        *(Bar(f"{kind}: ours ÷ {peer}", limit, _ratio(results, peer, kind)) for peer, kind, limit in RATIOS),
        *(
            Bar(f"{rate:,} events/s: {name}, ms", limit, latency[rate].ms[name] if rate in latency else None, True)
            for rate, name, limit in MILLISECONDS
        ),
        *(Bar(f"ours: workload {name} ÷ {BASE}", limit, divided(ours[name], ours[BASE])) for name, limit in WORKLOADS),
    ]


def rate_of(results: Iterable[Result], peer: str, workload: str, kind: Kind) -> float | None:
    """Events a second of a row, if it has figures and they are right."""
    for row in results:
        if (row.peer, row.workload, row.kind) == (peer, workload, kind) and not row.failure:
            return None if row.correct.startswith("WRONG") else row.events_per_second
    return None


def divided(one: float | None, other: float | None) -> float | None:
    """one ÷ other, where there are both."""
    return one / other if one is not None and other else None


def _ratio(results: Sequence[Result], peer: str, kind: Kind) -> float | None:
    return divided(rate_of(results, "ours", BASE, kind), rate_of(results, peer, BASE, kind))
