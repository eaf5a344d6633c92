"""What a run of `make bench-peers` found so far: its tables and its raw figures."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.peers import table
from benchmarks.peers.bars import Bar, bars
from benchmarks.peers.latency import Latency
from benchmarks.peers.machine import machine, versions
from benchmarks.peers.result import Result
from benchmarks.peers.scale import Scaled


@dataclass(slots=True)
class Found:
    """Grows while the run goes on."""

    results: list[Result] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    scales: list[Scaled] = field(default_factory=list)

    @classmethod
    def of_json(cls, file: Path) -> Self:
        """What an earlier run wrote. OSError, ValueError, TypeError."""
        facts = json.loads(file.read_text())
        return cls(
            [Result(**row) for row in facts["results"]],
            [Latency(**row) for row in facts["latencies"]],
            [Scaled(**row) for row in facts["scales"]],
        )

    def bars(self) -> list[Bar]:
        """What was promised, with what was measured so far."""
        return bars(self.results, self.latencies)

    def tables(self) -> list[table.Table]:
        """All that have rows."""
        found = (
            table.throughput(self.results),
            table.omissions(self.results),
            table.promises(self.bars()),
            table.latency(self.latencies),
            table.scale(self.scales),
            table.settings(self.results),
        )
        return [each for each in found if each.rows]

    def write_json(self, file: Path) -> None:
        """The raw figures, with the machine and the versions."""
        measured = [{**asdict(bar), "met": bar.met} for bar in self.bars()]
        facts = {"machine": machine(), "versions": versions(), **asdict(self), "bars": measured}
        file.write_text(json.dumps(facts, indent=1) + "\n")
