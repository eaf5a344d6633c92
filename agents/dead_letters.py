"""Bad records on their way to `<topic>-dlt`: same partition, untouched, with the headers Spring Kafka writes.

A letter that is larger than its topic takes is compressed; the source record may have been, too. One that is too
large even then (somebody gave the dead-letter topic a smaller max.message.bytes than its source) is cut, and says so
in a header: it must not hold up everything after it for ever, and the whole record still is on the source topic.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBase, DefaultRecordBatchBuilder

from ranking_app.errors import RankingError
from ranking_app.kafka_client import DEFAULT_MAX_MESSAGE_BYTES, max_message_bytes
from ranking_app.topics import dead_letter_name
from schemas.dead_letter import Header, cut_header, dead_letter_headers
from schemas.record import Record

BATCH_BYTES = 512 * 1024
"""A batch is sent once it holds this much, so that it stays below the dead-letter topic's max.message.bytes."""

KEPT_BYTES = 16 * 1024
"""Of a value that has to be cut: enough for a person to see what it was."""

LENGTH_BYTES = 5
"""A value's own length is written before it, in up to this many bytes."""

LIMIT_KNOWN_S = 60.0
"""How long an answer about max.message.bytes is good for."""

PARTITION_KNOWN_S = 30.0
"""For the producer to hear of a partition that was just added; it asks every METADATA_MAX_AGE_MS."""

LIMIT_WAIT_S = 5.0
"""For that answer; without it, what is known has to do."""

ZSTD = DefaultRecordBase.CODEC_ZSTD

IsOurs = Callable[[str, int, int], bool]
"""Whether a bad record of this source topic, partition and offset is for this worker to write."""

LimitOf = Callable[[str], Awaitable[int]]
"""The largest record batch that a topic takes, in bytes."""


class DeadLetterNotAcknowledged(RankingError):
    """Kafka did not confirm a dead letter, so its source record is not committed and is read again.

    Operator: check that `<topic>-dlt` exists, takes writes, and has at least the max.message.bytes of its source
    topic; then start the worker again. No data is lost; lag grows meanwhile.
    """

    retriable = True


class Letter(NamedTuple):
    """What is written to the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: list[Header]

    @property
    def size(self) -> int:
        """Bytes of a record batch that holds nothing else, at the most."""
        return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(self.key, self.value, self.headers))


class DeadLetters:
    """Writes dead letters and returns when they are acknowledged. group: the app's consumer group, for a header."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        group: str,
        limit_of: LimitOf,
        log: Any,
        is_ours: IsOurs = lambda topic, partition, offset: True,
    ) -> None:
        """is_ours: a generation that is rebuilt does not write again what the live one has written."""
        self._producer = producer
        self._group = group
        self._limit_of = limit_of
        self._log = log
        self._is_ours = is_ours

    async def send(self, topic: str, partition: int, bad: Sequence[tuple[Record, str, str]]) -> None:
        """Send (record, error class, message) of one source partition. DeadLetterNotAcknowledged if that fails."""
        bad = [item for item in bad if self._is_ours(topic, partition, item[0].offset)]
        if not bad:
            return
        try:
            await self._until_known(dead_letter_name(topic), partition)
            limit = await self._limit_of(dead_letter_name(topic))
            for future in await self._send_batches(topic, partition, bad, limit):
                await future
        except KafkaError as exc:
            raise DeadLetterNotAcknowledged(
                f"{len(bad)} bad records of {topic!r} partition {partition} from offset {bad[0][0].offset} could not "
                f"be written to {dead_letter_name(topic)!r}: {exc!r}; nothing of their batch is acknowledged; check "
                "that the topic exists, takes writes, and has at least the max.message.bytes of its source"
            ) from exc
        first, error, _ = bad[0]
        self._log.warning(
            "dead_letters",
            topic=topic,
            partition=partition,
            count=len(bad),
            first_offset=first.offset,
            first_error=error,
        )

    async def _until_known(self, target: str, partition: int) -> None:
        """A topic may have been grown a moment ago. DeadLetterNotAcknowledged if it has no such partition."""
        deadline_s = time.monotonic() + PARTITION_KNOWN_S
        while partition not in await self._producer.partitions_for(target):
            if time.monotonic() > deadline_s:
                raise DeadLetterNotAcknowledged(
                    f"{target!r} has no partition {partition}: give it at least as many partitions as its source topic"
                )
            await asyncio.sleep(0.1)

    async def _send_batches(
        self, topic: str, partition: int, bad: Sequence[tuple[Record, str, str]], limit: int
    ) -> list[Any]:
        """The futures of all batches, each below the limit. One batch is filled at a time: order stays."""
        futures = []
        target = dead_letter_name(topic)
        batch = self._producer.create_batch()

        async def leave(full: BatchBuilder) -> None:
            full.close()
            if full.record_count():
                futures.append(await self._producer.send_batch(full, target, partition=partition))

        for record, error, message in bad:
            letter = self._letter(topic, partition, record, error, message)
            if letter.size > limit:
                await leave(batch)
                await leave(self._squeezed(topic, partition, record.offset, letter, limit))
                batch = self._producer.create_batch()
                continue
            full = batch.record_count() and batch.size() + letter.size > min(BATCH_BYTES, limit)
            if full or not _append(batch, letter):
                await leave(batch)
                batch = self._producer.create_batch()
                _append(batch, letter)  # an empty batch takes any record
        await leave(batch)
        return futures

    def _letter(self, topic: str, partition: int, record: Record, error: str, message: str) -> Letter:
        own = dead_letter_headers(topic, partition, record.offset, record.timestamp, self._group, error, message)
        return Letter(record.key, record.value, [*record.headers, *own])

    def _squeezed(self, topic: str, partition: int, offset: int, letter: Letter, limit: int) -> BatchBuilder:
        """A batch with this letter alone: compressed, or cut where that is not enough."""
        if _compressed_bytes(letter) > limit:
            value_bytes = len(letter.value or b"")
            self._log.error(
                "dead_letter_cut",
                topic=topic,
                partition=partition,
                offset=offset,
                value_bytes=value_bytes,
                max_message_bytes=limit,
            )
            letter = cut(letter, limit)
        batch = BatchBuilder(max(limit, BATCH_BYTES), ZSTD)
        _append(batch, letter)
        return batch


