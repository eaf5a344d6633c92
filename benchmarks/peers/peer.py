"""A peer: something that does the same work; and one run of it."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.filling import Filled
from benchmarks.peers.result import Kind, Outcome, Result, compared, rated, reason_of
from ranking_app.local.kafka import LocalKafka


@dataclass(frozen=True, slots=True)
class Run:
    """count: how many events to take, at most all of the topic. folder: empty, of this run alone."""

    kafka: LocalKafka
    filled: Filled
    kind: Kind
    count: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Peer:
    """available: why it cannot run here, or None. run: does it, and may raise whatever it likes.

    most: of slow ones, how many of the same events they are given, by kind; their rate hardly depends on it.
    leaves_out: what of the work it does not do. configuration: what is set, as its documentation recommends.
    """

    name: str
    available: Callable[[], str | None]
    run: Callable[[Run], Outcome]
    configuration: Mapping[str, Any]
    leaves_out: str = ""
    most: Mapping[Kind, int] = field(default_factory=dict)

    def measured(self, kafka: LocalKafka, filled: Filled, kind: Kind, folder: Path) -> Result:
        """One row; a peer that fails has a row that says why, and the others go on."""
        facts: dict[str, Any] = {
            "peer": self.name,
            "workload": filled.workload.name,
            "kind": kind,
            "leaves_out": self.leaves_out,
            "configuration": self.configuration,
        }
        if (reason := self.available()) is not None:
            return Result(**facts, failure=reason)
        run = Run(kafka, filled, kind, min(self.most.get(kind, filled.count), filled.count), folder)
        folder.mkdir(parents=True)
        try:
            outcome = self.run(run)
        except Exception as exc:
            traceback.print_exc()
            return Result(**facts, failure=reason_of(exc))
        return Result(**facts, **rated(outcome), correct=compared(outcome, filled.naive(outcome.upto)))
