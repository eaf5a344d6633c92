"""What a program is to do and how it reports: shared by all of them, so it needs nothing but Python."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

MINUTE_MS = 60_000
WINDOWS_MS = {"tumbling": (MINUTE_MS, MINUTE_MS), "hopping": (60 * MINUTE_MS, 5 * MINUTE_MS)}
"""Length and step."""

TOP = 10
TOP_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    """What a peer's program is told.

    bootstrap: `host:port`. kind: of window. form, keyed: of the events. count: how many to take, then report and end; 0
    for no end. folder: for state. report: the file that it reports to. service: `host:port` of a store, if one is used.
    """

    bootstrap: str
    topic: str
    partitions: int
    kind: str
    form: str
    keyed: bool
    count: int
    folder: str
    report: str
    service: str = ""

    def to_json(self) -> str:
        """As the only argument of a program."""
        return json.dumps(asdict(self))

    @property
    def length_ms(self) -> int:
        """Of a window."""
        return WINDOWS_MS[self.kind][0]

    @property
    def step_ms(self) -> int:
        """From one window's start to the next one's."""
        return WINDOWS_MS[self.kind][1]

    def starts_ms(self, at_ms: int) -> range:
        """The starts of all windows that a time lies in: half-open, aligned to the epoch."""
        last = at_ms - at_ms % self.step_ms
        return range(last, at_ms - self.length_ms, -self.step_ms)


def given_task() -> Task:
    """The task of this process."""
    return Task(**json.loads(sys.argv[1]))


class Report:
    """When the first record came, how many of each partition were counted, and the sums."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._first_s = 0.0
        self._upto: Counter[int] = Counter()
        self.total = 0

    def counted(self, partition: int, number: int = 1) -> bool:
        """Note that so many records of a partition are in the result; True when it is all that were asked for."""
        self._upto[partition] += number
        self.total += number
        return 0 < self._task.count <= self.total

    def begin(self) -> None:
        """The first record is here. Later calls change nothing."""
        self._first_s = self._first_s or time.time()

    def end(self, sums: Mapping[str, int], done_s: float | None = None) -> None:
        """Write the report and leave at once: a clean shutdown is not part of the measurement.

        sums: seats by schedule, over all windows. done_s: when all was counted; None: now.
        """
        facts = {
            "first_s": self._first_s,
            "done_s": done_s or time.time(),
            "events": self.total,
            "upto": self._upto,
            "sums": sums,
        }
        unfinished = Path(f"{self._task.report}.part")
        unfinished.write_text(json.dumps(facts))
        unfinished.rename(self._task.report)
        os._exit(0)
