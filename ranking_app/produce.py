"""`ranking-app produce`: events from lines of JSON, each to the topic of its kind, at a set rate if asked."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator

import click
import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from ranking_app.errors import NoSuchPartition, ProduceStopped, RecordTooLarge, TopicMissing
from ranking_app.kafka_client import client_options, wait_for_brokers
from ranking_app.line_source import LineSource
from ranking_app.pacing import Pacer
from ranking_app.sending import BatchSender, batch_sender
from ranking_app.settings import Settings
from schemas.produce_line import OutRecord, TopicNames, parse_line

LAST_DRAIN_S = 5.0
"""For what is in a batch already, after Ctrl-C or a wrong line; SIGTERM promises 10 s for everything."""

log = structlog.get_logger(__name__)


async def produce(path: str, *, settings: Settings, rate: float | None = None, progress: bool = False) -> int:
    """Send every line of `path` ("-": standard input; gzipped if it ends in .gz); returns how many were sent.

    rate: events a second, None for as fast as possible. progress: draw a bar on standard error. The count is
    printed at the end, also after an error; what is counted has been acknowledged by the brokers. Raises
    RankingError: InputUnusable or WrongRate (exit code 2), BrokersUnreachable, NotAcknowledged, or what is
    wrong with a line, with its number; the lines before it have been sent.
    """
    pacer = None if rate is None else Pacer(rate, time.monotonic())
    with contextlib.closing(LineSource(path)) as source, _stopped_by_sigterm():
        options = client_options(settings)
        await wait_for_brokers(options, settings.broker_wait, log)
        async with batch_sender(options) as sender:
            run = _Run(source, sender, TopicNames.of(settings), pacer)
            started_s = time.monotonic()
            try:
                with _bar(source, run, shown=progress):
                    await run.all()
            except BaseException:
                # Ctrl-C or a wrong line: what came before it is in batches that have not left yet.
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(sender.drain(), LAST_DRAIN_S)
                raise
            finally:
                click.echo(_summary(sender.acknowledged, time.monotonic() - started_s))
    return sender.total_acknowledged


@contextlib.contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the task as Ctrl-C does, but as an error of this app: half of the input has not been sent."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    came = False

    def stop() -> None:
        nonlocal came
        came = True
        if task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        yield
    except asyncio.CancelledError:
        if came:
            raise ProduceStopped("stopped by SIGTERM before the end of the input") from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


class _Run:
    """One pass over the lines."""

    def __init__(self, source: LineSource, sender: BatchSender, topics: TopicNames, pacer: Pacer | None) -> None:
        self._source = source
        self._sender = sender
        self._topics = topics
        self._pacer = pacer
        self._line_number = 0
        self.count = 0
        """Events handed over so far; the brokers may not have acknowledged the last ones."""
        self.report: Callable[[], None] = lambda: None
        """Called whenever `count` has grown."""

    async def all(self) -> None:
        """Send every line and wait for the last acknowledgement."""
        async for lines in self._source.blocks():
            if self._pacer is None:
                await self._send(lines)
            else:
                await self._send_paced(lines, self._pacer)
            if self._source.would_wait:
                await self._sender.push()  # a slow pipe: what has come must not wait for a batch to fill
        await self._sender.drain()

    async def _send_paced(self, lines: list[bytes], pacer: Pacer) -> None:
        done = 0
        while done < len(lines):
            taken = pacer.take(time.monotonic(), len(lines) - done)
            if taken:
                await self._send(lines[done : done + taken])
                await self._sender.push()
                done += taken
            if done < len(lines):
                await asyncio.sleep(pacer.pause_s(time.monotonic()))

    async def _send(self, lines: list[bytes]) -> None:
        try:
            await self._sender.send(self._records(lines))
        except (TopicMissing, NoSuchPartition, RecordTooLarge) as exc:
            raise type(exc)(f"line {self._line_number}: {exc}") from None
        self.report()

    def _records(self, lines: list[bytes]) -> Iterator[OutRecord]:
        topics = self._topics
        for number, line in enumerate(lines, self._line_number + 1):
            self._line_number = number
            if line and not line.isspace():
                yield parse_line(line, number, topics)
                self.count += 1


@contextlib.contextmanager
def _bar(source: LineSource, run: _Run, *, shown: bool) -> Iterator[None]:
    """A bar by the bytes read where the size is known, else a moving one."""
    if not shown:
        yield
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[count]:,} events"),
        BarColumn(),
        TextColumn("{task.fields[per_s]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    started_s = time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("sending", total=source.size_bytes, count=0, per_s=0.0)

        def report() -> None:
            per_s = run.count / max(time.monotonic() - started_s, 0.001)
            bar.update(task, completed=source.read_bytes, count=run.count, per_s=per_s)

        run.report = report
        yield


def _summary(acknowledged: dict[str, int], seconds: float) -> str:
    """
    >>> _summary({"reservation.completed": 3, "reservation.cancelled": 1}, 2.0)
    '4 events sent to reservation.completed (3), reservation.cancelled (1) in 2.0 s'
    """
    total = sum(acknowledged.values())
    if not total:
        return "0 events sent"
    topics = ", ".join(f"{topic} ({count})" for topic, count in acknowledged.items() if count)
    return f"{total} event{'s' if total != 1 else ''} sent to {topics} in {seconds:.1f} s"
