"""How the rate grows with workers and partitions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.filling import Filled
from benchmarks.peers.ours import counted_together
from benchmarks.peers.peer import Run
from benchmarks.peers.result import compared, rated
from ranking_app.local.kafka import LocalKafka


@dataclass(frozen=True, slots=True)
class Scaled:
    """One run of so many workers; their CPU time together."""

    workers: int
    partitions: int
    events_per_second: float
    cpu_seconds_per_million: float
    correct: str
    failure: str = ""


def scaled(kafka: LocalKafka, filled: Filled, workers: int, folder: Path, write: Callable[[], object]) -> Scaled:
    """Count a topic, which is empty until `write` is called, with so many workers."""
    folder.mkdir(parents=True)
    outcome = counted_together(Run(kafka, filled, "hopping", filled.count, folder), workers, write)
    figures = rated(outcome)
    return Scaled(
        workers,
        filled.partitions,
        figures["events_per_second"],
        figures["cpu_seconds_per_million"],
        compared(outcome, filled.naive()),
    )
