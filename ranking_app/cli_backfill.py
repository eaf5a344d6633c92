"""`ranking-app backfill`: its commands and flags. What they do is in ranking_app/backfill."""

from pathlib import Path
from typing import Any

import click

from ranking_app.cli_run import kafka_flags, run
from ranking_app.clock import WallClock
from ranking_app.errors import WrongUse
from ranking_app.settings import Settings


class WrongTime(WrongUse):
    """A time on the command line cannot be read. Operator: write it as 2026-06-14 or 2026-06-14T11:00Z."""


@click.group()
def backfill() -> None:
    """Build the tables anew beside the live ones, compare, swap.

    \b
    ranking-app backfill start rebuilt --workers 3      (goes on until Ctrl-C; start it again to go on)
    ranking-app backfill status rebuilt --watch
    ranking-app backfill diff rebuilt
    ranking-app backfill promote rebuilt
    ranking-app backfill rollback                       (if it was wrong after all)
    ranking-app backfill drop base

    docs/backfill.md has the runbooks.
    """


@backfill.command(name="start")
@kafka_flags
@click.argument("name")
@click.option("--from", "from_text", help="First record that counts, by the time it was published. Default: all.")
@click.option("--to", "to_text", help="Count no record published at this time or later. Default: follow live.")
@click.option("--topics", multiple=True, help="Count only these source topics; may be given again.")
@click.option(
    "--archive",
    "archives",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Parquet file of `archive write`, NDJSON file, or a directory of them; may be given again.",
)
@click.option("--partitions", type=click.IntRange(1, 1_000), help="Of the new tables. Default: as the live ones.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes to count with.")
@click.option("--rate", type=click.IntRange(1), help="Records a second at the most. [RANKING_BACKFILL_RATE]")
@click.option("--accept-gaps", is_flag=True, help="Take what there is where a part of the range is gone.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="For the workers' local state. [RANKING_DATA_DIR]")
def start_backfill(
    name: str,
    from_text: str | None,
    to_text: str | None,
    topics: tuple[str, ...],
    archives: tuple[Path, ...],
    partitions: int | None,
    workers: int,
    rate: int | None,
    accept_gaps: bool,
    **flags: Any,
) -> None:
    """Begin generation NAME, or go on with it, with workers of its own; Ctrl-C stops them.

    It reads what the brokers have of the source topics, before that the archives, and then follows live. The live
    generation goes on answering; the backfill rests while that falls behind (RANKING_BACKFILL_YIELD_LAG).
    """
    from ranking_app.backfill.plan import Wish
    from ranking_app.backfill.start import start

    async def body(settings: Settings, clock: WallClock) -> None:
        wish = Wish(
            name=_name(name),
            from_ms=_time_ms(from_text, settings, "--from"),
            to_ms=_time_ms(to_text, settings, "--to"),
            topics=_topics(topics, settings),
            archives=archives,
            partitions=partitions,
            accept_gaps=accept_gaps,
        )
        await start(settings, clock, wish, workers)

    run(body, {**flags, "backfill_rate": rate})


@backfill.command(name="status")
@kafka_flags
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="A progress bar until it has caught up.")
def show_status(name: str | None, watch: bool, **flags: Any) -> None:
    """How far generations are: records done, rate, time left, and the lag of the live one beside it."""
    from ranking_app.backfill.status import status

    if watch and name is None:
        raise click.UsageError("--watch goes with a NAME")
    run(lambda settings, clock: status(settings, clock, name, watch), flags)


@backfill.command(name="list")
@kafka_flags
def list_all(**flags: Any) -> None:
    """Every generation, which one is live, who counts it, and what it is made of."""
    from ranking_app.backfill.status import list_generations

    run(list_generations, flags)


def comparison_flags(command: Any) -> Any:
    """How two generations are compared."""
    for option in (
        click.option("--instants", type=click.IntRange(1, 1_000), default=24, show_default=True, help="To compare at."),
        click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Differing rows to show."),
        click.option("--json", "as_json", is_flag=True, help="One JSON object per line."),
    ):
        command = option(command)
    return command


@backfill.command(name="diff")
@kafka_flags
@click.argument("name")
@click.option("--against", help="Another generation than the live one.")
@comparison_flags
def show_differences(name: str, against: str | None, instants: int, limit: int, as_json: bool, **flags: Any) -> None:
    """Compare curves, milestones and boards of NAME with those of the live generation.

    What differs is shown with the panes and source offsets behind it. Exit code 0: equal, 1: not.
    """
    from ranking_app.backfill.diff import DiffRules, diff

    rules = DiffRules(instants, limit, as_json)
    run(lambda settings, clock: diff(settings, clock, name, against, rules), flags)


@backfill.command(name="promote")
@kafka_flags
@click.argument("name")
@click.option("--accept-differences", is_flag=True, help="Promote although the boards differ.")
@click.option("--notify-past", is_flag=True, help="Raise also news of the past that only the new boards know.")
@comparison_flags
def promote_generation(
    name: str,
    accept_differences: bool,
    notify_past: bool,
    instants: int,
    limit: int,
    as_json: bool,
    **flags: Any,
) -> None:
    """Have every process answer from generation NAME, after it was compared with the live one."""
    from ranking_app.backfill.diff import DiffRules, compare_in
    from ranking_app.backfill.promote import promote

    rules = DiffRules(instants, limit, as_json, grace_s=0)

    async def body(settings: Settings, clock: WallClock) -> None:
        await promote(
            settings,
            clock,
            name,
            compare=lambda opened, old, new: compare_in(opened, old, new, rules),
            accept_differences=accept_differences,
            notify_past=notify_past,
        )

    run(body, flags)


@backfill.command(name="rollback")
@kafka_flags
def roll_back(**flags: Any) -> None:
    """Go back to the generation that was live before."""
    from ranking_app.backfill.promote import rollback

    run(rollback, flags)


@backfill.command(name="drop")
@kafka_flags
@click.argument("name")
@click.option("--data-dir", type=click.Path(path_type=Path), help="With local state of it. [RANKING_DATA_DIR]")
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop_generation(name: str, yes: bool, **flags: Any) -> None:
    """Remove generation NAME: its topic, its group, its directories. Its workers go on with the live one."""
    from ranking_app.backfill.drop import drop

    def ask(question: str) -> bool:
        return yes or click.confirm(question, err=True)

    run(lambda settings, clock: drop(settings, clock, name, ask), flags)


def _name(name: str) -> str:
    from ranking_app.settings import load_settings

    return load_settings(generation=name).generation or name


def _time_ms(text: str | None, settings: Settings, flag: str) -> int | None:
    from schemas.times import parse_event_time_ms

    if text is None:
        return None
    try:
        return parse_event_time_ms(text, settings.zone)
    except ValueError as exc:
        raise WrongTime(f"{flag}: {exc}") from None


def _topics(topics: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    for topic in topics:
        if topic not in settings.source_topics:
            raise WrongUse(f"--topics: expected {' or '.join(settings.source_topics)}, got {topic!r}")
    return topics
