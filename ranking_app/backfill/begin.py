"""Makes a generation: its changelog, the positions it begins at, and its record on the control topic, in this order.

A command that dies in between leaves a changelog that nobody reads; the next one of that name makes it anew.
"""

import asyncio
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaProducer

from ranking_app.archive.files import check_file
from ranking_app.archive.lines import check_lines
from ranking_app.archive.plan import Archives
from ranking_app.backfill.errors import BackfillRuns, NameUsed, PlanDiffers
from ranking_app.backfill.plan import Wish, plan
from ranking_app.backfill.session import Session
from ranking_app.generations.control_state import generation_record
from ranking_app.generations.generation import Generation
from ranking_app.kafka_client import started, writer
from ranking_app.settings import BASE, Settings
from ranking_app.topics import delete_topic, ensure_topics
from schemas.decode import DecodeRules
from schemas.produce_line import TopicNames
from tables.layout import position_key
from tables.position import Position

LOOK_S = 0.1


async def begin(session: Session, wish: Wish) -> tuple[Generation, bool]:
    """The generation that was wished for, and whether it is new. Raises what backfill/errors.py and plan() name."""
    known = session.state.generations.get(wish.name)
    if known is not None:
        await _refuse_to_go_on(session, wish)
        return known, False
    if wish.name in session.state.names_used or wish.name == BASE:
        raise NameUsed(f"there was a generation {wish.name!r} before; choose another name")
    settings = session.settings
    archives = await asyncio.to_thread(Archives.at, wish.archives)
    partitions = wish.partitions or session.state.live_generation.partitions
    found = await plan(wish, archives, settings, session.options, partitions, session.clock.now_ms())
    # After the plan: to read the files may take minutes, and a plan that is refused says so at once.
    line_events = await asyncio.to_thread(_check, archives, settings, session.clock.now_ms())
    made = replace(found, line_events=line_events)
    own = made.settings(settings)
    await delete_topic(own.changelog_topic, session.options)
    await ensure_topics(own, session.options, may_grow=True)
    async with started(writer(session.options)) as producer:
        await _write_starts(producer, made, own)
    await session.write([generation_record(made)])
    return made, True


async def _refuse_to_go_on(session: Session, wish: Wish) -> None:
    if running := await _who_counts(session, wish.name):
        raise BackfillRuns(
            f"workers of generation {wish.name!r} run already, at {', '.join(running)}; look at `backfill status`, or "
            "choose another name"
        )
    if wish.has_options:
        raise PlanDiffers(
            f"generation {wish.name!r} has been begun; to go on with it leave the options out, or choose another name"
        )


def _check(archives: Archives, settings: Settings, now_ms: int) -> int:
    """Archives are read to their end before anything is made: half a file is never counted.

    How many events are in the NDJSON files.
    """
    for files in archives.parquet.values():
        for file in files:
            check_file(file)
    topics, rules = TopicNames.of(settings), DecodeRules.of_sources(settings)
    return sum(check_lines(path, topics, rules, now_ms) for path in archives.lines)


async def _who_counts(session: Session, name: str) -> list[str]:
    """Who speaks again; those that were killed a moment ago do not. A living one speaks once a second."""
    last_ms: dict[str, int] = {}
    while there := [report for report in session.there() if report.counts == name]:
        spoke = [report.address for report in there if report.at_ms > last_ms.setdefault(report.instance, report.at_ms)]
        if spoke:
            return spoke
        await session.nap(LOOK_S)
    return []


async def _write_starts(producer: AIOKafkaProducer, made: Generation, own: Settings) -> None:
    """Positions of partitions that do not begin at offset 0: where they stand nobody asks the group's offsets."""
    sent: list[Any] = []
    for role, topic in enumerate(own.source_topics):
        for partition, offset in enumerate(made.starts.get(topic, ())):
            if offset:
                key, value = position_key(role, partition), Position(next_offset=offset).encode()
                sent.append(await producer.send(own.changelog_topic, key=key, value=value, partition=partition))
    for future in sent:
        await future
