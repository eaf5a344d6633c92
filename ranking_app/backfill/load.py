"""Two generations loaded side by side from their changelogs, and compared while both go on following.

Events keep coming, and one generation has them a moment before the other. So what differs is looked at again once both
have applied all that the source topics held after the look before. A generation only ever adds events: if a schedule's
numbers stayed the same on both sides between two such looks, neither got an event in between, both have all there was
before, and they differ for good.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ranking_app.backfill.compare import TOP, Comparison, Question, instants_between
from ranking_app.backfill.differences import Differences
from ranking_app.clock import Clock
from ranking_app.errors import RankingError, WrongUse
from ranking_app.kafka_client import reader, retried, started
from ranking_app.metrics import Metrics
from ranking_app.read_model.follower import Follower
from ranking_app.read_model.sources import CATALOGUE, SourceKey
from ranking_app.read_model.state import ReadModel, ReadRules
from ranking_app.topics import partition_counts
from ranking_app.upstream.odd_batches import read_odd_batches
from ranking_app.upstream.plain_records import plain_records
from schemas.times import FIRST_S

LOAD_TIMEOUT_S = 600.0
SETTLE_TIMEOUT_S = 120.0

INSTANTS = 24

GRACE_S = 10
"""Seconds before the newest event that are not compared: most of what is still under way is there."""

ROUNDS = 10
"""Looks at what differs, with pauses that double up to MAX_PAUSE_S: half a minute, for events that come late."""

FIRST_PAUSE_S, MAX_PAUSE_S = 0.2, 5.0

POLL_S = 0.1

ENDS_WAIT_MS = 10_000
"""How long the ends of topics are asked for again while a broker is away."""

_log = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
"""Quiet: what a follower tells of its progress is not what was asked for."""


class NoSuchGeneration(WrongUse):
    """A generation's changelog does not exist, or has another number of partitions than the generation.

    Operator: `ranking-app backfill list` shows the generations there are; check RANKING_APP_ID and the name.
    """


class GenerationNotLoaded(RankingError):
    """A generation's changelog was not read to its end in time. Operator: look at the brokers, or give it longer."""

    retriable = True


class GenerationUnreadable(RankingError):
    """Reading a generation ended with an error. Operator: read the reason, look at the brokers, compare again."""

    retriable = True


class GenerationBehind(RankingError):
    """A generation has not applied in time what its source topics held, so it cannot be compared.

    Operator: see that its workers run and come forward (the message says where it stands), then compare again.
    """

    retriable = True


@dataclass(frozen=True, slots=True)
class Source:
    """A generation as its readers need it. name: for messages; rules: its topics and the partitions of its tables.

    ends: by source topic, the offset of each partition from which on it counts no more; others are followed for ever.
    """

    name: str
    changelog_topic: str
    rules: ReadRules
    ends: Mapping[str, Sequence[int]] = field(default_factory=dict)


Ends = Mapping[SourceKey, int]
"""The offset, exclusive, up to which there is something to apply: of the catalogue, and of each reservation partition
that the tables count. A topic may have grown beyond them: what is there is missing, and a difference."""


@dataclass(slots=True)
class LoadedModel:
    """A generation's read model, which goes on following. ask_ends: where its source topics end at this moment."""

    name: str
    model: ReadModel
    ask_ends: Callable[[], Awaitable[Ends]]
    failures: list[BaseException] = field(default_factory=list)
    """What ended the following; nothing while it goes on."""

    async def wait(self, waits_for: Callable[[], str | None], deadline_s: float, late: type[RankingError]) -> None:
        """Until waits_for says None. deadline_s: of time.monotonic; then `late` with what it still waits for.

        GenerationUnreadable.
        """
        while (missing := waits_for()) is not None:
            if self.failures:
                raise GenerationUnreadable(f"generation {self.name!r}: {self.failures[0]!r}") from self.failures[0]
            if time.monotonic() >= deadline_s:
                raise late(f"generation {self.name!r}: {missing}")
            await asyncio.sleep(POLL_S)

    async def wait_until_applied(self, ends: Ends, deadline_s: float) -> None:
        """Until it has applied everything before these ends. GenerationBehind, GenerationUnreadable."""
        await self.wait(lambda: self._behind(ends), deadline_s, GenerationBehind)
        await asyncio.sleep(POLL_S)  # a position may be there one slice before the rest of its flush

    def not_loaded(self) -> str | None:
        """What `wait` is to say while it loads."""
        return None if self.model.loaded else f"loading, {self.model.panes:,} panes so far"

    def _behind(self, ends: Ends) -> str | None:
        sources = [*self.model.sources(), CATALOGUE]
        for source, state in zip(sources, self.model.completeness(0).partitions, strict=True):
            end = ends.get(source, 0)
            if state.offset < end:
                return f"{state.topic!r} partition {state.partition} is applied up to {state.offset} of {end}"
        return None


@contextlib.asynccontextmanager
async def loaded_models(
    old: Source, new: Source, *, options: Mapping[str, Any], clock: Clock, timeout_s: float = LOAD_TIMEOUT_S
) -> AsyncIterator[tuple[LoadedModel, LoadedModel]]:
    """Both read models, complete, and following until the end of the block. options: kafka_client.client_options.

    NoSuchGeneration, GenerationNotLoaded, GenerationUnreadable.
    """
    deadline_s = time.monotonic() + timeout_s
    read_odd_batches()
    async with contextlib.AsyncExitStack() as stack:
        try:
            await _check_changelogs((old, new), options)
            asking = await stack.enter_async_context(started(_new_reader(options)))
            loaded = [
                await stack.enter_async_context(_following(source, options, clock, asking)) for source in (old, new)
            ]
        except KafkaError as exc:
            raise GenerationUnreadable(f"generations {old.name!r} and {new.name!r}: {exc!r}") from exc
        for generation in loaded:
            await generation.wait(generation.not_loaded, deadline_s, GenerationNotLoaded)
        yield loaded[0], loaded[1]


