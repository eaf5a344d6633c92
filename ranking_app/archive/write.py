"""`ranking-app archive write`: what is on the source topics now, into files, after what is in files already."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import structlog
from aiokafka import TopicPartition
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from ranking_app.archive.arrow import arrow
from ranking_app.archive.directory import Standing, locked_archive, standings
from ranking_app.archive.errors import ArchiveAhead, ArchiveGap
from ranking_app.archive.file_writer import Home
from ranking_app.archive.partition_writer import PartitionWriter
from ranking_app.archive.ranges import Span
from ranking_app.archive.topic_reader import Bounds, TopicReader, topic_reader
from ranking_app.kafka_client import client_options, wait_for_brokers
from ranking_app.settings import Settings

log = structlog.get_logger(__name__)


class Job(NamedTuple):
    """What is to be archived of one partition: [begin, end). gap_from: what is missing before it begins there."""

    tp: TopicPartition
    begin: int
    end: int
    gap_from: int | None
    last_day: int | None


async def write_archive(
    settings: Settings,
    directory: Path,
    topics: Sequence[str] = (),
    progress: bool = False,
    *,
    accept_gaps: bool = False,
) -> None:
    """Archive what is on the topics when it begins; prints a line per partition at the end, also after an error.

    topics: none means the reservation topics. progress: draw a bar on standard error. Raises RankingError:
    ArchiveExtraMissing, ArchiveInUse, ArchiveDirUnusable, BrokersUnreachable, TopicMissing, ArchiveAhead,
    ArchiveUnreadable, ArchiveOverlap and, unless accept_gaps, ArchiveGap before anything is written; ArchiveInterrupted
    at any time. What was read by then is kept, in whole files, and the next run goes on after it.
    """
    arrow()
    options, names = client_options(settings), list(dict.fromkeys(topics or settings.source_topics))
    with locked_archive(directory):
        await wait_for_brokers(options, settings.broker_wait, log)
        async with topic_reader(options, names) as source:
            jobs = plan_jobs(await source.bounds(), {name: standings(directory, name) for name in names}, accept_gaps)
            writers = {job.tp: _writer(directory, job) for job in jobs}
            try:
                with _bar(jobs, writers, shown=progress) as report:
                    for job in jobs:
                        await _archive(source, job, writers[job.tp], report)
            finally:
                for job in jobs:
                    click.echo(_summary(job, writers[job.tp]))


def plan_jobs(
    bounds: Mapping[TopicPartition, Bounds], archived: Mapping[str, Mapping[int, Standing]], accept_gaps: bool
) -> list[Job]:
    """What is to be done, by partition. ArchiveAhead; ArchiveGap names all offsets that are lost."""
    jobs: list[Job] = []
    lost: list[str] = []
    for tp, (begin, end) in bounds.items():
        standing = archived[tp.topic].get(tp.partition)
        if standing is None:
            jobs.append(Job(tp, begin, end, None, None))
            continue
        archived_to = standing.file.next_offset
        if archived_to > end:
            raise ArchiveAhead(
                f"{tp.topic} partition {tp.partition} ends at offset {end}, but {standing.file.path} goes up to "
                f"{archived_to}: is this another cluster, or was the topic made anew?"
            )
        gap_from = None
        if begin > archived_to:
            gap_from = archived_to
            lost.append(f"{tp.topic} partition {tp.partition} offsets {Span(archived_to, begin)}")
        jobs.append(Job(tp, max(begin, archived_to), end, gap_from, standing.day))
    if lost and not accept_gaps:
        raise ArchiveGap(
            f"the brokers deleted these before they were archived: {'; '.join(lost)}; nothing was written; "
            "--accept-gaps goes on without them"
        )
    return jobs


def _writer(directory: Path, job: Job) -> PartitionWriter:
    home = Home(directory, job.tp.topic, job.tp.partition)
    return PartitionWriter(home, job.begin, job.gap_from, job.last_day)


async def _archive(source: TopicReader, job: Job, writer: PartitionWriter, report: Callable[[], None]) -> None:
    try:
        async for records in source.batches(job.tp, job.begin, job.end):
            # Not in a thread: nobody else waits for this loop, and a cancellation never meets half a write.
            writer.add(records)
            report()
    except BaseException:
        writer.keep()  # the brokers may have deleted it by the next run
        raise
    writer.finish(job.end)


@contextmanager
def _bar(
    jobs: Sequence[Job], writers: Mapping[TopicPartition, PartitionWriter], *, shown: bool
) -> Iterator[Callable[[], None]]:
    """A bar by offsets; gives what moves it."""
    if not shown:
        yield lambda: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} offsets"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("archiving", total=sum(job.end - job.begin for job in jobs))

        def report() -> None:
            bar.update(task, completed=sum(writers[job.tp].position - job.begin for job in jobs))

        yield report


def _summary(job: Job, writer: PartitionWriter) -> str:
    where = f"{job.tp.topic} partition {job.tp.partition}:"
    lost = "" if job.gap_from is None else f"; offsets {Span(job.gap_from, job.begin)} are lost"
    if not writer.files:
        return f"{where} nothing new, archived up to offset {job.begin}{lost}"
    written = Span(job.begin, writer.files[-1].next_offset)
    files = f"{len(writer.files)} file{'s' if len(writer.files) != 1 else ''}"
    return f"{where} {writer.records:,} records in {files}, offsets {written}{lost}"
