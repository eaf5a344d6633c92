"""`ranking-app backfill diff`: two generations compared while both go on following, and what differs shown."""

from dataclasses import dataclass

import click

from ranking_app.backfill.errors import GenerationsDiffer, NotPromotable
from ranking_app.backfill.load import GRACE_S, Source, loaded_models, settled_differences
from ranking_app.backfill.session import Session, session
from ranking_app.backfill.show_differences import show
from ranking_app.backfill.trace import Trace
from ranking_app.clock import Clock
from ranking_app.process import read_rules
from ranking_app.settings import Settings


@dataclass(frozen=True, slots=True)
class DiffRules:
    """instants: at how many boards are compared. limit: rows that are shown. as_json: one object per line.

    grace_s: the newest seconds that are not compared, as most of what is still under way is there.
    """

    instants: int
    limit: int
    as_json: bool
    grace_s: int = GRACE_S


async def diff(settings: Settings, clock: Clock, name: str, against: str | None, rules: DiffRules) -> None:
    """Show what differs. GenerationsDiffer (exit code 1) where something does; UnknownGeneration."""
    async with session(settings, clock) as opened:
        old = opened.generation(against or opened.state.live.name).name
        new = opened.generation(name).name
        for one in (old, new):
            _refuse_left_alone(opened, one)
        if not await compare_in(opened, old, new, rules):
            raise GenerationsDiffer(f"generations {old!r} and {new!r} differ, as shown")


def _refuse_left_alone(opened: Session, name: str) -> None:
    """It would be waited for in vain. One that ends at an offset may be complete without workers."""
    if not opened.state.generations[name].ends and not any(report.counts == name for report in opened.there()):
        raise NotPromotable(f"no worker counts generation {name!r}; start them: `ranking-app backfill start {name}`")


async def compare_in(opened: Session, old: str, new: str, rules: DiffRules) -> bool:
    """Whether two generations are equal; what differs is shown."""
    sources = [source_of(opened, name) for name in (old, new)]
    async with loaded_models(sources[0], sources[1], options=opened.options, clock=opened.clock) as (before, after):
        found = await settled_differences(before, after, count=rules.instants, grace_s=rules.grace_s)
        trace = Trace(before.model, after.model, found.compared.until_s)  # no await before show: of the same moment
        return show(found, trace, click.echo, limit=rules.limit, as_json=rules.as_json)


def source_of(opened: Session, name: str) -> Source:
    """A generation as its readers need it. UnknownGeneration."""
    generation = opened.generation(name)
    own = generation.settings(opened.settings)
    return Source(name, own.changelog_topic, read_rules(own, generation), generation.ends)
