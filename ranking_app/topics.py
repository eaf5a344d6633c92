"""The topics this app needs: their names, partition counts and configuration; creating, checking, growing them."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from ranking_app.errors import RankingError
from ranking_app.kafka_client import DEFAULT_MAX_MESSAGE_BYTES, max_message_bytes
from ranking_app.settings import Settings

DAY_MS = 24 * 3600 * 1000

CHANGELOG_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""A flush is one record batch; this is the largest that the changelog takes. The writer splits above it."""

RECORD_OVERHEAD_BYTES = 64 * 1024
"""Headers, key and framing that a dead letter has on top of the record it carries."""

CREATE_WAIT_S = 30.0

METADATA_MAX_AGE_MS = 5_000
"""For the clients that have to notice new partitions of a source topic: they ask the brokers this often."""


class WrongPartitionCount(RankingError):
    """A topic exists with another number of partitions than the app is set to use. The app does not start.

    Operator: recreate the topic with the number named, or set RANKING_PARTITIONS (and a new RANKING_APP_ID, since
    the tables of the old number cannot be reused).
    """


class TopicNotCreated(RankingError):
    """A topic is missing and the brokers refused to create it. Operator: read the reason; check rights and brokers."""


class TopicNotDeleted(RankingError):
    """A topic is still there although the brokers were told to delete it.

    Operator: check rights and brokers, and that delete.topic.enable is not false; then run the command again.
    """


class TopicWouldShrink(RankingError):
    """A topic has more partitions than it shall be grown to: Kafka cannot take partitions away. Nothing was changed.

    Operator: grow to the number that the topic has, or to more.
    """


class TopicNotGrown(RankingError):
    """The brokers refused to add partitions to a topic, or it is missing, or they do not lead the new ones yet.

    Operator: read the reason; check rights and brokers, then grow again: what has enough partitions stays as it is.
    """


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as the app wants it. config: Kafka's own names and values."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    checked: bool = True
    """False where another partition count does no harm (nothing is co-partitioned with it)."""
    grows: bool = False
    """True for source and dead-letter topics: with may_grow they may have fewer partitions than the tables."""


