"""`ranking-app archive`: its commands and flags. What they do is in ranking_app/archive."""

import sys
from pathlib import Path
from typing import Any

import click

from ranking_app.cli_run import exit_with, kafka_flags, run
from ranking_app.settings import Settings


@click.group()
def archive() -> None:
    """Keep source topics as Parquet files, for longer than Kafka does.

    \b
    ranking-app archive write DIR        (from a timer, more often than the topics' retention)
    ranking-app archive verify DIR

    docs/archive.md says what is in the files.
    """


@archive.command(name="write")
@kafka_flags
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--topic", "topics", multiple=True, help="May be given again; default: both reservation topics.")
@click.option("--accept-gaps", is_flag=True, help="Go on after offsets that the brokers deleted unarchived.")
def write_to(directory: Path, topics: tuple[str, ...], accept_gaps: bool, **flags: Any) -> None:
    """Write what is on the topics now into files below DIRECTORY, after what is there already."""
    from ranking_app.archive.write import write_archive

    async def body(settings: Settings, _: object) -> None:
        await write_archive(settings, directory, topics, progress=sys.stderr.isatty(), accept_gaps=accept_gaps)

    run(body, flags)


@archive.command(name="verify")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def verify(directory: Path) -> None:
    """Read every file below DIRECTORY wholly; say what is there, and what is missing or damaged."""
    from ranking_app.archive.verify import verify_archive

    exit_with(lambda: verify_archive(directory))
