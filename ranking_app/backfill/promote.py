"""Moves all readers to another generation, and back. One record on the control topic is the moment of the switch."""

import time
from collections.abc import Awaitable, Callable

import click

from ranking_app.backfill.errors import GenerationsDiffer, InstancesNotReady, NothingToRollBack, NotPromotable
from ranking_app.backfill.load import GenerationBehind
from ranking_app.backfill.progress import CAUGHT_UP_LAG, progress_of
from ranking_app.backfill.session import Session, session
from ranking_app.clock import Clock
from ranking_app.generations.control_state import Live, prepared_record
from ranking_app.generations.reports import Report
from ranking_app.settings import Settings

PREPARE_WITHIN_S = 600.0
"""For every process to load the generation beside the live one; a million panes take some ten seconds."""

MOVE_WITHIN_S = 10.0
"""For every process to answer from it; they say so within milliseconds, unless they hang."""

LOOK_S = 0.05

Compare = Callable[[Session, str, str], Awaitable[bool]]
"""Whether the boards of two generations are equal; shows what differs."""


async def promote(
    settings: Settings,
    clock: Clock,
    name: str,
    *,
    compare: Compare,
    accept_differences: bool,
    notify_past: bool,
) -> None:
    """Load it everywhere, compare it with the live one, move. Nothing has changed where this raises, unless it says so.

    UnknownGeneration, NotPromotable, InstancesNotReady, GenerationsDiffer.
    """
    async with session(settings, clock) as opened:
        opened.generation(name)
        if opened.state.live.name == name:
            click.echo(f"generation {name!r} is live already")
            return
        _refuse_unready(opened, name)
        await opened.write([prepared_record(name)])
        try:
            await _wait_for_all(opened, lambda report: _has(report, name), PREPARE_WITHIN_S, f"have loaded {name!r}")
            if not await _equal(opened, name, compare, accept_differences) and not accept_differences:
                raise GenerationsDiffer(
                    f"generations {opened.state.live.name!r} and {name!r} differ, as shown; nothing was changed; if "
                    "the new one is right, promote it with --accept-differences"
                )
        except BaseException:
            await opened.write([prepared_record(None)])
            raise
        await _switch(opened, name, opened.state.live.name, notify_past)


async def _equal(opened: Session, name: str, compare: Compare, accept_differences: bool) -> bool:
    """A live generation that cannot go on cannot be compared; whoever accepts differences may replace it."""
    try:
        return await compare(opened, opened.state.live.name, name)
    except GenerationBehind as behind:
        if not accept_differences:
            raise
        click.echo(f"not compared: {behind}", err=True)
        return False


async def rollback(settings: Settings, clock: Clock) -> None:
    """Back to the generation before, which every process still has in memory. NothingToRollBack, InstancesNotReady."""
    async with session(settings, clock) as opened:
        live = opened.state.live
        if live.previous is None or live.previous not in opened.state.generations:
            raise NothingToRollBack("there is no generation to go back to: none was promoted, or it was dropped")
        if not any(report.counts == live.previous for report in opened.there()):
            click.echo(
                f"no worker counts generation {live.previous!r}: it will answer with what it had counted, and raise no "
                f"notifications, until they do: `ranking-app backfill start {live.previous}`, or for 'base' workers "
                "with RANKING_GENERATION=base",
                err=True,
            )
        await _switch(opened, live.previous, live.name, notify_past=False)


async def _switch(opened: Session, name: str, previous: str, notify_past: bool) -> None:
    opened.generation(name)  # somebody may have dropped it meanwhile
    number, now_ms = opened.state.live.number + 1, opened.clock.now_ms()
    live = Live(name, previous, number, now_ms, notify_past)
    await opened.write([live.record(), prepared_record(None)])
    began_s = time.monotonic()
    found = await _wait_for_all(opened, lambda report: report.live == name, MOVE_WITHIN_S, f"answer from {name!r}")
    took_s = time.monotonic() - began_s
    click.echo(f"generation {name!r} is live on {found} processes after {took_s:.2f} s; {previous!r} is kept")


def _refuse_unready(opened: Session, name: str) -> None:
    seen = progress_of(opened.state.generations[name], opened.state.live.name, opened.there())
    if seen is None or not seen.workers:
        raise NotPromotable(f"no worker counts generation {name!r}; start them: `ranking-app backfill start {name}`")
    if not seen.caught_up:
        raise NotPromotable(f"generation {name!r} is {seen.lag:,} records behind; see `ranking-app backfill status`")


def _has(report: Report, name: str) -> bool:
    followed = report.followed.get(name)
    return followed is not None and followed.loaded and followed.lag <= CAUGHT_UP_LAG


async def _wait_for_all(opened: Session, holds: Callable[[Report], bool], within_s: float, what: str) -> int:
    """How many processes there are, once it holds for each. InstancesNotReady names the others."""
    deadline_s = time.monotonic() + within_s
    while (missing := [report.address for report in opened.there() if not holds(report)]) or not opened.there():
        if time.monotonic() > deadline_s:
            named = ", ".join(missing) or f"no process reports on {opened.settings.instances_topic!r}"
            raise InstancesNotReady(f"not all processes {what} after {within_s:g} s: {named}")
        await opened.nap(LOOK_S)
    return len(opened.there())
