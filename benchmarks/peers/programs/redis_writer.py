"""aiokafka into Redis sorted sets: `python -m benchmarks.peers.programs.redis_writer TASK`.

One ZINCRBY an event and window, the batch in one pipeline; its offsets are committed behind it. At least once: what was
written and not committed is added again after a crash.
"""

import asyncio
import time
import uuid
from collections import Counter

from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis  # type: ignore[import-not-found]

from benchmarks.peers.programs.task import TOP, TOP_EVERY_S, Report, Task, given_task
from benchmarks.peers.programs.wire import LIST, schedule_and_quantity


async def main(task: Task) -> None:
    """Count until the task is done."""
    validate = LIST[task.form].validate_json
    report = Report(task)
    store = Redis.from_url(f"redis://{task.service}", decode_responses=True)
    consumer = AIOKafkaConsumer(
        task.topic,
        bootstrap_servers=task.bootstrap,
        group_id=f"redis-{uuid.uuid4()}",  # the same topic is counted for each kind of window
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    newest_ms = 0
    printing = asyncio.create_task(_print_top(store, lambda: newest_ms))
    while not printing.done():
        for place, records in (await consumer.getmany(timeout_ms=1000)).items():
            report.begin()
            events = validate(b"[" + b",".join([record.value for record in records]) + b"]")
            pipeline = store.pipeline(transaction=False)
            for record, event in zip(records, events, strict=True):
                schedule, quantity = schedule_and_quantity(event)
                starts_ms = task.starts_ms(record.timestamp)
                newest_ms = max(newest_ms, starts_ms[0])
                for start_ms in starts_ms:
                    pipeline.zincrby(f"sales:{start_ms}", quantity, schedule)
            await pipeline.execute()
            await consumer.commit({place: records[-1].offset + 1})
            if report.counted(place.partition, len(records)):
                done_s = time.time()
                report.end(await _totals(store), done_s)


async def _print_top(store, newest_ms) -> None:
    while True:
        await asyncio.sleep(TOP_EVERY_S)
        print(await store.zrevrange(f"sales:{newest_ms()}", 0, TOP - 1, withscores=True), flush=True)


async def _totals(store) -> Counter[str]:
    sums: Counter[str] = Counter()
    async for key in store.scan_iter("sales:*", count=1_000):
        for schedule, total in await store.zrange(key, 0, -1, withscores=True):
            sums[schedule] += int(total)
    return sums


if __name__ == "__main__":
    asyncio.run(main(given_task()))
