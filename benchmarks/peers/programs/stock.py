"""faust-streaming as it comes, with a windowed table: `python -m benchmarks.peers.programs.stock TASK`."""

import asyncio
import time
import uuid
from collections import Counter
from typing import Any

import faust

from benchmarks.peers.programs.task import TOP, TOP_EVERY_S, Report, Task, given_task
from benchmarks.peers.programs.wire import ONE, schedule_and_quantity


async def main(task: Task) -> None:
    """Count until the task is done."""
    app = faust.App(
        f"stock-{task.kind}-{uuid.uuid4().hex[:8]}",
        broker=f"kafka://{task.bootstrap}",
        store="rocksdb://",
        datadir=task.folder,
        topic_partitions=task.partitions,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )
    source = app.topic(task.topic, value_type=bytes, value_serializer="raw", key_type=bytes, partitions=task.partitions)
    table: Any = app.Table("counts", default=int, partitions=task.partitions)
    windowed = (
        table.tumbling(task.length_ms / 1000)
        if task.kind == "tumbling"
        else table.hopping(task.length_ms / 1000, task.step_ms / 1000)
    )
    validate = ONE[task.form].validate_json
    report = Report(task)
    names: set[str] = set()
    last: Any = None

    async def counting(stream: Any) -> None:
        nonlocal last
        async for event in stream.events():
            report.begin()
            schedule, quantity = schedule_and_quantity(validate(event.value))
            windowed[schedule] += quantity
            names.add(schedule)
            last = event
            if report.counted(event.message.partition):
                done_s = time.time()
                report.end(_totals(table), done_s)

    async def print_top() -> None:
        if last is not None:
            print(Counter({name: windowed[name].current(last) for name in names}).most_common(TOP), flush=True)

    app.agent(source)(counting)
    app.timer(TOP_EVERY_S)(print_top)
    app.finalize()
    app.in_worker = True
    await app.start()
    await asyncio.Event().wait()


def _totals(table: Any) -> Counter[str]:
    sums: Counter[str] = Counter()
    for (schedule, _), total in table.items():
        sums[schedule] += total
    return sums


if __name__ == "__main__":
    asyncio.run(main(given_task()))
