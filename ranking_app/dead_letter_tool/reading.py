"""Reads dead-letter topics: from here to where they end now, in the order of topic, partition and offset."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ranking_app.dead_letter_tool.errors import NoSuchLetter, WrongPosition
from ranking_app.dead_letter_tool.letters import Letter, Position, Wanted, letter_of
from ranking_app.errors import RankingError, TopicMissing
from ranking_app.kafka_client import close, partitions_of, reader
from ranking_app.topics import dead_letter_name, partition_counts
from ranking_app.upstream.odd_batches import read_odd_batches

POLL_MS = 1_000
POLL_RECORDS = 500
"""A letter may have a megabyte: this bounds what is held at once."""

SILENT_POLLS = 30
"""So many empty polls before the end that was named: the brokers do not give what they said they have."""


class BrokersSilent(RankingError):
    """The brokers named an end of a topic, and do not give the records before it. Operator: look at the brokers."""

    retriable = True


Span = tuple[TopicPartition, int, int]
"""A partition, the first offset to be read, and the one after the last."""


class LetterReader:
    """Reads letters. Made by letter_reader()."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: Mapping[str, int]) -> None:
        self._consumer = consumer
        self._partitions = partitions

    async def spans(self, wanted: Wanted, newest: int | None = None) -> list[Span]:
        """Where wanted letters may stand now, bounded by the ends of this moment.

        newest: no more than so many are wanted in all, so that no partition need be read further back; only used
        where the filter takes any letter. TopicMissing.
        """
        found: list[Span] = []
        for source in wanted.sources:
            tps = self._letters_of(source)
            begins = await self._consumer.beginning_offsets(tps)
            ends = await self._consumer.end_offsets(tps)
            if wanted.since_ms is not None:
                later = await self._consumer.offsets_for_times(dict.fromkeys(tps, max(wanted.since_ms, 0)))
                begins = {tp: ends[tp] if at is None else max(at.offset, begins[tp]) for tp, at in later.items()}
            if newest is not None and wanted.takes_any:
                begins = {tp: max(begin, ends[tp] - newest) for tp, begin in begins.items()}
            found += [(tp, begins[tp], ends[tp]) for tp in tps if begins[tp] < ends[tp]]
        return found

    async def letters(self, spans: Sequence[Span], wanted: Wanted) -> AsyncIterator[Letter]:
        """The wanted letters of these spans, in their order. BrokersSilent."""
        for tp, begin, end in spans:
            source = tp.topic.removesuffix("-dlt")
            async for record in self._records(tp, begin, end):
                letter = letter_of(source, record)
                if wanted.takes(letter):
                    yield letter

    async def at(self, position: Position, sources: Sequence[str]) -> Letter:
        """The letter at a position. NoSuchLetter; WrongPosition where several topics have one there."""
        found: list[Letter] = []
        for source in sources if position.topic is None else (position.topic,):
            tp = TopicPartition(dead_letter_name(source), position.partition)
            if tp not in self._letters_of(source):
                continue
            begin, end = (
                (await self._consumer.beginning_offsets([tp]))[tp],
                (await self._consumer.end_offsets([tp]))[tp],
            )
            if begin <= position.offset < end:
                spans = self._records(tp, position.offset, position.offset + 1)
                found += [letter_of(source, r) async for r in spans if r.offset == position.offset]
        if not found:
            raise NoSuchLetter(
                f"no dead letter stands at {position}; `ranking-app dead-letters list` shows those there are"
            )
        if len(found) > 1:
            several = ", ".join(str(letter.position) for letter in found)
            raise WrongPosition(f"{position} is a letter on several topics; say which: {several}")
        return found[0]

    def _letters_of(self, source: str) -> list[TopicPartition]:
        name = dead_letter_name(source)
        if name not in self._partitions:
            raise TopicMissing(f"topic {name!r} does not exist; `ranking-app topics` creates the topics of this app")
        return partitions_of(name, self._partitions[name])

    async def _records(self, tp: TopicPartition, begin: int, end: int) -> AsyncIterator[Any]:
        consumer, silent = self._consumer, 0
        consumer.assign([tp])
        consumer.seek(tp, begin)
        while await consumer.position(tp) < end:
            fetched = await consumer.getmany(tp, timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            silent = 0 if fetched else silent + 1
            if silent >= SILENT_POLLS:
                raise BrokersSilent(f"{tp.topic!r} partition {tp.partition} ends at {end}, but nothing comes before it")
            for record in fetched.get(tp, ()):
                if record.offset >= end:
                    return
                yield record


@asynccontextmanager
async def letter_reader(options: Mapping[str, Any], sources: Sequence[str]) -> AsyncIterator[LetterReader]:
    """A LetterReader of these sources' dead letters, closed at the end. BrokersSilent where none can be reached."""
    read_odd_batches()
    consumer = reader(options, isolation_level="read_committed")
    try:
        try:
            partitions = await partition_counts([dead_letter_name(source) for source in sources], options)
            await consumer.start()
        except KafkaError as exc:
            raise BrokersSilent(f"the brokers at {options['bootstrap_servers']} do not answer: {exc}") from exc
        try:
            yield LetterReader(consumer, partitions)
        except KafkaError as exc:
            raise BrokersSilent(f"dead letters could not be read to their end: {exc!r}") from exc
    finally:
        await close(consumer)
