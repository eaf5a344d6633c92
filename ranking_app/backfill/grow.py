"""`ranking-app topics`: the topics as the live generation needs them, and growing the sources up to its tables."""

import click
import structlog

from ranking_app.backfill.errors import GenerationTooSmall
from ranking_app.backfill.session import session
from ranking_app.clock import Clock
from ranking_app.kafka_client import retried
from ranking_app.settings import BASE, Settings
from ranking_app.topics import ensure_control_topics, ensure_topics, grow_source_topics


async def check_topics(settings: Settings, clock: Clock) -> None:
    """Create what is missing, check what is there, print each."""
    async with session(settings, clock, waits=False) as opened:
        generation = opened.state.live_generation
        own, log = generation.settings(settings), structlog.get_logger()
        specs = await retried(
            lambda: ensure_topics(own, opened.options, may_grow=generation.name != BASE), settings.broker_wait, log
        )
        for spec, created in specs:
            click.echo(f"{'created' if created else 'exists '}  {spec.name}  ({spec.partitions} partitions)")
        for spec in await ensure_control_topics(settings, opened.options):
            click.echo(f"exists   {spec.name}  ({spec.partitions} partitions)")


async def grow_topics(settings: Settings, clock: Clock) -> None:
    """As many partitions as the live tables have. GenerationTooSmall where others would miss the new ones."""
    async with session(settings, clock, waits=False) as opened:
        partitions = opened.state.live_generation.partitions
        small = sorted(g.name for g in opened.state.generations.values() if g.partitions < partitions)
        if small:
            raise GenerationTooSmall(
                f"generations {', '.join(small)} have fewer than {partitions} partitions and would miss what comes to "
                "new ones; drop them first: `ranking-app backfill drop`"
            )
        grown = await grow_source_topics(opened.state.live_generation.settings(settings), opened.options, partitions)
        for topic, before, now in grown:
            click.echo(f"grown    {topic}  ({before} to {now} partitions)")
        if not grown:
            click.echo(f"nothing to do: the source topics have {partitions} partitions")
