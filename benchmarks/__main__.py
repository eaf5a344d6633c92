"""`make bench`: throughput against stock Faust, latency, memory; the last line is JSON. See docs/benchmarks.md.

python -m benchmarks [--events 1500000] [--schedules 500] [--latency-seconds 20]
"""

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import click

from benchmarks.app import logged_at_s, start
from benchmarks.filled_topic import filled_topic
from benchmarks.latency import measure, percentile
from benchmarks.stock_rate import EVENTS, PARTITIONS, TOPIC, stock_rate
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.ports import pick_ports
from ranking_app.settings import load_settings

RATE = 2_500


@click.command()
@click.option("--events", default=1_500_000, show_default=True)
@click.option("--schedules", default=500, show_default=True)
@click.option("--latency-seconds", default=20.0, show_default=True)
def main(events: int, schedules: int, latency_seconds: float) -> None:
    """Fill a topic, run one worker and stock Faust over it, print the ratios."""
    with tempfile.TemporaryDirectory(prefix="ranking-bench-") as folder, LocalKafka(Path(folder) / "kafka") as kafka:
        print(json.dumps(asyncio.run(_bench(kafka, Path(folder), events, schedules, latency_seconds))))


async def _bench(kafka: LocalKafka, folder: Path, events: int, schedules: int, seconds: float) -> dict[str, Any]:
    (port,) = pick_ports("127.0.0.1", 1)
    settings = load_settings(broker=kafka.url, app_id="bench")
    async with filled_topic(kafka, settings, events, schedules) as (producer, count):
        stock = {kind: stock_rate(kafka, folder, kind, events) for kind in EVENTS}
        log = folder / "worker.log"
        worker = start("worker", log, broker=kafka.url, app_id="bench", data_dir=folder / "worker", web_port=port)
        try:
            rate = count / await until_all_shown(f"http://127.0.0.1:{port}", log, count)
            print(f"ours: {rate:,.0f} events/s until the read model shows all", flush=True)
            latency = await measure(producer, TOPIC, PARTITIONS, f"http://127.0.0.1:{port}", RATE, seconds)
            peak_mib = _peak_rss_mib(worker.pid)
        finally:
            worker.terminate()
            worker.wait(timeout=15)
    return {
        "events_per_second": round(rate),
        "stock_tumbling_ratio": round(rate / stock["tumbling"], 1),
        "stock_hopping_ratio": round(rate / stock["hopping"], 1),
        "latency_ms": {
            "p50": round(percentile(latency, 0.5), 1),
            "p99": round(percentile(latency, 0.99), 1),
            "max": round(latency[-1], 1),
        },
        "peak_rss_mib": peak_mib,
    }


async def until_all_shown(address: str, log: Path, count: int) -> float:
    """Seconds from the moment the worker owned its partitions to the answer that counts every event.

    Until nothing lags, only the cheap question after the lag is asked: a board of 500 schedules twenty times a second
    would be a load of its own.
    """
    async with aiohttp.ClientSession() as session:
        deadline_s = time.monotonic() + 300
        while time.monotonic() < deadline_s:
            await asyncio.sleep(0.05)
            with contextlib.suppress(aiohttp.ClientError):
                if not await _answers(session, f"{address}/health/ready", _no_lag):
                    continue
                whole = f"{address}/v1/rankings/sales?window=all&limit=1000"
                if await _answers(session, whole, lambda board: _sold(board) >= count):
                    return time.time() - logged_at_s(log, "partitions_owned")
    raise TimeoutError(f"the worker did not show all {count} events; its log: {log.read_text()[-2000:]}")


async def _answers(session: aiohttp.ClientSession, url: str, holds: Callable[[Any], bool]) -> bool:
    async with session.get(url) as answer:
        return answer.status == 200 and holds(await answer.json())


def _no_lag(readiness: Any) -> bool:
    return all(part["lag"] == 0 for part in readiness["partitions"])


def _sold(board: Any) -> int:
    return sum(entry["sold"] for entry in board["entries"])


def _peak_rss_mib(pid: int) -> int | None:
    """VmHWM of the process in MiB; None where /proc has none."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
