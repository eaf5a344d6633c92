"""What a schedule and a minute in which it sells cost: in a worker's memory, on its disk, in the changelog.

python -m benchmarks.memory [--schedules 1000 --schedules 100000 --schedules 1000000]

For each number of schedules an app of its own: one worker counts an event of each schedule in one minute, then an event
of each in two more minutes; after each a board of all schedules is asked. Resident memory is that of the worker and of
a `ranking-app serve` (the read model alone), less what they have when nothing was ever sold; the ids of events, which
are remembered for a day, are told apart by counting flat events, which have none. The last line is JSON.
"""

import asyncio
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import click
from aiokafka import AIOKafkaProducer

from benchmarks.app import start
from benchmarks.events import fill
from benchmarks.stock_rate import PARTITIONS, TOPIC
from ranking_app.kafka_client import started, wait_for_brokers
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.ports import pick_ports
from ranking_app.settings import load_settings
from ranking_app.topics import ensure_topics

MORE_MINUTES = 2
WITHIN_S = 600.0
MIB = 1024 * 1024
LIMIT_MIB = 2_048
"""What a worker with a million schedules is to stay below."""


@click.command()
@click.option("--schedules", multiple=True, type=int, default=(1_000, 100_000, 1_000_000), show_default=True)
def main(schedules: tuple[int, ...]) -> None:
    """Measure each number of schedules on a Kafka of its own, print a line each."""
    found = []
    for count in schedules:
        with tempfile.TemporaryDirectory(prefix="ranking-bench-") as folder, LocalKafka(Path(folder) / "k") as kafka:
            found.append(asyncio.run(_measure(kafka, Path(folder), count)))
        print(found[-1], flush=True)
    print(json.dumps(found))


async def _measure(kafka: LocalKafka, folder: Path, schedules: int) -> dict[str, Any]:
    options = {"bootstrap_servers": kafka.bootstrap.split(",")}
    await wait_for_brokers(options, 30_000, None)
    settings = load_settings(broker=kafka.url, app_id="memory")
    await ensure_topics(settings, options)
    data = folder / "worker"
    async with (
        _running(kafka, folder, "worker") as (worker, url),
        _running(kafka, folder, "serve") as (serve, read_url),
    ):
        empty = _rss_mib(worker), _rss_mib(serve)
        looks = []
        async with started(AIOKafkaProducer(**options, acks="all", max_batch_size=512 * 1024)) as producer:
            begun = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)
            sent = 0
            for minutes in (range(1), range(1, 1 + MORE_MINUTES)):
                sent += await fill(producer, TOPIC, PARTITIONS, _one_of_each(schedules, begun, minutes))
                for address in (url, read_url):
                    await _until_counted(address, sent)
                    await _ask_everything(address)
                sizes = _size(data / "v1"), _size_of_topic(kafka, settings.changelog_topic)
                looks.append((_rss_mib(worker), _rss_mib(serve), *sizes))
    first, last = looks
    panes = schedules * MORE_MINUTES
    return {
        "schedules": schedules,
        "worker_rss_mib": [round(first[0]), round(last[0])],
        "worker_below_limit": last[0] < LIMIT_MIB,
        "serve_rss_mib": [round(first[1]), round(last[1])],
        "worker_bytes_per_schedule": round((first[0] - empty[0]) * MIB / schedules),
        "worker_bytes_per_active_minute": round((last[0] - first[0]) * MIB / panes),
        "read_model_bytes_per_schedule": round((first[1] - empty[1]) * MIB / schedules),
        "read_model_bytes_per_active_minute": round((last[1] - first[1]) * MIB / panes),
        "rocksdb_bytes_per_active_minute": round(last[2] / (schedules * (1 + MORE_MINUTES))),
        "changelog_bytes_per_active_minute": round(last[3] / (schedules * (1 + MORE_MINUTES))),
    }


class _running:  # noqa: N801
    """A process of the app that answers; ended at the end."""

    def __init__(self, kafka: LocalKafka, folder: Path, command: str) -> None:
        (port,) = pick_ports("127.0.0.1", 1)
        self._url = f"http://127.0.0.1:{port}"
        self._process = start(
            command,
            folder / f"{command}.log",
            broker=kafka.url,
            app_id="memory",
            data_dir=folder / command,
            web_port=port,
            notify_top=0,
        )

    async def __aenter__(self) -> tuple["subprocess.Popen[bytes]", str]:
        await _until_counted(self._url, 0)
        return self._process, self._url

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)


def _one_of_each(schedules: int, begun: datetime, minutes: range) -> Iterator[bytes]:
    """A flat event of each schedule in each of the minutes after begun, at various seconds."""
    for minute in minutes:
        for number in range(schedules):
            at = begun + timedelta(minutes=minute, seconds=number % 60)
            yield b'{"concertScheduleId":"WorldDJFestival2025%07d","reservedAt":"%s"}' % (
                number,
                at.isoformat().encode(),
            )


async def _until_counted(url: str, count: int) -> None:
    """Until it answers, and has counted so many events."""
    deadline_s = time.monotonic() + WITHIN_S
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline_s:
            try:
                async with session.get(f"{url}/v1/ops") as answer:
                    ops = await answer.json()
                    counted = sum(part["counted"] for part in ops["partitions"])
                    if ops["completeness"]["complete"] and counted >= count:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)
    raise TimeoutError(f"{url} did not count {count} events within {WITHIN_S:g} s")


async def _ask_everything(url: str) -> None:
    """What a worker counted waits, more compact, until somebody asks for it."""
    board = f"{url}/v1/rankings/sales?window=all&limit=1&movement=false"
    async with aiohttp.ClientSession() as session, session.get(board) as answer:
        answer.raise_for_status()
        await answer.read()


def _rss_mib(process: "subprocess.Popen[bytes]") -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _size_of_topic(kafka: LocalKafka, topic: str) -> int:
    """Of the records: the broker sets index files of megabytes aside for each partition."""
    return sum(log.stat().st_size for log in kafka.data_dir.rglob(f"{topic}-*/*.log"))


if __name__ == "__main__":
    main()
