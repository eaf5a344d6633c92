"""`ranking-app backfill start`: a generation built by workers of its own on this machine, in the foreground."""

import asyncio
import signal
import sys
from pathlib import Path

import click

from ranking_app.backfill.begin import begin
from ranking_app.backfill.plan import Wish
from ranking_app.backfill.progress import progress_of
from ranking_app.backfill.session import Session, session
from ranking_app.backfill.show_progress import ProgressDisplay
from ranking_app.backfill.status import LOOK_S, described
from ranking_app.clock import Clock
from ranking_app.generations.generation import Generation
from ranking_app.local.workers import Worker, stop_workers
from ranking_app.settings import Settings

STOP_WORKERS_S = 9.0


async def start(settings: Settings, clock: Clock, wish: Wish, workers: int) -> None:
    """Begin a generation, or go on with it, with workers of its own; returns after a signal, when they are stopped."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with session(settings, clock) as opened:
        generation, is_new = await begin(opened, wish)
        click.echo(f"generation {generation.name!r} {'is begun' if is_new else 'goes on'}: {described(generation)}")
        children = _children(settings, generation, workers)
        try:
            for child in children:
                child.start()
            await _watch(opened, generation, children, stop)
        finally:
            for name in await stop_workers(children, STOP_WORKERS_S):
                click.echo(f"{name} did not stop in time and was killed", err=True)
    click.echo(f"stopped; `ranking-app backfill start {generation.name}` goes on")


def children_directory(settings: Settings, name: str) -> Path:
    """Where the workers of a backfill on this machine have their data directories and logs."""
    return settings.data_dir / "backfills" / name


def _children(settings: Settings, generation: Generation, count: int) -> list[Worker]:
    directory = children_directory(settings, generation.name)
    directory.mkdir(parents=True, exist_ok=True)
    own = {
        "RANKING_BROKER": settings.broker,
        "RANKING_APP_ID": settings.app_id,
        "RANKING_GENERATION": generation.name,
    }
    if settings.backfill_rate is not None:
        own["RANKING_BACKFILL_RATE"] = str(max(1, settings.backfill_rate // count))
    return [Worker(number, 0, directory, own) for number in range(1, count + 1)]


async def _watch(opened: Session, generation: Generation, children: list[Worker], stop: asyncio.Event) -> None:
    display = ProgressDisplay(generation.name, sys.stderr.isatty())
    told = False
    try:
        while not stop.is_set() and generation.name in opened.state.generations:
            for child in children:
                child.look_after(lambda text: click.echo(text, err=True))
            seen = progress_of(generation, opened.state.live.name, opened.there())
            if seen is not None:
                display.show(seen)
                if seen.caught_up and not told:
                    told = True
                    click.echo(
                        f"{generation.name}: caught up with {seen.counted:,} events; it follows live from here on. "
                        f"Next: `ranking-app backfill diff {generation.name}`, `… promote {generation.name}`"
                    )
            await opened.nap(LOOK_S)
    finally:
        display.close()
