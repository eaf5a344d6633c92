"""Writing the changelog: all pairs of a flush as one Kafka record batch, acknowledged by all in-sync replicas."""

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from ranking_app.errors import RankingError
from ranking_app.topics import CHANGELOG_MAX_MESSAGE_BYTES
from tables.store import Pair

BATCH_BYTES = CHANGELOG_MAX_MESSAGE_BYTES - 1024 * 1024
"""One batch holds at most this; the rest of what the topic takes is framing. max_batch_size of the producer."""

PRODUCER_OPTIONS = {"max_batch_size": BATCH_BYTES, "max_request_size": CHANGELOG_MAX_MESSAGE_BYTES}


class ChangelogNotAcknowledged(RankingError):
    """Kafka did not confirm a flush; its source records are not acknowledged and are read again.

    Operator: check that the changelog topic exists, takes writes, and takes batches of 16 MiB; start the worker again.
    """

    retriable = True


class ChangelogWriter:
    """Appends to the panes' changelog. producer: idempotent, acks=all, made with PRODUCER_OPTIONS."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def append(self, partition: int, pairs: Sequence[Pair]) -> tuple[int, int]:
        """Write the pairs in their order; returns the changelog offsets of the first and of the last one.

        Up to BATCH_BYTES they are one record batch, which is there whole or not at all. More are split, in order,
        so what must not be there without the rest has to come last. ChangelogNotAcknowledged.
        """
        sent: list[tuple[int, int]] = []
        batch = self._producer.create_batch()
        for key, value in pairs:
            if batch.append(timestamp=None, key=key, value=value) is None:
                sent.append(await self._send(batch, partition))
                batch = self._producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
        sent.append(await self._send(batch, partition))
        return sent[0][0], sent[-1][1]

    async def _send(self, batch: BatchBuilder, partition: int) -> tuple[int, int]:
        count = batch.record_count()
        batch.close()
        try:
            acknowledged = await (await self._producer.send_batch(batch, self._topic, partition=partition))
        except KafkaError as exc:
            raise ChangelogNotAcknowledged(
                f"the changelog {self._topic!r} partition {partition} did not take {count} records: {exc!r}; nothing "
                "of the flush is acknowledged; check that the topic exists and takes writes, start the worker again"
            ) from exc
        return acknowledged.offset, acknowledged.offset + count - 1
