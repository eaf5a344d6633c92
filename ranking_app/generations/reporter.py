"""Writes the report of this process, once a second and whenever it has news; see reports.py for its form."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka.errors import KafkaError

from ranking_app.generations.reports import REPORT_INTERVAL_S, Report
from ranking_app.kafka_client import started, writer
from ranking_app.settings import Settings

LAST_WITHIN_S = 1.0


class Reporter:
    """make: the report of now, for this instance; the second argument: whether it is the last one.

    Answering and counting do not depend on it: where it cannot be written, a promotion does not wait for this process.
    """

    def __init__(
        self,
        settings: Settings,
        options: Mapping[str, Any],
        make: Callable[[uuid.UUID, bool], Report],
        log: Any,
    ) -> None:
        self._topic = settings.instances_topic
        self._options = options
        self._make = make
        self._log = log
        self._instance = uuid.uuid4()
        self._news = asyncio.Event()

    def now(self) -> None:
        """Report at once."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled; then says that this was the last report."""
        while True:
            with contextlib.suppress(KafkaError, OSError):
                async with started(writer(self._options)) as producer:
                    await self._report(producer)
            self._log.warning("report_not_written", topic=self._topic)
            await asyncio.sleep(REPORT_INTERVAL_S)

    async def _report(self, producer: Any) -> None:
        try:
            while True:
                await producer.send_and_wait(self._topic, self._make(self._instance, False).encode(), partition=0)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REPORT_INTERVAL_S):
                        await self._news.wait()
                self._news.clear()
        except asyncio.CancelledError:
            last = producer.send_and_wait(self._topic, self._make(self._instance, True).encode(), partition=0)
            # Brokers may be away: a process that stops does not wait for them.
            await asyncio.wait([asyncio.ensure_future(last)], timeout=LAST_WITHIN_S)
            raise
