"""How fast a worker comes back: `python -m benchmarks.recovery`; the last line is JSON. See docs/benchmarks.md.

A changelog of panes is written as a worker would have (one pane a record), then read by `ranking-app serve` (the read
model), by a worker without its disk (the restore), and by the same worker started again with it.
"""

import asyncio
import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import click
from aiokafka import AIOKafkaProducer

from benchmarks.app import logged_at_s, start
from ranking_app.kafka_client import started, wait_for_brokers
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.ports import pick_ports
from ranking_app.rankings.panes import Pane, encode_pane
from ranking_app.settings import Settings, load_settings
from ranking_app.topics import ensure_topics
from tables.layout import pane_key

PANES_PER_SCHEDULE = 20
GIVE_UP_S = 180.0
POLL_S = 0.02


@click.command()
@click.option("--panes", default=1_000_000, show_default=True)
def main(panes: int) -> None:
    """Write a changelog of panes, then measure who reads it how fast."""
    with tempfile.TemporaryDirectory(prefix="ranking-bench-") as folder, LocalKafka(Path(folder) / "kafka") as kafka:
        print(json.dumps(asyncio.run(_bench(kafka, Path(folder), panes))))


async def _bench(kafka: LocalKafka, folder: Path, panes: int) -> dict[str, Any]:
    settings = load_settings(broker=kafka.url, app_id="recovery")
    options = {"bootstrap_servers": kafka.bootstrap.split(",")}
    await wait_for_brokers(options, 30_000, None)
    await ensure_topics(settings, options)
    await _write_panes(settings, options, panes)
    print(f"{panes} panes of {panes // PANES_PER_SCHEDULE} schedules in the changelog", flush=True)
    serve = await _run(kafka, folder, "serve")
    print(f"read model alone: {serve['read_model_loaded']['seconds']:.1f} s", flush=True)
    lost = await _run(kafka, folder, "worker", waits_for_saved=True)
    restored = lost["tables_restored"]
    rate = restored["records"] / restored["seconds"]
    print(f"restore of a lost disk: {restored['records']} records, {rate:,.0f} records/s", flush=True)
    again = await _run(kafka, folder, "worker")
    print(
        f"again with its disk: owns after {again['owned_s']:.1f} s, answers after {again['answers_s']:.1f} s; "
        f"its read model is {lost['read_model_saved']['size_bytes'] / 1e6:.0f} MB there, saved in "
        f"{lost['read_model_saved']['seconds']:.1f} s",
        flush=True,
    )
    return {
        "panes": panes,
        "read_model_seconds": serve["read_model_loaded"]["seconds"],
        "restore_records_per_second": round(rate),
        "lost_disk_answers_seconds": round(lost["answers_s"], 2),
        "restart_owns_seconds": round(again["owned_s"], 2),
        "restart_answers_seconds": round(again["answers_s"], 2),
    }


async def _write_panes(settings: Settings, options: dict[str, Any], panes: int) -> None:
    async with started(AIOKafkaProducer(**options, acks="all", max_batch_size=900_000)) as producer:
        futures = []
        for partition in range(settings.partitions):
            batch = producer.create_batch()
            for key, value in _panes(partition, panes // settings.partitions):
                if batch.append(timestamp=None, key=key, value=value) is None:
                    futures.append(await producer.send_batch(batch, settings.changelog_topic, partition=partition))
                    batch = producer.create_batch()
                    batch.append(timestamp=None, key=key, value=value)
            futures.append(await producer.send_batch(batch, settings.changelog_topic, partition=partition))
        for future in futures:
            await future


def _panes(partition: int, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Panes of the last minutes, oldest first, each with sales in two of its seconds."""
    first_minute = int(time.time()) // 60 - PANES_PER_SCHEDULE
    schedules = max(count // PANES_PER_SCHEDULE, 1)
    for number in range(count):
        minute, schedule = first_minute + number // schedules, number % schedules
        start_s = minute * 60
        pane = Pane(number, {start_s + number % 30: [2, 0, 300_000], start_s + 30 + number % 30: [1, 0, 150_000]})
        yield pane_key(0, partition, minute, f"WorldDJFestival2025{schedule:06d}"), encode_pane(pane)


async def _run(kafka: LocalKafka, folder: Path, command: str, waits_for_saved: bool = False) -> dict[str, Any]:
    """Start a process, wait for its first complete answer, stop it; its log's facts by event, and two durations."""
    (port,) = pick_ports("127.0.0.1", 1)
    log = folder / f"{command}-{port}.log"
    started_s = time.time()
    process = start(command, log, broker=kafka.url, app_id="recovery", data_dir=folder / "data", web_port=port)
    try:
        await _first_answer(f"http://127.0.0.1:{port}/v1/rankings/sales?window=1h&limit=10", process)
        answers_s = time.time() - started_s
        owned_s = await _logged_at_s(log, "partitions_owned") - started_s if command == "worker" else None
        if waits_for_saved:
            await _logged_at_s(log, "read_model_saved")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    facts = {fact.get("event"): fact for fact in map(json.loads, log.read_text().splitlines())}
    return {**facts, "answers_s": answers_s, "owned_s": owned_s}


async def _logged_at_s(log: Path, event: str) -> float:
    """When it was logged first; waits for it: with little to load, the answers are there before the partitions are."""
    deadline_s = time.monotonic() + GIVE_UP_S
    while True:
        try:
            return logged_at_s(log, event)
        except LookupError:
            if time.monotonic() > deadline_s:
                raise
            await asyncio.sleep(POLL_S)


async def _first_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    async with aiohttp.ClientSession() as session:
        deadline_s = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline_s and process.poll() is None:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(POLL_S)
    raise TimeoutError(f"no answer of 200 from {url} within {GIVE_UP_S:g} s")


if __name__ == "__main__":
    main()
