"""`ranking-app demo`: a real Kafka, topics, workers and a simulated on-sale on this machine, until Ctrl-C."""

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import click

from ranking_app.clock import Clock, WallClock
from ranking_app.demo.interrupts import Interrupts
from ranking_app.demo.simulator import OnSale
from ranking_app.demo.status import glance, is_ready, line
from ranking_app.errors import RankingError
from ranking_app.kafka_client import client_options
from ranking_app.local.child import start_child
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.workers import Worker, stop_workers, tail, worker_ports
from ranking_app.sending import BatchSender, batch_sender
from ranking_app.settings import Settings, load_settings
from schemas.produce_line import TopicNames

STEP_S = 0.01
"""Between two steps of the simulation: a hundred a second look like a stream, also at high rates."""

REPORT_EVERY_S = 3.0
LOOK_AFTER_EVERY_S = 0.25
READY_WITHIN_S = 90.0
"""Three workers on a busy laptop with two cores take 20 s."""

STOP_WITHIN_S = 9.0
"""Ctrl-C promises 10 s for everything."""

STOP_WORKERS_S = 5.0
"""Out of STOP_WITHIN_S; a worker that has not flushed by then is killed, and the brokers have the rest."""


KILLED = 130
"""Exit code after a second Ctrl-C, as shells have it."""


class DemoFailed(RankingError):
    """A part of the demo did not start or did not stay up. Operator: read the end of its log, as shown."""


def run_demo(
    *,
    rate: float,
    workers: int = 3,
    web_port: int = 6066,
    seed: int | None = None,
    data_dir: Path | None = None,
) -> int:
    """Run until SIGINT or SIGTERM; returns the exit code. Leaves no process behind.

    rate: reservation records a second. seed: the same on-sale again; None draws one. data_dir: kept; None is
    a temporary directory that goes. RankingError where something does not start or stay up.
    """
    load_settings()  # a wrong setting is said at once, not when Kafka is up
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs each retry; we say what is the matter, once
    with _directory(data_dir) as directory:
        kafka = LocalKafka(directory / "kafka")
        demo = _Demo(kafka, directory, rate=rate, seed=secrets.randbits(32) if seed is None else seed)
        with Interrupts(demo.kill) as interrupts:
            try:
                _say("starting Apache Kafka")
                kafka.start()
                demo.set_up(workers, web_port)
                asyncio.run(demo.run(interrupts))
            except (KeyboardInterrupt, BrokenPipeError):  # `| head` has seen enough
                demo.stopping()
            finally:
                demo.stop_kafka()
    _say("stopped; nothing is left running")
    return KILLED if interrupts.count > 1 else 0


