"""Bytewax with fold_window and recovery: `python -m benchmarks.peers.programs.bytewax_flow TASK`.

Windows are given out when they close: the last of them when all was read.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op  # type: ignore[import-not-found]
from bytewax.connectors.kafka import KafkaSource  # type: ignore[import-not-found]
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]
from bytewax.inputs import StatefulSourcePartition  # type: ignore[import-not-found]
from bytewax.operators import windowing as win
from bytewax.outputs import DynamicSink, StatelessSinkPartition  # type: ignore[import-not-found]
from bytewax.recovery import RecoveryConfig, init_db_dir  # type: ignore[import-not-found]
from bytewax.run import cli_main  # type: ignore[import-not-found]

from benchmarks.peers.programs.task import Report, Task, given_task
from benchmarks.peers.programs.wire import ONE, schedule_and_quantity

GRACE = timedelta(hours=2)
"""An hour late still counts, as with the others."""

SNAPSHOT_EVERY = timedelta(seconds=10)
"""Bytewax's own default, written down."""

ALIGN_TO = datetime(1970, 1, 1, tzinfo=UTC)

Sale = tuple[int, int]
"""Time in ms, seats."""


class LimitedSource(KafkaSource):  # type: ignore[misc]
    """A Kafka source that is at its end when enough was counted; what is on its way then counts, too."""

    def __init__(self, task: Task, report: Report) -> None:
        super().__init__([task.bootstrap], [task.topic], tail=False)
        self._enough = lambda: report.total >= task.count

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> "LimitedPartition":
        """A partition of the topic."""
        return LimitedPartition(super().build_part(step_id, for_part, resume_state), self._enough)


class LimitedPartition(StatefulSourcePartition):  # type: ignore[misc]
    """Passes on what a partition of a Kafka source has until enough was counted."""

    def __init__(self, inner: Any, enough: Callable[[], bool]) -> None:
        self._inner, self._enough = inner, enough

    def next_batch(self) -> Any:
        """StopIteration at the end."""
        if self._enough():
            raise StopIteration
        return self._inner.next_batch()

    def snapshot(self) -> Any:
        """The offset."""
        return self._inner.snapshot()

    def close(self) -> None:
        """Leave the brokers."""
        self._inner.close()


class Sums(DynamicSink):  # type: ignore[misc]
    """Adds up the windows that closed."""

    def __init__(self, sums: Counter[str]) -> None:
        self._sums = sums

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "SumsPartition":
        """One for each worker; there is one."""
        return SumsPartition(self._sums)


class SumsPartition(StatelessSinkPartition):  # type: ignore[misc]
    """The part of a worker."""

    def __init__(self, sums: Counter[str]) -> None:
        self._sums = sums

    def write_batch(self, items: list[tuple[str, tuple[int, int]]]) -> None:
        """items: (schedule, (window, seats))."""
        for schedule, (_, quantity) in items:
            self._sums[schedule] += quantity


def main(task: Task) -> None:
    """Count the whole topic."""
    report, sums = Report(task), Counter[str]()
    folder = Path(task.folder)
    folder.mkdir(parents=True, exist_ok=True)
    init_db_dir(folder, 1)
    cli_main(flow(task, report, sums), epoch_interval=SNAPSHOT_EVERY, recovery_config=RecoveryConfig(folder))
    report.end(sums)


def flow(task: Task, report: Report, sums: Counter[str]) -> Dataflow:
    """From the topic to the sums."""
    validate = ONE[task.form].validate_json

    def sale(message: Any) -> tuple[str, Sale]:
        report.begin()
        report.counted(message.partition)
        schedule, quantity = schedule_and_quantity(validate(message.value))
        return schedule, (message.timestamp[1], quantity)

    found = Dataflow("peer")
    source = LimitedSource(task, report)
    sales = op.map("validate", op.input("kafka", found, source), sale)
    length, step = timedelta(milliseconds=task.length_ms), timedelta(milliseconds=task.step_ms)
    windows = win.fold_window(
        "windows",
        sales,
        win.EventClock(lambda sale: datetime.fromtimestamp(sale[0] / 1000, UTC), wait_for_system_duration=GRACE),
        win.SlidingWindower(length=length, offset=step, align_to=ALIGN_TO),
        builder=int,
        folder=lambda total, sale: total + sale[1],
        merger=lambda one, other: one + other,
        ordered=False,
    )
    op.output("sums", windows.down, Sums(sums))
    return found


if __name__ == "__main__":
    main(given_task())
