"""What stock Faust makes of the same topic: a run of benchmarks.stock_faust in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from ranking_app.local.kafka import LocalKafka

EVENTS = {"tumbling": 30_000, "hopping": 6_000}
"""Stock Faust gets this many of the same events: its rate does not depend on how many, and 1.5 million take an hour."""

TOPIC, PARTITIONS = "reservation.completed", 3


def stock_rate(kafka: LocalKafka, folder: Path, kind: str, most: int | None = None) -> float:
    """Events a second. kind: tumbling or hopping. most: how many there are."""
    count = EVENTS[kind] if most is None else min(EVENTS[kind], most)
    where = [kafka.bootstrap, TOPIC, str(PARTITIONS), kind, str(count), str(folder / f"stock-{kind}")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stock_faust", *where], capture_output=True, timeout=300, check=True
    )
    rate = float(json.loads(done.stdout.splitlines()[-1])["events_per_second"])
    print(f"stock Faust, {kind}: {rate:,.0f} events/s over {count} events", flush=True)
    return rate