class _Demo:
    """What runs, and how it is started and stopped. Used on the main thread."""

    def __init__(self, kafka: LocalKafka, directory: Path, *, rate: float, seed: int) -> None:
        self._kafka = kafka
        self._directory = directory
        self._rate = rate
        self._seed = seed
        self._clock: Clock = WallClock()
        self._workers: list[Worker] = []
        self._stop_by_s: float | None = None

    def set_up(self, workers: int, web_port: int) -> None:
        """Topics, then the worker processes; returns when they are started, not when they answer."""
        self._settings = load_settings(broker=self._kafka.url, security_protocol="PLAINTEXT")
        environment = self._environment(self._settings)
        _say(f"Kafka is up at {self._settings.broker}; creating topics")
        self._create_topics(environment)
        ports = worker_ports(web_port, workers)
        if ports[0] != web_port or ports[-1] != web_port + workers - 1:
            _say(f"not all ports from {web_port} on are free; using {', '.join(map(str, ports))}")
        for number, port in enumerate(ports, start=1):
            self._workers.append(Worker(number, port, self._directory, environment))
            self._workers[-1].start()
        _say(f"starting {workers} worker{'s' if workers > 1 else ''}")

    async def run(self, interrupts: Interrupts) -> None:
        """Sell, watch and report until a signal comes or something fails; then stop the workers."""
        stop = asyncio.Event()
        with interrupts.on_loop(stop):
            try:
                async with (
                    aiohttp.ClientSession() as session,
                    batch_sender(client_options(self._settings)) as sender,
                ):
                    await _first_of(stop.wait(), self._look_after(), self._open(session, sender))
                    self.stopping()
            finally:
                self.stopping()
                killed = await stop_workers(self._workers, min(STOP_WORKERS_S, self._time_left_s()))
                for name in killed:
                    _say(f"{name} did not stop in time and was killed")

    def stopping(self) -> None:
        """Say so and start the clock, the first time."""
        if self._stop_by_s is None:
            self._stop_by_s = time.monotonic() + STOP_WITHIN_S
            _say("stopping (Ctrl-C again to kill)")

    def stop_kafka(self) -> None:
        """Stop the brokers, hard when the time is up."""
        self.stopping()
        hurry = threading.Timer(self._time_left_s(), self.kill)
        hurry.start()
        try:
            self._kafka.stop()
        finally:
            hurry.cancel()

    def kill(self) -> None:
        """SIGKILL to everything at once; safe in a signal handler."""
        for worker in self._workers:
            worker.kill()
        for process in list(self._kafka.processes):
            if process.poll() is None:
                process.kill()

    # While it runs

    async def _open(self, session: aiohttp.ClientSession, sender: BatchSender) -> None:
        await self._wait_until_ready(session)
        first = self._workers[0]
        click.echo(
            f"\n  The live board:   {first.url}/\n  The API:          {first.url}/docs\n"
            f"  Logs:             {self._directory}/worker-*.log\n  Stop with Ctrl-C.\n"
        )
        async with asyncio.TaskGroup() as both:
            both.create_task(self._sell(sender))
            both.create_task(self._report(session, sender))

    async def _wait_until_ready(self, session: aiohttp.ClientSession) -> None:
        deadline_s = time.monotonic() + READY_WITHIN_S
        named = self._workers[0]  # whose page we tell people to open; the others answer as well, a little later
        while not await is_ready(session, named.url):
            if time.monotonic() > deadline_s:
                raise DemoFailed(f"{named.name} was not ready within {READY_WITHIN_S:g} s\n{tail(named.log)}")
            await asyncio.sleep(0.2)

    async def _sell(self, sender: BatchSender) -> None:
        topics = TopicNames.of(self._settings)
        sale = OnSale(seed=self._seed, now_ms=self._clock.now_ms(), rate=self._rate, topics=topics)
        await sender.send(sale.history())
        while True:
            await sender.send(sale.advance(self._clock.now_ms()))
            await sender.push()
            await asyncio.sleep(STEP_S)

    async def _report(self, session: aiohttp.ClientSession, sender: BatchSender) -> None:
        started_s = before_s = time.monotonic()
        sent_before = 0
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            seen = await glance(session, [worker.url for worker in self._workers if worker.alive])
            now_s, sent = time.monotonic(), sender.total_acknowledged
            per_second = (sent - sent_before) / (now_s - before_s)
            alive = f"{sum(worker.alive for worker in self._workers)}/{len(self._workers)}"
            click.echo(line(now_s - started_s, sent, per_second, alive, seen))
            before_s, sent_before = now_s, sent

    async def _look_after(self) -> None:
        while True:
            for worker in self._workers:
                worker.look_after(_say)
            for number, broker in enumerate(self._kafka.processes):
                if broker.poll() is not None:
                    raise DemoFailed(f"Kafka died; the end of its log:\n{tail(self._kafka.log_path(number))}")
            await asyncio.sleep(LOOK_AFTER_EVERY_S)

    # Start and stop

    @staticmethod
    def _environment(settings: Settings) -> Mapping[str, str]:
        """Settings of the demo's processes that must not come from the user's environment or `.env`."""
        return {
            "RANKING_BROKER": settings.broker,
            "RANKING_SECURITY_PROTOCOL": settings.security_protocol,
            "RANKING_CLOCK": "wall",
            "RANKING_LOG_FORMAT": "console",
        }

    def _create_topics(self, environment: Mapping[str, str]) -> None:
        log = self._directory / "topics.log"
        command = [sys.executable, "-m", "ranking_app.cli", "topics"]
        if start_child(command, log, {**os.environ, **environment}).wait() != 0:
            raise DemoFailed(f"the topics could not be created:\n{tail(log)}")

    def _time_left_s(self) -> float:
        return max(0.1, (self._stop_by_s or 0) - time.monotonic())


async def _first_of(*bodies: Coroutine[Any, Any, Any]) -> None:
    """Run all until one ends or fails, cancel the others, raise what failed."""
    tasks = [asyncio.ensure_future(body) for body in bodies]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseExceptionGroup):
            raise result.exceptions[0]
        if isinstance(result, Exception):
            raise result


@contextlib.contextmanager
def _directory(given: Path | None) -> Iterator[Path]:
    """The given directory, kept; or a temporary one, removed."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    made = Path(tempfile.mkdtemp(prefix="ranking-demo-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _say(text: str) -> None:
    # Also while stopping, when nobody may be reading any more: that must not keep anything from being stopped.
    with contextlib.suppress(BrokenPipeError):
        click.echo(f"[demo] {text}")
