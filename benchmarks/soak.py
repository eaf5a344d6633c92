"""Does anything grow? `python -m benchmarks.soak --minutes 30`; the last line is JSON. See docs/reliability.md.

Three workers and a web endpoint under a steady load whose schedules change with time: each minute brings new ones, and
what is older than the retention goes. State then has a level, and so must memory, open files, stores and changelog.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import click
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.events import envelope
from benchmarks.latency import load
from ranking_app.kafka_client import started, wait_for_brokers
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.ports import pick_ports
from ranking_app.settings import load_settings
from ranking_app.topics import changelog_config, ensure_topics

RETENTION_S, DEDUPE_S = 240.0, 240.0
SCHEDULES_PER_MINUTE = 50
SAMPLE_S = 10.0
WARM_UP_SHARE = 0.4
"""Of the samples: until then everything still fills up. What grows after that, grows."""

TOPIC, PARTITIONS = "reservation.completed", 3
Sample = dict[str, float]


@click.command()
@click.option("--minutes", default=30.0, show_default=True)
@click.option("--rate", default=1_000, show_default=True, help="Events per second.")
def main(minutes: float, rate: int) -> None:
    """Run for so long, sample every 10 s, compare the beginning and the end of the level part."""
    with tempfile.TemporaryDirectory(prefix="ranking-soak-") as folder, LocalKafka(Path(folder) / "kafka") as kafka:
        samples = asyncio.run(_soak(kafka, Path(folder), minutes * 60, rate))
    print(json.dumps({"minutes": minutes, "rate": rate, **_growth(samples)}))


async def _soak(kafka: LocalKafka, folder: Path, seconds: float, rate: int) -> list[Sample]:
    options = {"bootstrap_servers": kafka.bootstrap.split(",")}
    await wait_for_brokers(options, 30_000, None)
    settings = load_settings(broker=kafka.url, app_id="soak")
    await _create_changelog(settings.changelog_topic, options)
    await ensure_topics(settings, options)
    names = ["worker-0", "worker-1", "worker-2", "serve"]
    ports = pick_ports("127.0.0.1", len(names))
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(Running(kafka, folder, name, port))
            for name, port in zip(names, ports, strict=True)
        }
        async with started(AIOKafkaProducer(**options, acks="all")) as producer:
            sending = asyncio.create_task(load(producer, TOPIC, PARTITIONS, rate, _values()))
            samples: list[Sample] = []
            until_s = time.monotonic() + seconds
            while time.monotonic() < until_s:
                await asyncio.sleep(SAMPLE_S)
                assert not sending.done(), sending.exception()
                samples.append(await _sample(processes, folder, ports[-1]))
                print(json.dumps({"s": round(seconds - (until_s - time.monotonic())), **samples[-1]}), flush=True)
            sending.cancel()
    return samples


async def _create_changelog(name: str, options: dict[str, Any]) -> None:
    """As the app makes it, but with segments that are full, and tombstones that are old, within a soak."""
    config = {**changelog_config(), "segment.bytes": str(2**20), "delete.retention.ms": "30000"}
    config["min.cleanable.dirty.ratio"] = "0.1"
    admin = AIOKafkaAdminClient(**options)
    try:
        await admin.start()
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=config)])
    finally:
        await admin.close()


class Running:
    """A process of the app; its end is the context's."""

    def __init__(self, kafka: LocalKafka, folder: Path, name: str, port: int) -> None:
        own = {
            "BROKER": kafka.url,
            "APP_ID": "soak",
            "DATA_DIR": str(folder / name),
            "WEB_PORT": str(port),
            "RETENTION_DAYS": str(RETENTION_S / 86_400),
            "DEDUPE_HOURS": str(DEDUPE_S / 3_600),
        }
        self._env = {**os.environ, **{f"RANKING_{key}": value for key, value in own.items()}}
        self._command = [sys.executable, "-m", "ranking_app.cli", name.partition("-")[0]]
        self._log = (folder / f"{name}.log").open("w")

    def __enter__(self) -> "subprocess.Popen[bytes]":
        self._process = subprocess.Popen(self._command, env=self._env, stdout=self._log, stderr=self._log)
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=15)
        self._log.close()


def _values() -> Iterator[bytes]:
    """Events of now, for ever: each minute has schedules of its own, and sells some of the minute before."""
    run, number = uuid.uuid4().hex, 0
    while True:
        number += 1
        now_ms = time.time_ns() // 1_000_000
        minute = now_ms // 60_000 - (number % 4 == 0)
        yield envelope(f"{run}-{number}", now_ms, f"M{minute}-{number % SCHEDULES_PER_MINUTE}", number)


async def _sample(processes: dict[str, "subprocess.Popen[bytes]"], folder: Path, port: int) -> Sample:
    workers = [process for name, process in processes.items() if name != "serve"]
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/health/ready") as answer:
        partitions = (await answer.json()).get("partitions", [])
    return {
        "worker_rss_mib": max(_rss_mib(process.pid) for process in workers),
        "serve_rss_mib": _rss_mib(processes["serve"].pid),
        "open_files": max(len(list(Path(f"/proc/{process.pid}/fd").iterdir())) for process in processes.values()),
        "stores_mib": sum(_tree_mib(folder / name) for name in processes if name != "serve"),
        "changelog_mib": sum(_tree_mib(path) for path in (folder / "kafka").rglob("*changelog-*") if path.is_dir()),
        "lag": sum(part["lag"] for part in partitions),
    }


def _rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024, 1)


def _tree_mib(folder: Path) -> float:
    """Bytes that files take, not what is reserved for them; one that goes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512 if path.is_file() else 0
        except FileNotFoundError:
            continue
    return round(total / 2**20, 1)


def _growth(samples: list[Sample]) -> dict[str, Any]:
    """Mean of the first and of the last third of the level part, per measure."""
    level = samples[int(len(samples) * WARM_UP_SHARE) :]
    third = max(len(level) // 3, 1)

    def mean(part: list[Sample], name: str) -> float:
        return round(sum(sample[name] for sample in part) / len(part), 1)

    return {name: [mean(level[:third], name), mean(level[-third:], name)] for name in samples[0]}


if __name__ == "__main__":
    main()
