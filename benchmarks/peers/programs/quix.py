"""Quix Streams with a windowed sum: `python -m benchmarks.peers.programs.quix TASK`.

State is by message key, so a topic that is not keyed by schedule is re-keyed first, through a topic (group_by).
"""

import uuid
from typing import Any

from quixstreams import Application, message_context  # type: ignore[import-not-found]
from quixstreams.dataframe.windows import Sum  # type: ignore[import-not-found]
from quixstreams.models import JSONDeserializer  # type: ignore[import-not-found]

from benchmarks.peers.programs.boards import Boards
from benchmarks.peers.programs.task import Report, Task, given_task
from benchmarks.peers.programs.wire import ONE, schedule_and_quantity

GRACE_MS = 2 * 3600 * 1000
"""An hour late still counts, as with the others."""


def main(task: Task) -> None:
    """Count until the task is done."""
    report, boards = Report(task), Boards()
    app = Application(
        broker_address=task.bootstrap,
        consumer_group=f"quix-{uuid.uuid4().hex[:8]}",
        auto_offset_reset="earliest",
        state_dir=task.folder,
        loglevel="WARNING",
    )
    validate = ONE[task.form].validate_json
    source = app.topic(task.topic, key_deserializer="str", value_deserializer=JSONDeserializer(loads=validate))
    # No more than what is asked for goes on, so that what is counted is known to the record.
    frame = app.dataframe(source).filter(lambda event: _is_wanted(report, task)).apply(_sale)
    if not task.keyed:
        frame = frame.group_by("schedule")
    windows = (
        frame.tumbling_window(task.length_ms, grace_ms=GRACE_MS)
        if task.kind == "tumbling"
        else frame.hopping_window(task.length_ms, task.step_ms, grace_ms=GRACE_MS)
    )
    updates_wanted = task.count * (task.length_ms // task.step_ms)
    updates = 0

    def shown(value: Any, key: Any, timestamp: int, headers: Any) -> None:
        nonlocal updates
        boards.windows[value["start"]][key] = value["quantity"]
        updates += 1
        boards.print_when_due()
        if updates == updates_wanted:
            report.end(boards.totals())

    windows.agg(quantity=Sum("quantity")).current().update(shown, metadata=True)
    app.run()


def _is_wanted(report: Report, task: Task) -> bool:
    report.begin()
    if report.total == task.count:
        return False
    report.counted(message_context().partition)
    return True


def _sale(event: Any) -> dict[str, Any]:
    schedule, quantity = schedule_and_quantity(event)
    return {"schedule": schedule, "quantity": quantity}


if __name__ == "__main__":
    main(given_task())
