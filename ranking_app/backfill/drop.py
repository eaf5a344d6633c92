"""Removes what a generation has: topic, group, and directories on this machine; workers remove theirs."""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import replace

import click
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupIdNotFound, KafkaError, NoError, NonEmptyGroup, for_code
from aiokafka.protocol.admin import DeleteGroupsRequest

from ranking_app.backfill.errors import GenerationInUse
from ranking_app.backfill.session import Session, session
from ranking_app.backfill.start import children_directory
from ranking_app.clock import Clock
from ranking_app.generations.control_state import generation_record, prepared_record
from ranking_app.settings import Settings
from ranking_app.topics import delete_topic

STOPPED_WITHIN_S = 60.0
"""For the workers to stop counting it, and for the brokers to forget those that died."""

PAUSE_S = 0.5


async def drop(settings: Settings, clock: Clock, name: str, ask: Callable[[str], bool]) -> None:
    """Remove it for good, after asking. UnknownGeneration, GenerationInUse, TopicNotDeleted.

    Run again for a generation that was dropped, it removes what was left.
    """
    async with session(settings, clock) as opened:
        if name in opened.state.names_used and name not in opened.state.generations:
            click.echo(f"generation {name!r} was dropped before; removing what may be left of it")
        else:
            generation = opened.generation(name)
            _refuse_live(opened, name)
            if not ask(_question(opened, name)):
                click.echo("nothing was changed")
                return
            await opened.control.catch_up()  # the question may have waited for long
            _refuse_live(opened, name)
            dropped = [generation_record(replace(generation, dropped=True))]
            # A promotion that was killed leaves it prepared for ever.
            await opened.write([*dropped, prepared_record(None)] if opened.state.prepared == name else dropped)
        await _wait_until_nobody_counts(opened, name)
        own = settings.of_generation(name, 1)
        await _delete_on_brokers(opened, own.app_id, own.changelog_topic)
        if own.data_dir != settings.data_dir:
            shutil.rmtree(own.data_dir, ignore_errors=True)
        shutil.rmtree(children_directory(settings, name), ignore_errors=True)
        click.echo(
            f"generation {name!r} is dropped: topic {own.changelog_topic}, group {own.app_id}, local directories"
        )


def _refuse_live(opened: Session, name: str) -> None:
    if name == opened.state.live.name:
        raise GenerationInUse(f"generation {name!r} answers: promote another one, or roll back, first")


def _question(opened: Session, name: str) -> str:
    kept = " There is no way back to it after that." if name == opened.state.live.previous else ""
    counting = sum(report.counts == name for report in opened.there())
    moves = f" {counting} workers count it; they go on with the live one." if counting else ""
    return f"Drop generation {name!r} with its tables for good?{moves}{kept}"


async def _wait_until_nobody_counts(opened: Session, name: str) -> None:
    deadline_s = time.monotonic() + STOPPED_WITHIN_S
    while counting := [r.address for r in opened.there() if r.counts == name or name in r.followed]:
        if time.monotonic() > deadline_s:
            raise GenerationInUse(
                f"generation {name!r} is dropped, but {', '.join(counting)} still have it; stop them, and run this "
                "again to remove its topic, group and directories"
            )
        await opened.nap(PAUSE_S)


async def _delete_on_brokers(opened: Session, group: str, topic: str) -> None:
    await delete_topic(topic, opened.options)
    admin = AIOKafkaAdminClient(**opened.options)
    await admin.start()
    try:
        await _delete_group(admin, group)
    finally:
        await admin.close()


async def _delete_group(admin: AIOKafkaAdminClient, group: str) -> None:
    """A group that still has a member (one that died is one for the session timeout) is asked for again."""
    deadline_s = time.monotonic() + STOPPED_WITHIN_S
    while True:
        coordinator = await admin.find_coordinator(group)
        response = await admin._send_request_to_node(coordinator, DeleteGroupsRequest([group]))
        error = for_code(response.results[0][1])
        if error in (NoError, GroupIdNotFound):
            return
        if error is not NonEmptyGroup or time.monotonic() > deadline_s:
            raise _not_deleted(group, error)
        await asyncio.sleep(PAUSE_S)


def _not_deleted(group: str, error: type[KafkaError]) -> GenerationInUse:
    return GenerationInUse(f"group {group!r} could not be deleted: {error.__name__}; run this again to remove it")