def required_topics(settings: Settings) -> list[TopicSpec]:
    """Every topic the app reads or writes, in the order they are created."""
    week = {"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)}
    sources = [TopicSpec(name, settings.partitions, week, grows=True) for name in settings.source_topics]
    catalogue = TopicSpec(settings.catalogue_topic, 1, {"cleanup.policy": "compact"})
    notifications = TopicSpec(settings.notification_topic, settings.notification_partitions, week, checked=False)
    return [
        *sources,
        catalogue,
        *(dead_letter_topic(spec) for spec in [*sources, catalogue]),
        notifications,
        TopicSpec(settings.changelog_topic, settings.partitions, changelog_config()),
    ]


def dead_letter_name(topic: str) -> str:
    """Where the bad records of a topic go."""
    return f"{topic}-dlt"


def dead_letter_topic(source: TopicSpec) -> TopicSpec:
    """The dead-letter topic of a source: as many partitions, kept 30 days, larger records than the source takes."""
    largest = DEFAULT_MAX_MESSAGE_BYTES + RECORD_OVERHEAD_BYTES
    config = {"cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS), "max.message.bytes": str(largest)}
    return TopicSpec(dead_letter_name(source.name), source.partitions, config, grows=source.grows)


def changelog_config() -> dict[str, str]:
    """A changelog is compacted soon and in small segments, so that a restore reads little more than the state."""
    return {
        "cleanup.policy": "compact",
        "max.message.bytes": str(CHANGELOG_MAX_MESSAGE_BYTES),
        "segment.bytes": str(64 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.2",
        "delete.retention.ms": str(DAY_MS),
    }


async def ensure_topics(
    settings: Settings, options: Mapping[str, Any], *, may_grow: bool = False
) -> list[tuple[TopicSpec, bool]]:
    """Create what is missing, check what is there. Returns each topic and whether it was created now.

    may_grow: a source topic with fewer partitions than the tables will do, if its dead-letter topic has as many.
    WrongPartitionCount names the topic and both numbers; TopicNotCreated gives the brokers' reason.
    """
    specs = required_topics(settings)
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        counts = await _partition_counts(admin, [spec.name for spec in specs])
        _check(specs, counts, may_grow)
        brokers = len((await admin.describe_cluster())["brokers"])
        missing = [spec for spec in specs if spec.name not in counts]
        sizes = {s.name: await max_message_bytes(admin, s.name) for s in specs if s.name in counts}
        for spec in missing:
            await _create(admin, _as_large_as_its_source(spec, sizes), replication=min(3, brokers))
        await _wait_until_known(admin, specs, may_grow)
    finally:
        await admin.close()
    return [(spec, spec in missing) for spec in specs]


async def ensure_control_topics(settings: Settings, options: Mapping[str, Any]) -> list[TopicSpec]:
    """Create the topics that the processes of an app agree by, where they are missing. TopicNotCreated."""
    small = {"segment.bytes": str(16 * 1024 * 1024)}
    reports = {"cleanup.policy": "delete", "retention.ms": str(3600 * 1000), **small}
    specs = [
        TopicSpec(settings.control_topic, 1, {"cleanup.policy": "compact", **small}),
        TopicSpec(settings.instances_topic, 1, reports),
    ]
    for spec in specs:
        await ensure_topic(spec, options)
    return specs


async def ensure_topic(spec: TopicSpec, options: Mapping[str, Any]) -> None:
    """Create one more topic if it is missing. TopicNotCreated gives the brokers' reason."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        if spec.name not in await _partition_counts(admin, [spec.name]):
            brokers = len((await admin.describe_cluster())["brokers"])
            await _create(admin, spec, replication=min(3, brokers))
            await _wait_until_known(admin, [spec])
    finally:
        await admin.close()


async def grow_source_topics(
    settings: Settings, options: Mapping[str, Any], partitions: int
) -> list[tuple[str, int, int]]:
    """Give the reservation topics and their dead-letter topics this many partitions, where they have fewer.

    Returns (topic, count before, count now) of those that were grown. Dead-letter topics come first: a bad record of
    a new partition finds its own. Returns when every broker knows a leader of every new partition. TopicWouldShrink
    before anything is changed; TopicNotGrown, after which it can be called again.
    """
    names = [*map(dead_letter_name, settings.source_topics), *settings.source_topics]
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        counts = await _partition_counts(admin, names)
        _check_growth(names, counts, partitions)
        short = [name for name in names if counts[name] < partitions]
        for name in short:
            await _grow(admin, name, partitions)
            await _wait_until_led(options, name, partitions)
    finally:
        await admin.close()
    return [(name, counts[name], partitions) for name in short]


async def delete_topic(name: str, options: Mapping[str, Any]) -> None:
    """Delete a topic, if it is there, and wait until the brokers know. TopicNotDeleted if they do not in time."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        if name not in await admin.list_topics():
            return
        await admin.delete_topics([name])
        deadline_s = time.monotonic() + CREATE_WAIT_S
        while name in await admin.list_topics():
            if time.monotonic() > deadline_s:
                raise TopicNotDeleted(f"topic {name!r} was deleted, but is still there {CREATE_WAIT_S:g} s later")
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def partition_counts(names: Sequence[str], options: Mapping[str, Any]) -> dict[str, int]:
    """How many partitions those of these topics have that exist."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        return await _partition_counts(admin, names)
    finally:
        await admin.close()


def _check(specs: Sequence[TopicSpec], counts: Mapping[str, int], may_grow: bool) -> None:
    for spec in specs:
        count = counts.get(spec.name, spec.partitions)
        allowed = count == spec.partitions or (may_grow and spec.grows and count < spec.partitions)
        if spec.checked and not allowed:
            raise WrongPartitionCount(
                f"topic {spec.name!r} has {count} partitions, but this app needs {spec.partitions}; recreate the "
                f"topic with {spec.partitions} partitions, or set RANKING_PARTITIONS to what all its topics have "
                "together with a new RANKING_APP_ID"
            )
        letters = dead_letter_name(spec.name)
        if may_grow and spec.grows and counts.get(letters, count) < count:
            raise WrongPartitionCount(
                f"topic {letters!r} has {counts[letters]} partitions and its source {count}: a bad record goes to the "
                f"partition of the same number; give {letters!r} at least {count} partitions"
            )


def _check_growth(names: Sequence[str], counts: Mapping[str, int], partitions: int) -> None:
    for name in names:
        if name not in counts:
            raise TopicNotGrown(f"topic {name!r} does not exist")
        if counts[name] > partitions:
            raise TopicWouldShrink(
                f"topic {name!r} has {counts[name]} partitions, more than {partitions}: partitions cannot be taken away"
            )


async def _partition_counts(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    found = await admin.describe_topics(list(names))
    return {topic["topic"]: len(topic["partitions"]) for topic in found if topic["error_code"] == 0}


def _as_large_as_its_source(spec: TopicSpec, sizes: Mapping[str, int]) -> TopicSpec:
    source = spec.name.removesuffix("-dlt")
    if source == spec.name or source not in sizes:
        return spec
    config = {**spec.config, "max.message.bytes": str(sizes[source] + RECORD_OVERHEAD_BYTES)}
    return replace(spec, config=config)


async def _create(admin: AIOKafkaAdminClient, spec: TopicSpec, replication: int) -> None:
    config = dict(spec.config)
    if replication >= 3:
        config["min.insync.replicas"] = "2"
    topic = NewTopic(spec.name, spec.partitions, replication, topic_configs=config)
    try:
        response = await admin.create_topics([topic])
    except KafkaError as exc:
        raise TopicNotCreated(f"topic {spec.name!r} is missing and could not be created: {exc}") from exc
    for name, code, *reason in response.topic_errors:
        error = for_code(code)
        if code != 0 and error is not TopicAlreadyExistsError:  # another worker was quicker: fine
            raise TopicNotCreated(f"topic {name!r} is missing and could not be created: {error.__name__} {reason}")


async def _wait_until_known(admin: AIOKafkaAdminClient, specs: list[TopicSpec], may_grow: bool = False) -> None:
    """The controller answers before every broker knows: wait until all partitions have a leader."""
    names = [spec.name for spec in specs]
    deadline_s = time.monotonic() + CREATE_WAIT_S
    while len(counts := await _partition_counts(admin, names)) < len(specs):
        if time.monotonic() > deadline_s:
            missing = [name for name in names if name not in counts]
            raise TopicNotCreated(f"topics {missing} were created but no broker leads them after {CREATE_WAIT_S:g} s")
        await asyncio.sleep(0.1)
    _check(specs, counts, may_grow)


async def _grow(admin: AIOKafkaAdminClient, name: str, partitions: int) -> None:
    try:
        await admin.create_partitions({name: NewPartitions(partitions)})
    except KafkaError as exc:
        # Somebody else was quicker, or the answer came too late: what counts is how many there are.
        if (await _partition_counts(admin, [name])).get(name, 0) < partitions:
            raise TopicNotGrown(f"topic {name!r} could not be grown to {partitions} partitions: {exc}") from exc


async def _wait_until_led(options: Mapping[str, Any], name: str, partitions: int) -> None:
    """Return when every broker names a leader for every partition: producers and workers ask any of them."""
    client = AIOKafkaClient(**options)
    deadline_s = time.monotonic() + CREATE_WAIT_S
    try:
        await client.bootstrap()
        while not await _is_led(client, name, partitions):
            if time.monotonic() > deadline_s:
                raise TopicNotGrown(
                    f"topic {name!r} was grown to {partitions} partitions, but after {CREATE_WAIT_S:g} s not every "
                    "broker knows a leader for each"
                )
            await asyncio.sleep(0.1)
    finally:
        await client.close()


async def _is_led(client: AIOKafkaClient, name: str, partitions: int) -> bool:
    for broker in client.cluster.brokers():
        try:
            response = await client.send(broker.nodeId, MetadataRequest([name]))
        except KafkaError:  # it is away: asked again, or gone from the list of brokers by then
            await client.force_metadata_update()
            return False
        (topic,) = response.to_object()["topics"]
        led = [part for part in topic["partitions"] if part["leader"] >= 0]
        if len(led) < partitions:
            return False
    return True
