"""The control topic: read by every process from its beginning on, written by `backfill` and by the notifier."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from ranking_app.errors import RankingError
from ranking_app.generations.control_state import ControlState, Record
from ranking_app.generations.generation import base_generation
from ranking_app.kafka_client import close, started, writer
from ranking_app.settings import Settings
from ranking_app.tasks import telling

POLL_MS = 200
"""A poll returns as soon as a record is there."""

LOOK_S = 0.01

READ_WITHIN_S = 30.0


class ControlUnread(RankingError):
    """The control topic could not be read to its end in time. Operator: check the brokers; start again."""

    retriable = True


class ControlTopic:
    """The state as the topic has it, kept up to date while it is open."""

    def __init__(self, settings: Settings, make_reader: Callable[[], AIOKafkaConsumer]) -> None:
        self.state = ControlState(base_generation(settings))
        self.changed = asyncio.Event()
        """Set when something was applied; cleared by whoever waits for it."""
        self._tp = TopicPartition(settings.control_topic, 0)
        self._make_reader = make_reader
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, on_failure: Callable[[BaseException], None]) -> None:
        """Read to the end there is now, and follow from there. ControlUnread."""
        consumer = self._consumer = self._make_reader()
        await consumer.start()
        consumer.assign([self._tp])
        await consumer.seek_to_beginning()
        try:
            await asyncio.wait_for(self._read_to_end(consumer), READ_WITHIN_S)
        except TimeoutError:
            raise ControlUnread(f"topic {self._tp.topic!r} could not be read within {READ_WITHIN_S:g} s") from None
        self._task = asyncio.create_task(self._follow(consumer), name="control-topic")
        self._task.add_done_callback(telling(on_failure))

    async def catch_up(self, with_offset: int = -1) -> None:
        """Return when everything is applied that is on the topic now, and the record of an offset.

        A transaction that was just committed may not be seen yet: its markers are written a moment later.
        """
        if self._consumer is None:
            return
        end = max((await self._consumer.end_offsets([self._tp]))[self._tp], with_offset + 1)
        # Between taking records and applying them nothing else runs.
        while await self._consumer.position(self._tp) < end:
            if self._task is not None and self._task.done():
                self._task.result()  # what ended it
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is not None:
            await close(self._consumer)

    async def _read_to_end(self, consumer: AIOKafkaConsumer) -> None:
        end = (await consumer.end_offsets([self._tp]))[self._tp]
        while await consumer.position(self._tp) < end:
            await self._poll(consumer)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await self._poll(consumer)

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                self.state.apply(record.key, record.value)
            self.changed.set()


async def write_control(settings: Settings, options: Mapping[str, Any], records: Iterable[Record]) -> int:
    """Records, all or none; whoever writes later with the same app waits for them or is fenced.

    The offset of the last one.
    """
    producer = writer(options, transactional_id=f"{settings.app_id}-control")
    async with started(producer), producer.transaction():
        sent = [
            await producer.send(settings.control_topic, key=key, value=value, partition=0) for key, value in records
        ]
    return max([int((await future).offset) for future in sent], default=-1)
