"""A steady load: `python -m benchmarks.peers.load BOOTSTRAP TOPIC PARTITIONS RATE FILE`, until it is ended.

Sent as batches, a slice of some milliseconds each: at 50,000 events/s a producer's call for each event would be more
than this process can do. FILE says once a second what it has managed.
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer

from benchmarks.events import envelope, popularity

SLICE_S = 0.004
SCHEDULES = 500


async def main(bootstrap: str, topic: str, partitions: int, rate: int, told: Path) -> None:
    """Send until this process is ended."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=512 * 1024)
    await producer.start()
    chance = random.Random(2)
    names = [f"WorldDJFestival2025{number:06d}" for number in range(SCHEDULES)]
    chosen = chance.choices(names, popularity(SCHEDULES), k=100_000)
    run = f"{chance.getrandbits(32):08x}-{time.time_ns() & 0xFFFF:04x}"
    started_s, sent, tell_s = time.monotonic(), 0, 1.0
    while True:
        passed_s = time.monotonic() - started_s
        builders = [producer.create_batch() for _ in range(partitions)]
        at_ms = time.time_ns() // 1_000_000
        for number in range(sent, int(passed_s * rate)):
            value = envelope(f"{run}-{number:012x}", at_ms, chosen[number % len(chosen)], number)
            builders[number % partitions].append(timestamp=at_ms, key=None, value=value)
        sent = int(passed_s * rate)
        for number, builder in enumerate(builders):
            if builder.record_count():
                await producer.send_batch(builder, topic, partition=number)
        if passed_s >= tell_s:
            _tell(told, sent / (time.monotonic() - started_s))
            tell_s = passed_s + 1.0
        await asyncio.sleep(SLICE_S)


def _tell(told: Path, sent_rate: float) -> None:
    unfinished = told.with_suffix(".part")
    unfinished.write_text(json.dumps({"sent_rate": sent_rate}))
    unfinished.rename(told)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])))
