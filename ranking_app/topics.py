"""The topics this app needs: their names, partition counts and configuration; creating and checking them."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from ranking_app.errors import RankingError
from ranking_app.kafka_client import DEFAULT_MAX_MESSAGE_BYTES, max_message_bytes
from ranking_app.settings import Settings

DAY_MS = 24 * 3600 * 1000

CHANGELOG_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""A flush is one record batch; this is the largest that the changelog takes. The writer splits above it."""

RECORD_OVERHEAD_BYTES = 64 * 1024
"""Headers, key and framing that a dead letter has on top of the record it carries."""

CREATE_WAIT_S = 30.0


class WrongPartitionCount(RankingError):
    """A topic exists with another number of partitions than the app is set to use. The app does not start.

    Operator: recreate the topic with the number named, or set RANKING_PARTITIONS (and a new RANKING_APP_ID, since
    the tables of the old number cannot be reused).
    """


class TopicNotCreated(RankingError):
    """A topic is missing and the brokers refused to create it. Operator: read the reason; check rights and brokers."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as the app wants it. config: Kafka's own names and values."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    checked: bool = True
    """False where another partition count does no harm (nothing is co-partitioned with it)."""


def required_topics(settings: Settings) -> list[TopicSpec]:
    """Every topic the app reads or writes, in the order they are created."""
    week = {"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)}
    sources = [TopicSpec(name, settings.partitions, week) for name in settings.source_topics]
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
    return TopicSpec(dead_letter_name(source.name), source.partitions, config)


def changelog_config() -> dict[str, str]:
    """A changelog is compacted soon and in small segments, so that a restore reads little more than the state."""
    return {
        "cleanup.policy": "compact",
        "max.message.bytes": str(CHANGELOG_MAX_MESSAGE_BYTES),
        "segment.bytes": str(64 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.2",
        "delete.retention.ms": str(DAY_MS),
    }


async def ensure_topics(settings: Settings, options: Mapping[str, Any]) -> list[tuple[TopicSpec, bool]]:
    """Create what is missing, check what is there. Returns each topic and whether it was created now.

    WrongPartitionCount names the topic and both numbers; TopicNotCreated gives the brokers' reason.
    """
    specs = required_topics(settings)
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        counts = await _partition_counts(admin, specs)
        for spec in specs:
            _check(spec, counts.get(spec.name))
        brokers = len((await admin.describe_cluster())["brokers"])
        missing = [spec for spec in specs if spec.name not in counts]
        sizes = {s.name: await max_message_bytes(admin, s.name) for s in specs if s.name in counts}
        for spec in missing:
            await _create(admin, _as_large_as_its_source(spec, sizes), replication=min(3, brokers))
        await _wait_until_known(admin, specs)
    finally:
        await admin.close()
    return [(spec, spec in missing) for spec in specs]


async def ensure_topic(spec: TopicSpec, options: Mapping[str, Any]) -> None:
    """Create one more topic if it is missing. TopicNotCreated gives the brokers' reason."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        if spec.name not in await _partition_counts(admin, [spec]):
            brokers = len((await admin.describe_cluster())["brokers"])
            await _create(admin, spec, replication=min(3, brokers))
            await _wait_until_known(admin, [spec])
    finally:
        await admin.close()


async def partition_counts(names: Sequence[str], options: Mapping[str, Any]) -> dict[str, int]:
    """How many partitions those of these topics have that exist."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        found = await admin.describe_topics(list(names))
    finally:
        await admin.close()
    return {topic["topic"]: len(topic["partitions"]) for topic in found if topic["error_code"] == 0}


def _check(spec: TopicSpec, count: int | None) -> None:
    if count is not None and spec.checked and count != spec.partitions:
        raise WrongPartitionCount(
            f"topic {spec.name!r} has {count} partitions, but this app needs {spec.partitions}; recreate the topic "
            f"with {spec.partitions} partitions, or set RANKING_PARTITIONS to what all its topics have together with "
            "a new RANKING_APP_ID"
        )


async def _partition_counts(admin: AIOKafkaAdminClient, specs: list[TopicSpec]) -> dict[str, int]:
    found = await admin.describe_topics([spec.name for spec in specs])
    return {topic["topic"]: len(topic["partitions"]) for topic in found if topic["error_code"] == 0}


def _as_large_as_its_source(spec: TopicSpec, sizes: Mapping[str, int]) -> TopicSpec:
    source = spec.name.removesuffix("-dlt")
    if source == spec.name or source not in sizes:
        return spec
    config = {**spec.config, "max.message.bytes": str(sizes[source] + RECORD_OVERHEAD_BYTES)}
    return TopicSpec(spec.name, spec.partitions, config, spec.checked)


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


async def _wait_until_known(admin: AIOKafkaAdminClient, specs: list[TopicSpec]) -> None:
    """The controller answers before every broker knows: wait until all partitions have a leader."""
    deadline_s = time.monotonic() + CREATE_WAIT_S
    while len(counts := await _partition_counts(admin, specs)) < len(specs):
        if time.monotonic() > deadline_s:
            missing = [spec.name for spec in specs if spec.name not in counts]
            raise TopicNotCreated(f"topics {missing} were created but no broker leads them after {CREATE_WAIT_S:g} s")
        await asyncio.sleep(0.1)
    for spec in specs:
        _check(spec, counts.get(spec.name))
