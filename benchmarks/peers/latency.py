"""Latency at a steady rate: from publishing an event until an answer has it."""

import asyncio
import json
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaProducer

from benchmarks.latency import measure, percentile
from benchmarks.peers import redis_peer
from benchmarks.peers.environments import python_of
from benchmarks.peers.filling import Filled
from benchmarks.peers.load import Load, SentRate, sending
from benchmarks.peers.ours import until_ready, workers
from benchmarks.peers.peer import Run
from benchmarks.peers.redis_peer import redis_server
from benchmarks.peers.running import ROOT, ProgramFailed, ended, task_of
from ranking_app.local.child import start_child
from ranking_app.local.kafka import LocalKafka

SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}

SETTLE_S = 5.0
"""The load has begun, first answers are made: not measured, as with Redis, whose writer joins its group meanwhile."""

LOAD_SPARE_S = 25.0
"""A load lasts so much longer than the probes: to settle, to start those who probe Redis, for a last probe of 5 s."""

SENT_SHARE = 0.98
"""A load that managed less was not the one that was asked for; the row says what it was."""


@dataclass(frozen=True, slots=True)
class Latency:
    """rate, sent_rate: events a second, asked for and sent. ms: by name of the percentile."""

    peer: str
    rate: int
    sent_rate: float = 0.0
    probes: int = 0
    ms: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""

    @property
    def was_reached(self) -> bool:
        """Whether the load was what was asked for."""
        return self.sent_rate >= self.rate * SENT_SHARE


def summed_up(peer: str, rate: int, sent_rate: float, probes: list[float]) -> Latency:
    """The row of these probes, milliseconds."""
    ordered = sorted(probes)
    return Latency(peer, rate, sent_rate, len(ordered), {name: percentile(ordered, s) for name, s in SHARES.items()})


async def of_ours(kafka: LocalKafka, empty: Filled, rate: int, seconds: float, folder: Path) -> Latency:
    """Publish to visible by HTTP, at a rate, on an empty topic."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        with workers(kafka, empty, folder) as group:
            await until_ready(group)
            with _load(kafka, empty, rate, seconds, folder) as sent:
                await asyncio.sleep(SETTLE_S)
                # A rate of 0: the load is sent by a process of its own, this one has the probes to look after.
                probes = await measure(producer, empty.topic, empty.partitions, group.address, 0, seconds)
                return summed_up("ours", rate, sent(), probes)
    finally:
        await producer.stop()


def of_redis(kafka: LocalKafka, empty: Filled, rate: int, seconds: float, folder: Path) -> Latency:
    """Publish to visible in the sorted set of its minute."""
    python = python_of(redis_peer.NAME)
    run = Run(kafka, empty, "tumbling", 0, folder)
    with redis_server(folder) as store, _load(kafka, empty, rate, seconds, folder) as sent:
        task = task_of(run, store.address).to_json()
        command = [str(python), "-m", "benchmarks.peers.programs.redis_writer", task]
        writer = start_child(command, folder / "writer.log", cwd=ROOT)
        try:
            probing = [str(python), "-m", "benchmarks.peers.programs.redis_probe", task, str(seconds)]
            done = subprocess.run(probing, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 60)
            if done.returncode:
                raise ProgramFailed(done.stderr[-1500:])
            return summed_up(redis_peer.PEER.name, rate, sent(), json.loads(done.stdout.splitlines()[-1]))
        finally:
            ended(writer)


def _load(
    kafka: LocalKafka, empty: Filled, rate: int, probes_s: float, folder: Path
) -> AbstractContextManager[SentRate]:
    """A load that outlasts the probes."""
    return sending(Load(empty.topic, empty.partitions, rate, probes_s + LOAD_SPARE_S), kafka.bootstrap, folder)


def measured(name: str, kafka: LocalKafka, empty: Filled, rate: int, seconds: float, folder: Path) -> Latency:
    """The row of ours or redis."""
    if name == "ours":
        return asyncio.run(of_ours(kafka, empty, rate, seconds, folder))
    return of_redis(kafka, empty, rate, seconds, folder)
