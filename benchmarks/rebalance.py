"""How long partitions stand still when workers come and go: `python -m benchmarks.rebalance`; the last line is JSON.

Three partitions under a steady load. A web endpoint is asked every 20 ms how far each partition is applied; the longest
time without a step forward, around each change, is the stall. Joining and leaving are rebalances; a kill adds the time
until the group notices (the session timeout).
"""

import asyncio
import json
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import click
from aiokafka import AIOKafkaProducer

from benchmarks.app import start
from benchmarks.events import envelopes
from benchmarks.latency import load
from ranking_app.kafka_client import started, wait_for_brokers
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.ports import pick_ports
from ranking_app.settings import load_settings
from ranking_app.topics import ensure_topics

TOPIC, PARTITIONS = "reservation.completed", 3
ASK_EVERY_S = 0.02
SETTLED_S = 8.0
WATCHED_S = {"join": 10.0, "leave": 10.0, "kill": 25.0}


@click.command()
@click.option("--rate", default=3_000, show_default=True, help="Events per second.")
def main(rate: int) -> None:
    """A third worker joins two, leaves them, joins again, and is killed."""
    with tempfile.TemporaryDirectory(prefix="ranking-bench-") as folder, LocalKafka(Path(folder) / "kafka") as kafka:
        print(json.dumps(asyncio.run(_bench(kafka, Path(folder), rate))))


async def _bench(kafka: LocalKafka, folder: Path, rate: int) -> dict[str, Any]:
    options = {"bootstrap_servers": kafka.bootstrap.split(",")}
    await wait_for_brokers(options, 30_000, None)
    await ensure_topics(load_settings(broker=kafka.url, app_id="rebalance"), options)
    names = ["worker-0", "worker-1", "worker-2", "serve"]
    ports = dict(zip(names, pick_ports("127.0.0.1", len(names)), strict=True))
    running: dict[str, subprocess.Popen[bytes]] = {}

    def begin(name: str) -> None:
        own = {"broker": kafka.url, "app_id": "rebalance", "data_dir": folder / name, "web_port": ports[name]}
        running[name] = start(name.partition("-")[0], folder / f"{name}.log", **own)

    def end(name: str, number: signal.Signals) -> None:
        running.pop(name).send_signal(number)

    stalls: dict[str, dict[str, float]] = {}
    async with started(AIOKafkaProducer(**options, acks="all")) as producer, aiohttp.ClientSession() as session:
        sending = asyncio.create_task(load(producer, TOPIC, PARTITIONS, rate, envelopes(1_000_000, 500)))
        url = f"http://127.0.0.1:{ports['serve']}/health/ready"
        try:
            for name in ("serve", "worker-0", "worker-1"):
                begin(name)
            await asyncio.sleep(SETTLED_S)
            for change in ("join", "leave", "join", "kill"):
                if change == "join":
                    begin("worker-2")
                else:
                    end("worker-2", signal.SIGTERM if change == "leave" else signal.SIGKILL)
                stalls[change] = await _longest_stalls(session, url, WATCHED_S[change])
                print(f"{change}: {stalls[change]}", flush=True)
        finally:
            sending.cancel()
            for process in running.values():
                process.terminate()
            for process in running.values():
                process.wait(timeout=20)
    return {"rate": rate, "longest_stall_seconds_by_partition": stalls}


async def _longest_stalls(session: aiohttp.ClientSession, url: str, seconds: float) -> dict[str, float]:
    """Per partition of the topic, the longest time in which its applied offset stood still."""
    moved_at_s: dict[int, float] = {}
    offsets: dict[int, int] = {}
    longest = dict.fromkeys(range(PARTITIONS), 0.0)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        async with session.get(url) as answer:
            parts = (await answer.json())["partitions"]
        now_s = time.monotonic()
        for part in parts:
            number = part["partition"]
            if part["topic"] == TOPIC:
                longest[number] = max(longest[number], now_s - moved_at_s.setdefault(number, now_s))
                if part["offset"] != offsets.get(number):
                    offsets[number], moved_at_s[number] = part["offset"], now_s
        await asyncio.sleep(ASK_EVERY_S)
    return {str(number): round(stall_s, 2) for number, stall_s in longest.items()}


if __name__ == "__main__":
    main()
