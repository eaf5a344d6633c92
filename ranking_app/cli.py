"""The command line: `ranking-app`. Settings come from the environment (RANKING_…) and `.env`; flags win."""

import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from ranking_app.cli_archive import archive
from ranking_app.cli_backfill import backfill
from ranking_app.cli_run import exit_with, kafka_flags, run, web_flags
from ranking_app.clock import WallClock
from ranking_app.settings import Settings

COMPONENTS = ("ranking-app", "faust-streaming", "aiokafka", "rocksdict")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Live, exact rankings of ticket sales from Kafka.

    \b
    Try it on one machine:      ranking-app demo
    In production, in order:    ranking-app topics, then ranking-app worker (one per partition),
                                ranking-app serve (as many as reads need)

    Every setting is an environment variable RANKING_<NAME> (or a line in .env); a flag wins over it.
    docs/operations.md lists them all.
    """


@cli.command()
@kafka_flags
@web_flags
@click.option("--data-dir", type=click.Path(path_type=Path), help="Local state, one per worker. [RANKING_DATA_DIR]")
def worker(**flags: Any) -> None:
    """Count events and answer questions: one worker.

    Start one per partition (three by default), each with its own --data-dir and --web-port; more than that only
    answer. Workers share the partitions among themselves, take over from one that dies, and every one of them
    answers for all partitions. SIGTERM stops it cleanly within 10 seconds.
    """
    from ranking_app.app import run_worker  # here: `ranking-app --help` need not load Faust

    run(run_worker, flags)


@cli.command()
@kafka_flags
@web_flags
def serve(**flags: Any) -> None:
    """Answer questions only: the web endpoint without counting, to scale reads."""
    from ranking_app.app import run_serve

    run(run_serve, flags)


@cli.command()
@kafka_flags
@click.option("--grow", is_flag=True, help="Give source topics as many partitions as the live tables have.")
def topics(grow: bool, **flags: Any) -> None:
    """Create the topics that are missing and check those that are there.

    A topic with another partition count than RANKING_PARTITIONS is an error: it says which, and what to do.
    --grow is the last step of going to more partitions (docs/backfill.md).
    """
    from ranking_app.backfill.grow import check_topics, grow_topics

    run(grow_topics if grow else check_topics, flags)


@cli.command()
@kafka_flags
@click.argument("file")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Events per second; default: unlimited.")
def produce(file: str, rate: float | None, **flags: Any) -> None:
    """Send the events in FILE (NDJSON, `-` is standard input, gzip by its .gz name) to their topics.

    \b
    Each line is one event; its eventType names the topic. Events without a key are spread over the partitions.
    {"topic": "…", "partition": 0, "key": "…", "headers": {"…": "…"}, "value": {…}} sends any JSON as it is,
    "raw": "…" in place of value any text, "value": null a tombstone.
    """
    from ranking_app.produce import produce as send

    async def body(settings: Settings, _: object) -> None:
        await send(file, settings=settings, rate=rate, progress=sys.stderr.isatty())

    run(body, flags)


@cli.group(name="dead-letters")
def dead_letters() -> None:
    """Look at bad records, mend them, send them again.

    \b
    ranking-app dead-letters list --since 1d
    ranking-app dead-letters show 0:17
    ranking-app dead-letters show 0:17 --value-only > mended.json     (then edit it)
    ranking-app dead-letters replay 0:17 --value-file mended.json

    A letter is sent to the topic and partition that it came from, once: a second replay leaves it out.
    """


def letter_filter(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags that choose dead letters."""
    for option in (
        click.option("--until", help="Written before: a time, or how long ago."),
        click.option("--since", help="Written at or after: a time (2026-06-14T11:00Z), or how long ago (1h, 7d)."),
        click.option("--error", help="Name of the error, or a part of it: NotJson, Time, …"),
        click.option("--topic", "topics", multiple=True, help="Source or dead-letter topic; may be given again."),
    ):
        command = option(command)
    return command


@dead_letters.command(name="list")
@kafka_flags
@letter_filter
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def list_dead_letters(
    topics: tuple[str, ...],
    error: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
    **flags: Any,
) -> None:
    """The newest dead letters, one line each: where, when, which error, where the original stands."""
    from ranking_app.dead_letter_tool.commands import Filter, list_letters

    chosen = Filter(topics, error, since, until)
    run(lambda settings, clock: list_letters(settings, chosen, limit, as_json, clock.now_ms()), flags)


