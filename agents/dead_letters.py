"""Bad records on their way to `<topic>-dlt`: same partition, untouched, with the headers Spring Kafka writes."""

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.pending import Record
from ranking_app.errors import RankingError
from ranking_app.topics import dead_letter_name
from schemas.dead_letter import dead_letter_headers

BATCH_BYTES = 512 * 1024
"""A batch is sent once it holds this much, so that it stays below the dead-letter topic's max.message.bytes."""


class DeadLetterNotAcknowledged(RankingError):
    """Kafka did not confirm a dead letter, so its source record is not committed and is read again.

    Operator: check that `<topic>-dlt` exists and takes writes. No data is lost; lag grows meanwhile.
    """

    retriable = True


class DeadLetters:
    """Writes dead letters and returns when they are acknowledged. group: the app's consumer group, for a header."""

    def __init__(self, producer: AIOKafkaProducer, group: str, log: Any) -> None:
        self._producer = producer
        self._group = group
        self._log = log

    async def send(self, topic: str, partition: int, bad: Sequence[tuple[Record, str, str]]) -> None:
        """Send (record, error class, message) of one source partition. DeadLetterNotAcknowledged if that fails."""
        try:
            futures = await self._send_batches(topic, partition, bad)
            for future in futures:
                await future
        except KafkaError as exc:
            raise DeadLetterNotAcknowledged(
                f"{len(bad)} bad records of {topic!r} partition {partition} from offset {bad[0][0].offset} could not "
                f"be written to {dead_letter_name(topic)!r}: {exc!r}; nothing of their batch is acknowledged"
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

    async def _send_batches(self, topic: str, partition: int, bad: Sequence[tuple[Record, str, str]]) -> list[Any]:
        futures = []
        target = dead_letter_name(topic)
        batch = self._producer.create_batch()
        for record, error, message in bad:
            if batch.record_count() and batch.size() + len(record.value or b"") > BATCH_BYTES:
                batch.close()
                futures.append(await self._producer.send_batch(batch, target, partition=partition))
                batch = self._producer.create_batch()
            headers = [
                *record.headers,
                *dead_letter_headers(topic, partition, record.offset, record.timestamp, self._group, error, message),
            ]
            batch.append(timestamp=None, key=record.key, value=record.value, headers=headers)
        batch.close()
        futures.append(await self._producer.send_batch(batch, target, partition=partition))
        return futures
