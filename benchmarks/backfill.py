"""How fast a backfill goes, beside the worker it stands next to, and beside stock Faust over the same events.

python -m benchmarks.backfill [--events 10000000] [--schedules 500] [--workers 1]

One worker first counts a filled topic; that is the rate to compare with. Then `ranking-app backfill start` counts it
all again while that worker follows live events, 500 a second. The last line is JSON.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from aiokafka import AIOKafkaProducer

from benchmarks.__main__ import until_all_shown
from benchmarks.app import start
from benchmarks.events import envelopes, fill
from benchmarks.filled_topic import filled_topic
from benchmarks.stock_rate import PARTITIONS, TOPIC, stock_rate
from ranking_app.backfill.progress import Progress, progress_of
from ranking_app.backfill.session import session
from ranking_app.clock import WallClock
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.ports import pick_ports
from ranking_app.settings import Settings, load_settings

LIVE_RATE = 500
NAME = "again"
LOOK_S = 0.25
WITHIN_S = 1_200.0


@click.command()
@click.option("--events", default=10_000_000, show_default=True)
@click.option("--schedules", default=500, show_default=True)
@click.option("--workers", default=1, show_default=True)
def main(events: int, schedules: int, workers: int) -> None:
    """Fill a topic, count it with a worker, count it again with a backfill beside that, print the ratio."""
    with tempfile.TemporaryDirectory(prefix="ranking-bench-") as folder, LocalKafka(Path(folder) / "kafka") as kafka:
        print(json.dumps(asyncio.run(_bench(kafka, Path(folder), events, schedules, workers))))


async def _bench(kafka: LocalKafka, folder: Path, events: int, schedules: int, workers: int) -> dict[str, Any]:
    (port,) = pick_ports("127.0.0.1", 1)
    settings = load_settings(broker=kafka.url, app_id="bench", data_dir=folder / "data")
    async with filled_topic(kafka, settings, events, schedules) as (producer, count):
        stock = stock_rate(kafka, folder, "tumbling")
        log = folder / "worker.log"
        worker = start("worker", log, broker=kafka.url, app_id="bench", data_dir=folder / "worker", web_port=port)
        try:
            alone = count / await until_all_shown(f"http://127.0.0.1:{port}", log, count)
            print(f"one worker: {alone:,.0f} events/s", flush=True)
            selling = asyncio.create_task(_sell(producer, schedules))
            try:
                rate, live_lag, rss = await _backfill(settings, folder, count, workers)
            finally:
                selling.cancel()
                await asyncio.gather(selling, return_exceptions=True)
        finally:
            worker.terminate()
            worker.wait(timeout=15)
    return {
        "events_per_second_alone": round(alone),
        "backfill_events_per_second": round(rate),
        "workers": workers,
        "ratio_per_worker": round(rate / workers / alone, 2),
        "stock_tumbling_ratio": round(rate / stock, 1),
        "largest_live_lag": live_lag,
        "rss_mib": rss,
    }


async def _sell(producer: AIOKafkaProducer, schedules: int) -> None:
    while True:
        await fill(producer, TOPIC, PARTITIONS, envelopes(LIVE_RATE, schedules, span_s=1, ended_ago_s=1))
        await asyncio.sleep(1.0)


async def _backfill(
    settings: Settings, folder: Path, count: int, workers: int
) -> tuple[float, int, list[tuple[int, int]]]:
    """Events a second, the largest lag of live that was seen, and (percent done, MiB of a worker) on the way."""
    command = [sys.executable, "-m", "ranking_app.cli", "backfill", "start", NAME, "--workers", str(workers)]
    env = {**os.environ, "RANKING_BROKER": settings.broker, "RANKING_APP_ID": settings.app_id}
    env["RANKING_DATA_DIR"] = str(folder / "data")
    with (folder / "backfill.log").open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out)
    try:
        async with session(settings, WallClock()) as opened:
            looks: list[tuple[float, Progress]] = []
            rss: list[tuple[int, int]] = []
            deadline_s = time.monotonic() + WITHIN_S
            while not (looks and looks[-1][1].counted >= count):
                if time.monotonic() > deadline_s:
                    raise TimeoutError((folder / "backfill.log").read_text()[-2000:])
                await opened.nap(LOOK_S)
                generation = opened.state.generations.get(NAME)
                seen = None if generation is None else progress_of(generation, "base", opened.there())
                if seen is not None:
                    looks.append((time.monotonic(), seen))
                    _note_rss(process.pid, seen, count, rss)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    begun = [look for look in looks if look[1].counted > 0]
    seconds = begun[-1][0] - begun[0][0]
    counted = begun[-1][1].counted - begun[0][1].counted
    return counted / seconds, max(seen.live_lag or 0 for _, seen in begun), rss


def _note_rss(parent: int, seen: Progress, count: int, rss: list[tuple[int, int]]) -> None:
    percent = min(100, 100 * seen.counted // count)
    if percent // 10 > (rss[-1][0] // 10 if rss else 0):
        rss.append((percent, _largest_child_mib(parent)))
        print(f"{percent} %: a worker has {rss[-1][1]} MiB; live lag {seen.live_lag}", flush=True)


def _largest_child_mib(parent: int) -> int:
    found = [0]
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, KeyError):
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            if int(fields["PPid"]) == parent:
                found.append(int(fields["VmRSS"].split()[0]) // 1024)
    return max(found)


if __name__ == "__main__":
    main()
