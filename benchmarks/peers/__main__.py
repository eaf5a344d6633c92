"""`make bench-peers`: ours beside every peer, on the same filled topics; how, and what came out: docs/performance.md.

python -m benchmarks.peers [--events 1500000] [--workloads skewed,one] [--peers ours,streams] [--kinds tumbling]
"""

import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.peers import document, guard, latency
from benchmarks.peers.bars import BASE
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.filling import Filled, create, fill, write
from benchmarks.peers.found import Found
from benchmarks.peers.latency import Latency
from benchmarks.peers.machine import busy, machine, versions
from benchmarks.peers.result import KINDS, Kind, reason_of
from benchmarks.peers.scale import Scaled, scaled
from benchmarks.peers.workloads import WORKLOADS, Workload
from ranking_app.kafka_client import wait_for_brokers
from ranking_app.local.kafka import LocalKafka

PARTITIONS = 3

FILE_WIDTH = 160
"""Of a table that goes to no terminal."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured. rates: of latency; workers, partitions: of scale; empty ones are left out."""

    events: int
    workloads: list[str]
    peers: list[str]
    kinds: list[Kind]
    rates: list[int]
    latency_s: float
    workers: list[int]
    partitions: list[int]


def _some_of(known: list[str]) -> Callable[[Any, Any, str], list[str]]:
    def chosen(_context: Any, _parameter: Any, text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := set(names) - set(known):
            raise click.BadParameter(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
        return names

    return chosen


def _numbers(_context: Any, _parameter: Any, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part]
    except ValueError:
        raise click.BadParameter(f"expected whole numbers joined with commas, got {text!r}") from None


def _listed(name: str, known: list[str]) -> Callable[[Any], Any]:
    return click.option(name, default=",".join(known), show_default=True, callback=_some_of(known))


@click.command()
@click.option("--events", default=1_500_000, show_default=True, help="On each topic.")
@_listed("--workloads", [*WORKLOADS])
@_listed("--peers", [*PEERS])
@_listed("--kinds", [*KINDS])
@click.option(
    "--rates", default="2500,10000,50000", show_default=True, callback=_numbers, help="Of latency; '' for none."
)
@click.option("--latency-seconds", default=60.0, show_default=True, help="At each rate.")
@click.option("--workers", default="1,2,3", show_default=True, callback=_numbers, help="Of scale; '' for none.")
@click.option("--partitions", default="3,6,12", show_default=True, callback=_numbers, help="Of scale; '' for none.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Where the raw figures go.")
@click.option("--after", type=click.Path(path_type=Path, exists=True), help="Go on with the --json of a run.")
@click.option("--write-docs", is_flag=True, help="Put the tables into docs/performance.md.")
@click.option("--quick", is_flag=True, help="Only ours and the ceiling; fails when ours became much slower.")
def main(
    quick: bool, json_file: Path | None, after: Path | None, write_docs: bool, latency_seconds: float, **chosen: Any
) -> None:
    """Fill topics, let every peer count them, print ratios."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped, then, too
    if warning := busy():
        print(warning, flush=True)
    if quick:
        sys.exit(_quick())
    found = Found.of_json(after) if after else Found()
    for step in _steps(Plan(latency_s=latency_seconds, **chosen), found):
        step()
        if json_file:
            found.write_json(json_file)  # after each step: a run of an hour may be broken off
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    for each in found.tables():
        each.show(console)
    if write_docs:
        today = datetime.now(UTC).date().isoformat()
        document.write(document.section(today, [machine(), versions()], found.tables()))


def _steps(plan: Plan, found: Found) -> list[Callable[[], None]]:
    return [
        *(partial(_throughput, plan, WORKLOADS[name], found) for name in plan.workloads),
        *(partial(_latency, plan, rate, found) for rate in plan.rates),
        *(partial(_scale, plan, *size, found) for size in product(plan.workers, plan.partitions)),
    ]


def _quick() -> int:
    plan = Plan(guard.EVENTS, [BASE], ["ceiling", "ours"], ["tumbling"], [], 0, [], [])
    found = Found()
    _throughput(plan, WORKLOADS[BASE], found)
    last, recorded = guard.last_line(found.results), guard.recorded_ratio()
    code = guard.exit_code(last["ceiling_ratio"], recorded)
    for row in found.results:
        print(f"{row.peer}: {row.failure or row.correct}")
    print(f"recorded: {recorded}; {'too slow, below' if code else 'not below'} half of it")
    print(json.dumps(last))
    return code


def _throughput(plan: Plan, workload: Workload, found: Found) -> None:
    with _kafka() as (kafka, folder):
        filled = _fill(kafka, workload, PARTITIONS, plan.events)
        for kind in plan.kinds:
            for name in plan.peers:
                row = PEERS[name].measured(kafka, filled, kind, folder / f"{name}-{kind}")
                said = row.failure or f"{row.events_per_second:,.0f} events/s, {row.correct}"
                print(f"{workload.name}, {kind}, {row.peer}: {said}", flush=True)
                found.results.append(row)


def _latency(plan: Plan, rate: int, found: Found) -> None:
    for name in plan.peers:
        if name not in ("ours", "redis") or PEERS[name].available() is not None:
            continue
        with _kafka() as (kafka, folder):
            empty = _fill(kafka, WORKLOADS[BASE], PARTITIONS, 0)
            try:
                row = latency.measured(name, kafka, empty, rate, plan.latency_s, folder)
            except Exception as exc:
                row = Latency(PEERS[name].name, rate, failure=reason_of(exc))
            said = ", ".join(f"{share} {ms:.1f} ms" for share, ms in row.ms.items())
            print(f"{rate:,} events/s, {row.peer}: {row.failure or said}", flush=True)
            found.latencies.append(row)


def _scale(plan: Plan, workers: int, partitions: int, found: Found) -> None:
    if workers > partitions:
        return
    with _kafka() as (kafka, folder):
        options = {"bootstrap_servers": kafka.bootstrap.split(",")}
        filled = asyncio.run(create(options, WORKLOADS[BASE], partitions, plan.events))
        try:
            row = scaled(kafka, filled, workers, folder / "scale", lambda: asyncio.run(write(options, filled)))
        except Exception as exc:
            row = Scaled(workers, partitions, 0.0, 0.0, "", failure=reason_of(exc))
        said = row.failure or f"{row.events_per_second:,.0f} events/s, {row.correct}"
        print(f"{workers} workers, {partitions} partitions: {said}", flush=True)
        found.scales.append(row)


@contextmanager
def _kafka() -> Iterator[tuple[LocalKafka, Path]]:
    """A Kafka of its own for each workload: what peers leave on it is no load for the next ones."""
    with tempfile.TemporaryDirectory(prefix="ranking-peers-") as name, LocalKafka(Path(name) / "kafka") as kafka:
        yield kafka, Path(name)


def _fill(kafka: LocalKafka, workload: Workload, partitions: int, events: int) -> Filled:
    options = {"bootstrap_servers": kafka.bootstrap.split(",")}

    async def filling() -> Filled:
        await wait_for_brokers(options, 30_000, None)
        return await fill(options, workload, partitions, events)

    started_s = time.monotonic()
    filled = asyncio.run(filling())
    print(f"{filled.topic}: {events:,} events in {time.monotonic() - started_s:.0f} s", flush=True)
    return filled


if __name__ == "__main__":
    main()
