"""What has been replayed: a compacted topic `<source>-dlt-replayed`, one record per original.

A replayed record and the note of it are written in one Kafka transaction, so either both are there or neither, and
the notes are read back after the producer has fenced whoever replayed before. That makes a replay count once whether
it is run twice, by two operators at the same time, or dies half way, also for the flat form, which has no id that
the memory of duplicates could know it by, and after that memory has forgotten an id.

Compacted, not deleted by age: a note that went before its letter would let the letter be sent again.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ranking_app.dead_letter_tool.errors import ReplayInterrupted
from ranking_app.dead_letter_tool.letters import Identity, Letter
from ranking_app.kafka_client import close, partitions_of, reader
from ranking_app.topics import TopicSpec, dead_letter_name, partition_counts

POLL_MS = 500
SILENT_POLLS = 40
"""Twenty seconds: a transaction that died keeps readers waiting until the brokers end it, after ten."""


def replayed_topic(source: str) -> TopicSpec:
    """The topic of the notes about a source topic's letters; made by the first replay."""
    return TopicSpec(f"{dead_letter_name(source)}-replayed", 1, {"cleanup.policy": "compact"}, checked=False)


def note_of(letter: Letter, identity: Identity, sent_to: int) -> tuple[bytes, bytes]:
    """Key and value of a note. The value is for people; sent_to: the partition it went to."""
    value = {"deadLetter": str(letter.position), "sentToPartition": sent_to}
    return key_of(identity), json.dumps(value).encode()


def key_of(identity: Identity) -> bytes:
    """The key of a note: what makes two letters the same.

    >>> key_of(Identity("t", 0, 7, 5))
    b'["t", 0, 7, 5]'
    """
    return json.dumps(list(identity)).encode()


async def replayed_before(options: Mapping[str, Any], sources: tuple[str, ...]) -> frozenset[bytes]:
    """The keys of all notes of these source topics; a topic that does not exist yet has none.

    ReplayInterrupted where they cannot be read to their end.
    """
    counts = await partition_counts([replayed_topic(source).name for source in sources], options)
    tps = [tp for name, count in counts.items() for tp in partitions_of(name, count)]
    if not tps:
        return frozenset()
    consumer: AIOKafkaConsumer = reader(options, isolation_level="read_committed")
    try:
        await consumer.start()
        consumer.assign(tps)
        await consumer.seek_to_beginning()
        return frozenset(await _keys(consumer, await consumer.end_offsets(tps)))
    except KafkaError as exc:
        raise ReplayInterrupted(f"what was replayed before cannot be read: {exc!r}; nothing was sent") from exc
    finally:
        await close(consumer)


async def _keys(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> set[bytes]:
    keys: set[bytes] = set()
    silent = 0
    while any([await consumer.position(tp) < end for tp, end in ends.items()]):
        fetched = await consumer.getmany(timeout_ms=POLL_MS)
        silent = 0 if fetched else silent + 1
        if silent >= SILENT_POLLS:
            raise ReplayInterrupted(
                "what has been replayed before cannot be read to its end; nothing was sent; try again"
            )
        for batch in fetched.values():
            keys.update(record.key for record in batch if record.key is not None)
    return keys
