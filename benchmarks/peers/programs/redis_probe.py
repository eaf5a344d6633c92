"""Asks Redis for probes until they are there: `python -m benchmarks.peers.programs.redis_probe TASK SECONDS`.

The last line is the milliseconds of all probes, as JSON.
"""

import asyncio
import json
import sys
import time
import uuid

from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis  # type: ignore[import-not-found]

from benchmarks.peers.programs.task import Task, given_task

PROBE_INTERVAL_S = 0.05
POLL_S = 0.001
GIVE_UP_S = 5.0
SETTLE_S = 5.0
"""The writer joins its group, and the load begins."""


async def main(task: Task, seconds: float) -> None:
    """One probe after the other."""
    store = Redis.from_url(f"redis://{task.service}")
    producer = AIOKafkaProducer(bootstrap_servers=task.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    probes: list[float] = []
    try:
        await asyncio.sleep(SETTLE_S)
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            probes.append(await _probe(task, store, producer, len(probes) % task.partitions))
            await asyncio.sleep(PROBE_INTERVAL_S)
    finally:  # else the last line of what went wrong would be aiokafka's, of a producer that was left open
        await producer.stop()
        await store.aclose()
    print(json.dumps(probes))


async def _probe(task: Task, store, producer: AIOKafkaProducer, partition: int) -> float:
    schedule, at_ms = f"probe-{uuid.uuid4().hex}", time.time_ns() // 1_000_000
    payload = {"concertScheduleId": schedule, "quantity": 1, "amount": 0}
    event = {"eventId": schedule, "eventType": "reservation.completed", "eventTime": "now", "payload": payload}
    started_s = time.monotonic()
    await producer.send(task.topic, json.dumps(event).encode(), partition=partition, timestamp_ms=at_ms)
    while time.monotonic() - started_s < GIVE_UP_S:
        if await store.zrevrank(f"sales:{task.starts_ms(at_ms)[0]}", schedule) is not None:
            return (time.monotonic() - started_s) * 1000
        await asyncio.sleep(POLL_S)
    raise TimeoutError(f"probe on partition {partition} not in Redis after {GIVE_UP_S:g} s")


if __name__ == "__main__":
    asyncio.run(main(given_task(), float(sys.argv[2])))
