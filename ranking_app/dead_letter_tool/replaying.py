"""Sends dead letters to their source topics again: same partition, key and headers, mended or as they are."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError, MessageSizeTooLargeError

from ranking_app.dead_letter_tool.errors import ReplayInterrupted
from ranking_app.dead_letter_tool.letters import Identity, Letter
from ranking_app.dead_letter_tool.progress import key_of, note_of, replayed_before, replayed_topic
from ranking_app.errors import NoSuchPartition, RecordTooLarge
from ranking_app.kafka_client import writer
from ranking_app.topics import dead_letter_name, ensure_topic

TRANSACTION_RECORDS = 500
TRANSACTION_BYTES = 8 * 1024 * 1024
"""One transaction holds at most this: what is repeated after a crash, and what workers have to wait for."""

TRANSACTION_TIMEOUT_MS = 10_000
"""Workers read only what is committed: a replay that dies keeps them from its partitions for at most so long, and up
to ten seconds more until the brokers look."""

ABORT_S = 3.0
"""For ending what cannot be finished."""

LARGEST_BYTES = 64 * 1024 * 1024
"""Of a record before it is compressed; what counts is the source topic's own limit."""


Reason = Literal["before", "cut", "empty", "foreign"]
"""Why a letter is not sent: sent before; only its beginning is there; neither key nor value; no letter of ours."""


@dataclass(slots=True)
class Outcome:
    """What a replay has sent. sent: committed records by source topic."""

    sent: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Records over all topics."""
        return sum(self.sent.values())


def left_out(letter: Letter, done: Container[bytes], mended: Mapping[Identity, bytes]) -> Reason | None:
    """Why this letter is not sent; None where it is. done: keys of the notes of what was sent."""
    identity = letter.identity
    if identity is None:
        return "foreign"
    if key_of(identity) in done:
        return "before"
    if identity in mended:
        return None
    if letter.origin is not None and letter.origin.cut_from is not None:
        return "cut"
    return "empty" if letter.key is None and letter.value is None else None


class Replay:
    """Sends the letters of one source topic. Made by replaying(), which has fenced every earlier one."""

    def __init__(self, source: str, producer: AIOKafkaProducer, done: frozenset[bytes]) -> None:
        self._source = source
        self._producer = producer
        self._done = set(done)
        self._open: list[asyncio.Future[Any]] = []
        self._open_bytes = 0

    async def send(self, letters: AsyncIterator[Letter], mended: Mapping[Identity, bytes], outcome: Outcome) -> None:
        """Send what was not sent before. mended: new values. Returns when all of it is committed.

        ReplayInterrupted, NoSuchPartition, RecordTooLarge; what outcome.sent counts is committed then.
        """
        counted = 0
        try:
            async for letter in letters:
                counted += await self._send(letter, mended)
                if len(self._open) >= 2 * TRANSACTION_RECORDS or self._open_bytes >= TRANSACTION_BYTES:
                    await self._commit()
                    outcome.sent[self._source] = counted
            await self._commit()
            outcome.sent[self._source] = counted
        except MessageSizeTooLargeError as exc:
            raise RecordTooLarge(
                f"a record is larger than {self._source!r} takes: raise the topic's max.message.bytes, or mend it"
            ) from exc
        except (KafkaError, TimeoutError) as exc:
            raise ReplayInterrupted(
                f"the replay of {dead_letter_name(self._source)!r} ended after {outcome.sent.get(self._source, 0)} "
                f"records: {type(exc).__name__}; run it again, what was sent is not sent twice"
            ) from exc

    async def _send(self, letter: Letter, mended: Mapping[Identity, bytes]) -> bool:
        identity = letter.identity
        if identity is None or left_out(letter, self._done, mended) is not None:
            return False
        if identity.partition not in await self._producer.partitions_for(self._source):
            raise NoSuchPartition(
                f"{letter.position} was on partition {identity.partition} of {self._source!r}, which has no such "
                "partition any more; send the record with `ranking-app produce`"
            )
        if not self._open:
            await self._producer.begin_transaction()
        try:
            await self._append(letter, identity, mended.get(identity, letter.value))
        except IllegalOperation as exc:  # the transaction ended while it was filled: what it held says why
            await asyncio.wait_for(asyncio.gather(*self._open), ABORT_S)
            raise KafkaError("the transaction is not open any more") from exc
        self._done.add(key_of(identity))
        return True

    async def _append(self, letter: Letter, identity: Identity, value: bytes | None) -> None:
        send, topic = self._producer.send, self._source
        self._open.append(
            await send(topic, value, key=letter.key, partition=identity.partition, headers=letter.headers)
        )
        key, note = note_of(letter, identity, identity.partition)
        self._open.append(await send(replayed_topic(topic).name, note, key=key, partition=0))
        self._open_bytes += len(value or b"") + len(letter.key or b"")

    async def _commit(self) -> None:
        """All of it or, where one record was refused, none: aiokafka would commit the others without saying so."""
        if self._open:
            await asyncio.gather(*self._open)
            await self._producer.commit_transaction()
        self._open, self._open_bytes = [], 0

    async def abort(self) -> None:
        """End a transaction that is open. Bounded: where it cannot be ended, the brokers do it after its time-out."""
        if self._open:
            for future in self._open:
                future.cancel()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._producer.abort_transaction(), ABORT_S)


@asynccontextmanager
async def replaying(options: Mapping[str, Any], source: str) -> AsyncIterator[Replay]:
    """A Replay of one source topic. A transaction that is open when the body raises is aborted."""
    await ensure_topic(replayed_topic(source), options)
    producer = writer(
        options,
        transactional_id=f"{dead_letter_name(source)}-replay",
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        compression_type="zstd",  # an original that was compressed may be too large without it
        max_request_size=LARGEST_BYTES,
    )
    try:
        try:
            await producer.start()  # fences every earlier one, and waits until its last transaction has ended
            done = await replayed_before(options, (source,))
        except KafkaError as exc:
            raise ReplayInterrupted(f"the brokers do not begin a transaction: {exc!r}; nothing was sent") from exc
        replay = Replay(source, producer, done)
        try:
            yield replay
        finally:
            await replay.abort()
    finally:
        with contextlib.suppress(TimeoutError, KafkaError):
            await asyncio.wait_for(producer.stop(), ABORT_S)
