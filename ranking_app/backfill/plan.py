"""From where to where a new generation counts: by the offsets of brokers and archives, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from ranking_app.archive.files import ArchiveFile, read_records
from ranking_app.archive.plan import Archives
from ranking_app.backfill.errors import NoData, OffsetsGone, WrongArchives
from ranking_app.generations.generation import Generation
from ranking_app.kafka_client import reader, started
from ranking_app.settings import Settings
from ranking_app.topics import partition_counts


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. from_ms, to_ms: by the records' timestamps; None: all there is, and for ever.

    topics: those that are counted; empty: all. partitions: of the tables; None: as many as the live generation has.
    """

    name: str
    from_ms: int | None = None
    to_ms: int | None = None
    topics: tuple[str, ...] = ()
    archives: tuple[Path, ...] = ()
    partitions: int | None = None
    accept_gaps: bool = False

    @property
    def has_options(self) -> bool:
        """Whether it says more than a name."""
        return self != Wish(self.name)


@dataclass(frozen=True, slots=True)
class Held:
    """What there is of one source partition, half-open. first, end: on the brokers; archived: in files, merged."""

    topic: str
    partition: int
    first: int
    end: int
    archived: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        """The first offset that there is."""
        return min([self.first, *(first for first, _ in self.archived)])

    def gone(self, start: int) -> list[tuple[int, int]]:
        """What is missing from start on, half-open."""
        missing, at = [], start
        for first, after in sorted([*self.archived, (self.first, max(self.end, self.first))]):
            if first > at:
                missing.append((at, first))
            at = max(at, after)
        return [(first, min(after, self.first)) for first, after in missing if first < self.first]


async def plan(
    wish: Wish, archives: Archives, settings: Settings, options: Mapping[str, Any], partitions: int, now_ms: int
) -> Generation:
    """The generation that was wished for. archives: those that the wish names; their records are not checked here.

    NoData, OffsetsGone, WrongArchives; and what the archives raise.
    """
    _check_archives(archives, settings)
    async with started(reader(options)) as consumer:
        counts = await partition_counts(settings.source_topics, options)
        held = await _held(consumer, settings.source_topics, counts, archives)
        starts = await _starts(consumer, wish, held, archives)
        ends = await _ends(consumer, wish, held, archives)
    _refuse_strangers(held, archives, partitions)
    if not wish.accept_gaps:
        _refuse_gaps(wish, held, starts)
    for topic in settings.source_topics:
        if wish.topics and topic not in wish.topics:
            ends[topic] = starts[topic]
    found = [path.resolve() for path in _all_paths(archives)]
    if not found and not any(_has_records(one, starts, ends) for one in held) and (wish.from_ms or wish.to_ms):
        raise NoData("no record is in the range that was named; the times are those at which records were published")
    return Generation(
        name=wish.name,
        partitions=partitions,
        created_at_ms=now_ms,
        archives=tuple(map(str, found)),
        starts=starts,
        ends=ends,
        gaps_accepted=wish.accept_gaps,
    )


def _all_paths(archives: Archives) -> list[Path]:
    return [file.path for files in archives.parquet.values() for file in files] + list(archives.lines)


def _check_archives(archives: Archives, settings: Settings) -> None:
    for topic, _ in archives.parquet:
        if topic not in settings.source_topics:
            names = " and ".join(settings.source_topics)
            raise WrongArchives(f"an archive of topic {topic!r} was named; this app counts {names}")


async def _held(
    consumer: AIOKafkaConsumer, topics: Sequence[str], counts: Mapping[str, int], archives: Archives
) -> list[Held]:
    tps = [TopicPartition(topic, number) for topic in topics for number in range(counts.get(topic, 0))]
    begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    return [
        Held(
            tp.topic,
            tp.partition,
            begins[tp],
            ends[tp],
            tuple((span[0], span[1]) for span in archives.covers(tp.topic, tp.partition)),
        )
        for tp in tps
    ]


