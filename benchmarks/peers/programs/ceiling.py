"""aiokafka into a dict: `python -m benchmarks.peers.programs.ceiling TASK`. Nothing is kept when it ends."""

import asyncio

from aiokafka import AIOKafkaConsumer

from benchmarks.peers.programs.boards import Boards
from benchmarks.peers.programs.task import Report, Task, given_task
from benchmarks.peers.programs.wire import LIST, schedule_and_quantity


async def main(task: Task) -> None:
    """Count until the task is done."""
    validate = LIST[task.form].validate_json
    boards, report = Boards(), Report(task)
    windows = boards.windows
    consumer = AIOKafkaConsumer(task.topic, bootstrap_servers=task.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    while True:
        for place, records in (await consumer.getmany(timeout_ms=1000)).items():
            report.begin()
            events = validate(b"[" + b",".join([record.value for record in records]) + b"]")
            for record, event in zip(records, events, strict=True):
                schedule, quantity = schedule_and_quantity(event)
                for start_ms in task.starts_ms(record.timestamp):
                    window = windows[start_ms]
                    window[schedule] = window.get(schedule, 0) + quantity
            boards.print_when_due()
            if report.counted(place.partition, len(records)):
                report.end(boards.totals())


if __name__ == "__main__":
    asyncio.run(main(given_task()))
