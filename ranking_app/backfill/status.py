"""`ranking-app backfill status` and `list`: which generations there are, and how far each is."""

import sys
import time

import click

from ranking_app.backfill.progress import Progress, progress_of
from ranking_app.backfill.session import Session, session
from ranking_app.backfill.show_progress import ProgressDisplay, Rate, line
from ranking_app.clock import Clock
from ranking_app.generations.generation import Generation
from ranking_app.settings import Settings

LOOK_S = 0.5

RATE_LOOKS_S = 3.0
"""How long `status` looks to tell a rate, where it is asked only once."""


async def status(settings: Settings, clock: Clock, name: str | None, watch: bool) -> None:
    """A line for each generation, or for one; with watch a bar until it has caught up."""
    async with session(settings, clock) as opened:
        if watch and name is not None:
            await _watch_until_caught_up(opened, opened.generation(name))
            return
        names = [opened.generation(name).name] if name is not None else sorted(opened.state.generations)
        rates = {found: Rate() for found in names}
        _look(opened, names, rates)
        await opened.nap(RATE_LOOKS_S)
        for text in _look(opened, names, rates):
            click.echo(text)


async def list_generations(settings: Settings, clock: Clock) -> None:
    """Every generation: which is live, which is kept to go back to, who counts it."""
    async with session(settings, clock) as opened:
        state, reports = opened.state, opened.there()
        for name, generation in sorted(state.generations.items()):
            roles = [
                *(["live"] if name == state.live.name else []),
                *(["previous"] if name == state.live.previous else []),
                *(["prepared"] if name == state.prepared else []),
            ]
            counting = sum(report.counts == name for report in reports)
            click.echo(f"{name:20} {','.join(roles) or '-':16} {counting} workers  {described(generation)}")


def described(generation: Generation) -> str:
    """Its plan in a few words."""
    parts = [f"{generation.partitions} partitions"]
    if generation.archives:
        parts.append(f"{len(generation.archives)} archive files")
    if generation.ends:
        parts.append("up to " + ", ".join(f"{t} {'/'.join(map(str, o))}" for t, o in generation.ends.items()))
    return "; ".join(parts)


async def _watch_until_caught_up(opened: Session, generation: Generation) -> None:
    display = ProgressDisplay(generation.name, sys.stderr.isatty())
    try:
        while True:
            seen = _progress(opened, generation)
            if seen is not None:
                display.show(seen)
                if seen.caught_up:
                    break
            await opened.nap(LOOK_S)
    finally:
        display.close()
    click.echo(f"{generation.name}: caught up with {seen.counted:,} events")


def _progress(opened: Session, generation: Generation) -> Progress | None:
    return progress_of(generation, opened.state.live.name, opened.there())


def _look(opened: Session, names: list[str], rates: dict[str, Rate]) -> list[str]:
    found = []
    for name in names:
        generation = opened.state.generations[name]
        seen = _progress(opened, generation)
        if seen is None:
            found.append(f"{name}: nobody has it in memory; start its workers to go on")
        else:
            found.append(line(name, seen, rates[name].saw(seen.done, time.monotonic())))
    return found
