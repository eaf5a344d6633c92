"""The events of the benchmark: the contract's envelope, skewed popularity, spread over the partitions."""

import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from aiokafka import AIOKafkaProducer

SPAN_S = 1_800
"""The events' times are spread over the last half hour."""


def popularity(schedules: int) -> list[float]:
    """Zipf with exponent 0.8: of 500 schedules the first sells about 3 % of all seats."""
    return [1 / (rank + 1) ** 0.8 for rank in range(schedules)]


def envelope(event_id: str, at_ms: int, schedule: str, number: int) -> bytes:
    """One `reservation.completed` as a reservation service writes it, about 270 bytes."""
    return (
        f'{{"eventId":"{event_id}","eventType":"reservation.completed",'
        f'"eventTime":"{_second(at_ms // 1000)}.{at_ms % 1000:03d}Z",'
        f'"payload":{{"reservationId":"R-{number}","concertScheduleId":"{schedule}","userId":"U-{number % 50_000}",'
        f'"seatId":"A-{number % 90}","quantity":1,"amount":150000}}}}'
    ).encode()


@lru_cache(maxsize=8_192)
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def envelopes(
    count: int, schedules: int, seed: int = 1, span_s: int = SPAN_S, ended_ago_s: int = 60
) -> Iterator[bytes]:
    """`count` events, nearly in the order of their times."""
    chance = random.Random(seed)
    names = [f"WorldDJFestival2025{number:04d}" for number in range(schedules)]
    chosen = chance.choices(names, popularity(schedules), k=count)
    start_ms = int((time.time() - span_s - ended_ago_s) * 1000)
    run = uuid.uuid4().hex[:20]
    for number in range(count):
        at_ms = start_ms + number * span_s * 1000 // count + chance.randrange(1000)
        yield envelope(f"{run[:8]}-{run[8:12]}-{run[12:16]}-{run[16:20]}-{number:012x}", at_ms, chosen[number], number)


async def fill(producer: AIOKafkaProducer, topic: str, partitions: int, values: Iterator[bytes]) -> int:
    """Write all values round robin, as record batches; returns how many."""
    builders = [producer.create_batch() for _ in range(partitions)]
    waiting, count = [], 0
    for count, value in enumerate(values, start=1):
        number = count % partitions
        if builders[number].append(timestamp=None, key=None, value=value) is None:
            waiting.append(await producer.send_batch(builders[number], topic, partition=number))
            builders[number] = producer.create_batch()
            builders[number].append(timestamp=None, key=None, value=value)
    for number, builder in enumerate(builders):
        waiting.append(await producer.send_batch(builder, topic, partition=number))
    for future in waiting:
        await future
    return count