def cut(letter: Letter, limit: int) -> Letter:
    """The letter with the beginning of its value, so that it fits into limit bytes, and a header that says so.

    Where its key and its own headers are what is too large, they go. DeadLetterNotAcknowledged where not even the
    headers that every dead letter has would fit.

    >>> letter = Letter(b"k", b"x" * 2000, dead_letter_headers("t", 0, 0, 0, "g", "e", "m"))
    >>> found = cut(letter, 800)
    >>> found.size <= 800, 0 < len(found.value) < 2000
    (True, True)
    """
    mark = cut_header(len(letter.value or b""))
    own = letter.headers[-7:]
    for key, headers in ((letter.key, letter.headers), (None, own)):
        frame = Letter(key, b"", [*headers[:-7], mark, *own])
        room = limit - frame.size - LENGTH_BYTES
        if room >= 0:
            kept = min(room, KEPT_BYTES)
            return frame._replace(value=None if letter.value is None else letter.value[:kept])
    raise DeadLetterNotAcknowledged(
        f"the dead-letter topic takes records of {limit} bytes, less than the headers of a dead letter need: raise "
        "its max.message.bytes to that of its source topic or more"
    )


def topic_limits(options: Mapping[str, Any]) -> LimitOf:
    """Asks the brokers for max.message.bytes, at most every LIMIT_KNOWN_S for a topic.

    Where nobody answers, what was known last, or Kafka's default: the producer then waits for the brokers, this
    question must not be what ends the worker.
    """
    known: dict[str, tuple[int, float]] = {}

    async def limit_of(topic: str) -> int:
        limit, good_until_s = known.get(topic, (DEFAULT_MAX_MESSAGE_BYTES, 0.0))
        if time.monotonic() >= good_until_s:
            admin = AIOKafkaAdminClient(**options)
            try:
                async with asyncio.timeout(LIMIT_WAIT_S):
                    await admin.start()
                    limit = await max_message_bytes(admin, topic)
            except (KafkaError, OSError, TimeoutError):
                return limit
            finally:
                await admin.close()
            known[topic] = limit, time.monotonic() + LIMIT_KNOWN_S
        return limit

    return limit_of


def _append(batch: BatchBuilder, letter: Letter) -> bool:
    added = batch.append(timestamp=None, key=letter.key, value=letter.value, headers=letter.headers)
    return added is not None


def _compressed_bytes(letter: Letter) -> int:
    """Measured on a batch of its own: the one that is sent is built when the producer takes it."""
    trial = DefaultRecordBatchBuilder(
        2, ZSTD, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=BATCH_BYTES
    )
    trial.append(0, None, letter.key, letter.value, letter.headers)
    return len(trial.build())