@dead_letters.command(name="show")
@kafka_flags
@click.argument("positions", nargs=-1, required=True, metavar="POSITION...")
@click.option("--bytes", "most_bytes", type=click.IntRange(0), default=4_096, show_default=True, help="Of each value.")
@click.option("--value-only", is_flag=True, help="Whole values, a line each, for an editor and `replay --value-file`.")
def show_dead_letters(positions: tuple[str, ...], most_bytes: int, value_only: bool, **flags: Any) -> None:
    """The headers, key and value of dead letters; control characters are escaped.

    POSITION is PARTITION:OFFSET on the dead-letter topic, or TOPIC:PARTITION:OFFSET, as `list` shows it.
    """
    from ranking_app.dead_letter_tool.commands import show_letters

    run(lambda settings, _: show_letters(settings, positions, most_bytes, value_only), flags)


@dead_letters.command(name="replay")
@kafka_flags
@letter_filter
@click.argument("positions", nargs=-1, metavar="[POSITION]...")
@click.option("--all", "everything", is_flag=True, help="Every dead letter there is.")
@click.option("--value-file", help="Mended values for the POSITIONs, a line each (`-` is standard input).")
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
def replay_dead_letters(
    positions: tuple[str, ...], everything: bool, value_file: str | None, yes: bool, **others: Any
) -> None:
    """Send dead letters to their source topics again: those at POSITIONs, or all that match the filter.

    Each is sent once: what was sent is written down in the same Kafka transaction (topic `<source>-dlt-replayed`), so
    a replay that is run again, or goes on after a crash, leaves it out. Mended values are checked before anything
    is sent.
    """
    from ranking_app.dead_letter_tool.commands import Filter, replay_matching, replay_positions

    chosen = Filter(*(others.pop(name) for name in ("topics", "error", "since", "until")))
    if sum((bool(positions), chosen.is_given, everything)) != 1:
        raise click.UsageError("say which: POSITIONs, a filter (--topic, --error, --since, --until), or --all")
    if value_file is not None and not positions:
        raise click.UsageError("--value-file goes with POSITIONs: its lines are for them, in their order")

    def ask(question: str) -> bool:
        return yes or click.confirm(question, err=True)

    async def body(settings: Settings, clock: WallClock) -> None:
        if positions:
            await replay_positions(settings, positions, value_file, ask)
        else:
            await replay_matching(settings, chosen, ask, clock.now_ms())

    run(body, others)


@cli.command()
@click.option("--brokers", type=click.IntRange(1, 9), default=1, show_default=True, help="How many brokers.")
@click.option("--port", type=click.IntRange(1, 65_535), default=9092, show_default=True, help="Of the first broker.")
@click.option("--data-dir", type=click.Path(path_type=Path), required=True, help="Where the brokers keep their data.")
def kafka(brokers: int, port: int, data_dir: Path) -> None:
    """A real local Apache Kafka in the foreground, without Docker; for trying things out and for tests.

    The first start downloads Kafka's jars (and a Java runtime where there is none). Three brokers take --port and
    the two ports after it.
    """
    from ranking_app.local.kafka import run_foreground

    exit_with(lambda: run_foreground(brokers, port, data_dir))


@cli.command()
@click.option("--rate", type=click.FloatRange(1, 100_000), default=300, show_default=True, help="Events per second.")
@click.option("--workers", type=click.IntRange(1, 3), default=3, show_default=True, help="Worker processes.")
@click.option(
    "--web-port", type=click.IntRange(1, 65_535), default=6066, show_default=True, help="Of the first worker."
)
@click.option("--seed", type=int, default=None, help="The same seed sells the same seats.")
def demo(**flags: Any) -> None:
    """Everything on one machine: Kafka, topics, three workers, a simulated on-sale, the page.

    Opens nothing to the network and leaves nothing behind: its data is in a temporary directory. Stop with Ctrl-C.
    """
    from ranking_app.demo.run import run_demo

    exit_with(lambda: run_demo(**flags))


@cli.command(name="version")
def show_version() -> None:
    """Versions of the app and of what it stands on."""
    for name in COMPONENTS:
        try:
            click.echo(f"{name} {version(name)}")
        except PackageNotFoundError:
            click.echo(f"{name} (not installed as a package)")
    click.echo(f"Python {platform.python_version()}")


cli.add_command(archive)
cli.add_command(backfill)


def main() -> None:
    """The console script."""
    cli.main(prog_name="ranking-app")


if __name__ == "__main__":
    main()