async def _starts(
    consumer: AIOKafkaConsumer, wish: Wish, held: Sequence[Held], archives: Archives
) -> dict[str, tuple[int, ...]]:
    found = {one: one.start for one in held}
    if wish.from_ms is not None:
        at = await consumer.offsets_for_times({TopicPartition(o.topic, o.partition): wish.from_ms for o in held})
        for one in held:
            on_brokers = at[TopicPartition(one.topic, one.partition)]
            archived = _archived_since(archives.after(one.topic, one.partition, 0), wish.from_ms)
            offsets = [one.end if on_brokers is None else on_brokers.offset, *([] if archived is None else [archived])]
            found[one] = min(offsets)
    return _by_topic(held, found)


def _archived_since(files: Sequence[ArchiveFile], from_ms: int) -> int | None:
    """The first offset that is archived with a timestamp of from_ms or later."""
    for file in files:
        for records in read_records(file, file.first_offset):
            for record in records:
                if record.timestamp >= from_ms:
                    return record.offset
    return None


async def _ends(
    consumer: AIOKafkaConsumer, wish: Wish, held: Sequence[Held], archives: Archives
) -> dict[str, tuple[int, ...]]:
    if wish.to_ms is None:
        return {}
    at = await consumer.offsets_for_times({TopicPartition(o.topic, o.partition): wish.to_ms for o in held})
    found = {}
    for one in held:
        on_brokers = at[TopicPartition(one.topic, one.partition)]
        archived = _archived_since(archives.after(one.topic, one.partition, 0), wish.to_ms)
        offsets = [one.end if on_brokers is None else on_brokers.offset, *([] if archived is None else [archived])]
        found[one] = min(offsets)
    return _by_topic(held, found)


def _refuse_strangers(held: Sequence[Held], archives: Archives, partitions: int) -> None:
    """Archives of another cluster, of a topic that was made anew since, or of partitions that nobody would count."""
    ends = {(one.topic, one.partition): one.end for one in held if one.partition < partitions}
    for (topic, partition), files in archives.parquet.items():
        if (topic, partition) not in ends:
            raise WrongArchives(
                f"{files[-1].path} is of {topic!r} partition {partition}; the tables would have {partitions} "
                "partitions, and the topic has no more: name archives of this topic, or --partitions"
            )
        if files[-1].next_offset > ends[topic, partition]:
            raise WrongArchives(
                f"{files[-1].path} goes up to offset {files[-1].next_offset}, but {topic!r} partition {partition} ends "
                f"at {ends[topic, partition]}: it was made anew, or the archive is of another cluster"
            )


def _by_topic(held: Sequence[Held], offsets: Mapping[Held, int]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for one in held:
        found[one.topic] = (*found.get(one.topic, ()), offsets[one])
    return found


def _refuse_gaps(wish: Wish, held: Sequence[Held], starts: Mapping[str, tuple[int, ...]]) -> None:
    """Holes between what is there. What is before all of it counts only where a time was named that it may be after."""
    gone = []
    for one in held:
        if wish.topics and one.topic not in wish.topics:
            continue
        start = starts[one.topic][one.partition]
        before = [(0, start)] if wish.from_ms is not None and start == one.start > 0 else []
        gone += [f"{one.topic} partition {one.partition}: {a} to {b - 1}" for a, b in [*before, *one.gone(start)]]
    if gone:
        raise OffsetsGone(
            "offsets that may belong to the range are neither on the brokers nor in the archives named: "
            f"{'; '.join(gone)}; name the archives that hold them, or take what there is with --accept-gaps"
        )


def _has_records(one: Held, starts: Mapping[str, tuple[int, ...]], ends: Mapping[str, tuple[int, ...]]) -> bool:
    end = ends[one.topic][one.partition] if one.topic in ends else one.end
    return starts[one.topic][one.partition] < end
