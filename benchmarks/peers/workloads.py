"""The workloads: which events are on a topic, in what form and order; the same for the same count, seed and time."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Literal, NamedTuple

from aiokafka.partitioner import murmur2

from benchmarks.events import SPAN_S, envelope, popularity

Form = Literal["envelope", "flat"]

LATE_S = 3_600
"""How late a late event is."""

REPEATED_WITHIN = 1_000
"""A duplicate repeats one of so many events before it: a publisher that retries does so soon."""

TENTH = 10
"""Duplicates and late events are every tenth record, so that their share is exact whatever the count."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One way of selling. compression: as Kafka names it, None for none. keyed: by schedule, else round robin."""

    name: str
    schedules: int = 500
    skewed: bool = True
    keyed: bool = False
    form: Form = "envelope"
    duplicates: bool = False
    late: bool = False
    compression: Literal["lz4", "zstd"] | None = None


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("skewed"),
        Workload("one", schedules=1, keyed=True),
        Workload("many", schedules=100_000, skewed=False),
        Workload("keyed", keyed=True),
        Workload("duplicates", duplicates=True),
        Workload("late", late=True),
        Workload("flat", form="flat"),
        Workload("lz4", compression="lz4"),
        Workload("zstd", compression="zstd"),
    )
}
"""The first is the one that the others differ from in one thing each."""


class Record(NamedTuple):
    """One record of a topic. at_ms: its event time, which is its timestamp on the topic, too."""

    partition: int
    key: bytes | None
    value: bytes
    at_ms: int
    schedule: str
    repeated: bool


def records(workload: Workload, count: int, partitions: int, now_s: int, seed: int = 1) -> Iterator[Record]:
    """`count` records, nearly in the order of their times, which end a minute before now_s (seconds, UTC)."""
    chance = random.Random(seed)
    chosen = _chosen(workload, chance)
    recent: deque[Record] = deque(maxlen=REPEATED_WITHIN)
    start_ms = (now_s - SPAN_S - 60) * 1000
    for number in range(count):
        if workload.duplicates and number % TENTH == TENTH - 1:
            yield chance.choice(recent)._replace(repeated=True)
            continue
        at_ms = start_ms + number * SPAN_S * 1000 // count + chance.randrange(1000)
        if workload.late and number % TENTH == TENTH - 1:
            at_ms -= LATE_S * 1000
        schedule = next(chosen)
        key = schedule.encode() if workload.keyed else None
        partition = number % partitions if key is None else partition_of(key, partitions)
        record = Record(partition, key, _value(workload.form, seed, at_ms, schedule, number), at_ms, schedule, False)
        if workload.duplicates:
            recent.append(record)
        yield record


def partition_of(key: bytes, partitions: int) -> int:
    """Where Kafka's own clients put this key."""
    return (_hashed(key) & 0x7FFFFFFF) % partitions


@cache
def _hashed(key: bytes) -> int:
    return int(murmur2(key))


def _chosen(workload: Workload, chance: random.Random) -> Iterator[str]:
    names = [f"WorldDJFestival2025{number:06d}" for number in range(workload.schedules)]
    weights = popularity(workload.schedules) if workload.skewed else None
    while True:
        yield from chance.choices(names, weights, k=10_000)


def _value(form: Form, seed: int, at_ms: int, schedule: str, number: int) -> bytes:
    if form == "flat":
        return f'{{"concertScheduleId":"{schedule}","reservedAt":"{_time(at_ms)}"}}'.encode()
    return envelope(f"{seed:08x}-0000-4000-8000-{number:012x}", at_ms, schedule, number)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
