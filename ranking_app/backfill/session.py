"""What every backfill command begins with: brokers, the control topic, and who is there."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from ranking_app.backfill.errors import UnknownGeneration
from ranking_app.clock import Clock
from ranking_app.generations.control_state import ControlState, Record
from ranking_app.generations.control_topic import ControlTopic, write_control
from ranking_app.generations.generation import Generation
from ranking_app.generations.reports import REPORT_INTERVAL_S, SILENT_AFTER_MS, Instances, Report
from ranking_app.kafka_client import client_options, reader, retried, started, wait_for_brokers
from ranking_app.settings import Settings
from ranking_app.tasks import telling
from ranking_app.topics import ensure_control_topics


@dataclass(slots=True)
class Session:
    """Open as long as the command runs; control and instances are kept up to date."""

    settings: Settings
    options: dict[str, Any]
    clock: Clock
    control: ControlTopic
    instances: Instances = field(default_factory=Instances)
    failure: BaseException | None = None

    @property
    def state(self) -> ControlState:
        """What the control topic says."""
        return self.control.state

    def generation(self, name: str) -> Generation:
        """A generation that there is. UnknownGeneration."""
        found = self.state.generations.get(name)
        if found is None:
            there = ", ".join(sorted(self.state.generations))
            raise UnknownGeneration(f"there is no generation {name!r}; there are: {there}")
        return found

    async def write(self, records: Sequence[Record]) -> None:
        """Write to the control topic, all or none; the state has them on return."""
        await self.control.catch_up(await write_control(self.settings, self.options, records))

    def there(self) -> list[Report]:
        """Every process of the app that has said something lately."""
        return self.instances.there(self.clock.now_ms())

    def fail(self, error: BaseException) -> None:
        """The control topic cannot be followed any more; the command ends with this."""
        self.failure = self.failure or error

    async def nap(self, seconds: float) -> None:
        """A pause between two looks. Raises what failed meanwhile."""
        await asyncio.sleep(seconds)
        if self.failure is not None:
            raise self.failure


@contextlib.asynccontextmanager
async def session(settings: Settings, clock: Clock, waits: bool = True) -> AsyncIterator[Session]:
    """A session. waits: until it is known who is there."""
    options, log = client_options(settings), structlog.get_logger()
    await wait_for_brokers(options, settings.broker_wait, log)
    await retried(lambda: ensure_control_topics(settings, options), settings.broker_wait, log)

    def make_reader() -> AIOKafkaConsumer:
        return reader(options, isolation_level="read_committed")

    opened = Session(settings, options, clock, ControlTopic(settings, make_reader))
    await opened.control.open(opened.fail)
    try:
        async with started(make_reader()) as consumer:
            following = asyncio.create_task(_follow_reports(opened, consumer))
            following.add_done_callback(telling(opened.fail))
            try:
                if waits:
                    await asyncio.sleep(REPORT_INTERVAL_S * 1.5)  # everybody who lives has spoken once by then
                yield opened
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
    finally:
        await opened.control.close()


async def _follow_reports(session: Session, consumer: AIOKafkaConsumer) -> None:
    tp = TopicPartition(session.settings.instances_topic, 0)
    consumer.assign([tp])
    since_ms = int(time.time() * 1000) - SILENT_AFTER_MS
    found = (await consumer.offsets_for_times({tp: since_ms}))[tp]
    if found is None:
        await consumer.seek_to_end(tp)
    else:
        consumer.seek(tp, found.offset)
    while True:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                session.instances.saw(Report.decode(record.value))