async def settled_differences(
    old: LoadedModel,
    new: LoadedModel,
    *,
    instants_s: Sequence[int] | None = None,
    count: int = INSTANTS,
    top: int = TOP,
    until_s: int | None = None,
    grace_s: int = GRACE_S,
    timeout_s: float = SETTLE_TIMEOUT_S,
) -> Differences:
    """What differs between two generations that follow live events, once it has come to rest.

    instants_s: when boards are compared; by default `count` of them, from the first sale on.
    until_s: seconds from there on are not compared; by default those of the last grace_s seconds before the newest
    event of either (of the newer one: else a generation that lost its newest events would pass).
    What is still changing after ROUNDS looks or timeout_s is a difference.
    GenerationBehind, GenerationUnreadable.
    """
    deadline_s = time.monotonic() + timeout_s
    await _both_applied(old, new, deadline_s)
    if until_s is None:
        until_s = _cut_s(old.model, new.model, grace_s)
    if instants_s is None:
        instants_s = _instants(old.model, new.model, until_s, count)
    question = Question(tuple(sorted(set(instants_s))), top, until_s)
    found, pause_s = await _compared(old, new, question), FIRST_PAUSE_S
    for _ in range(ROUNDS):
        if found.equal:
            break
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_PAUSE_S)
        await _both_applied(old, new, deadline_s)
        again = replace(await _compared(old, new, question, found), compared=found.compared)
        if again.same_rows(found) or time.monotonic() >= deadline_s:
            return again
        found = again
    return found


async def _compared(
    old: LoadedModel, new: LoadedModel, question: Question, again: Differences | None = None
) -> Differences:
    comparison = Comparison(old.model, new.model, question, again)
    for _ in comparison.steps():
        await asyncio.sleep(0)
    return comparison.found()


async def _both_applied(old: LoadedModel, new: LoadedModel, deadline_s: float) -> None:
    """Until both have applied what their topics hold now. The ends are asked first: they are later than any look."""
    ends = [await generation.ask_ends() for generation in (old, new)]
    for generation, own in zip((old, new), ends, strict=True):
        await generation.wait_until_applied(own, deadline_s)


def _cut_s(old: ReadModel, new: ReadModel, grace_s: int) -> int | None:
    """grace_s before the end of the newest event's second; None where nothing was ever counted."""
    watermarks = [model.position(source).watermark_ms for model in (old, new) for source in model.sources()]
    known = [at_ms for at_ms in watermarks if at_ms is not None]
    return max(known) // 1000 + 1 - grace_s if known else None


def _instants(old: ReadModel, new: ReadModel, until_s: int | None, count: int) -> list[int]:
    seconds = [
        schedule.curve.first_second_from(FIRST_S) for model in (old, new) for schedule in model.schedules.values()
    ]
    first_s = min((at_s for at_s in seconds if at_s is not None), default=None)
    if first_s is None or until_s is None:
        return []
    return instants_between(min(first_s, until_s), until_s, count)


async def _check_changelogs(sources: Sequence[Source], options: Mapping[str, Any]) -> None:
    counts = await partition_counts([source.changelog_topic for source in sources], options)
    for source in sources:
        count = counts.get(source.changelog_topic)
        if count != source.rules.partitions:
            there = "does not exist" if count is None else f"has {count} partitions"
            raise NoSuchGeneration(
                f"generation {source.name!r}: expected topic {source.changelog_topic!r} with {source.rules.partitions} "
                f"partitions; it {there}"
            )


@contextlib.asynccontextmanager
async def _following(
    source: Source, options: Mapping[str, Any], clock: Clock, asking: AIOKafkaConsumer
) -> AsyncIterator[LoadedModel]:
    model = ReadModel(source.rules, clock)

    async def ask_ends() -> Ends:
        counted = [key for key in model.sources() if key.partition < source.rules.partitions]
        tps = {key: TopicPartition(model.topic_of(key), key.partition) for key in (*counted, CATALOGUE)}
        try:
            ends = await retried(lambda: asking.end_offsets(list(tps.values())), ENDS_WAIT_MS, _log)
        except KafkaError as exc:
            raise GenerationUnreadable(f"generation {source.name!r}: where its topics end: {exc!r}") from exc
        return {key: _capped(ends[tp], source.ends.get(tp.topic, ()), tp.partition) for key, tp in tps.items()}

    loaded = LoadedModel(source.name, model, ask_ends)
    follower = Follower(
        model,
        source.changelog_topic,
        source.rules.partitions,
        make_reader=lambda: _new_reader(options),
        on_failure=loaded.failures.append,
        metrics=Metrics(),
        log=_log,
    )
    try:
        await follower.start()
        yield loaded
    finally:
        await follower.stop()


def _capped(end: int, last_ends: Sequence[int], partition: int) -> int:
    return min(end, last_ends[partition]) if partition < len(last_ends) else end


def _new_reader(options: Mapping[str, Any]) -> AIOKafkaConsumer:
    return reader(options, isolation_level="read_committed", key_deserializer=plain_records)
