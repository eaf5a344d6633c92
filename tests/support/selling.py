"""A producer that sells all the time, from a thread of its own, and knows exactly what the brokers acknowledged."""

import asyncio
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaProducer

from tests.support.waiting import wait_until

TICK_S = 0.05
STOP_WITHIN_S = 30.0
ACKNOWLEDGED_WITHIN_S = 60.0
METADATA_MAX_AGE_MS = 300
"""New partitions of a topic are sold on soon after they are there."""


class Sale(NamedTuple):
    """One seat of a schedule, sold or given back; at_ms: its event time, in place of now."""

    schedule: str
    cancelled: bool = False
    at_ms: int | None = None


def catalogue_event(schedule: str, capacity: int) -> dict[str, Any]:
    """A concert.schedule.created event."""
    payload = {"concertScheduleId": schedule, "capacity": capacity}
    return {"eventId": f"c-{schedule}", "eventType": "concert.schedule.created", "payload": payload}


class Selling:
    """Sends what next_sale(n) says for n = 0, 1, …, to the partitions of its topic in turn, `rate` a second.

    with Selling(…) as sales: …; sales.now(…) sends at once, and may be used instead of a rate (0).
    """

    def __init__(self, settings: Mapping[str, str], next_sale: Callable[[int], Sale], rate: int) -> None:
        self._settings = settings
        self._next_sale = next_sale
        self._rate = rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="selling")
        self._burst = 0
        self._guard = threading.Lock()
        self._failure: BaseException | None = None
        self._given: list[Sale] = []
        self._started = 0
        self._placed = Counter[str]()
        self.completed: Counter[str] = Counter()
        self.cancelled: Counter[str] = Counter()
        self.acknowledged: Counter[tuple[str, int]] = Counter()
        """By topic and partition."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(failing=error is not None)

    @property
    def sold(self) -> dict[str, int]:
        """Net, by schedule."""
        return {name: count - self.cancelled[name] for name, count in sorted(self.completed.items())}

    @property
    def total(self) -> int:
        """Records that the brokers have."""
        return sum(self.acknowledged.values())

    def burst(self, count: int) -> None:
        """Send so many as fast as it goes; returns when they are acknowledged."""
        self.check()
        wanted = self.total + count
        with self._guard:
            self._burst += count
        wait_until(lambda: self.total >= wanted or self._failure, ACKNOWLEDGED_WITHIN_S, f"{count} are acknowledged")
        self.check()

    def now(self, *sales: Sale) -> None:
        """Send these; returns when they are acknowledged."""
        self.check()
        with self._guard:
            self._given += sales
        wait_until(lambda: not self._given or self._failure, ACKNOWLEDGED_WITHIN_S, f"{len(sales)} are acknowledged")
        self.check()

    def check(self) -> None:
        """Raise what the producer failed with."""
        if self._failure is not None:
            raise AssertionError(f"the producer failed: {self._failure!r}") from self._failure

    def stop(self, failing: bool = False) -> None:
        """Send no more; returns when everything is acknowledged."""
        self._stop.set()
        self._thread.join(STOP_WITHIN_S)
        if not failing:
            assert not self._thread.is_alive()
            self.check()

    async def _run(self) -> None:
        try:
            await self._sell()
        except BaseException as error:
            self._failure = error

    async def _sell(self) -> None:
        servers = self._settings["RANKING_BROKER"].removeprefix("kafka://")
        producer = AIOKafkaProducer(
            bootstrap_servers=servers,
            enable_idempotence=True,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
        )
        await producer.start()
        try:
            began_s, by_rate = time.monotonic(), 0
            while not self._stop.is_set():
                due = int((time.monotonic() - began_s) * self._rate)
                with self._guard:
                    burst, self._burst = self._burst, 0
                    given = list(self._given)
                count = due - by_rate + burst
                by_rate = due
                await self._send(producer, [*given, *(self._next_sale(self._started + n) for n in range(count))])
                self._started += count
                with self._guard:
                    del self._given[: len(given)]
                await asyncio.sleep(TICK_S)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, sales: list[Sale]) -> None:
        sent = []
        for sale in sales:
            topic = self._settings[f"RANKING_{'CANCELLED' if sale.cancelled else 'COMPLETED'}_TOPIC"]
            partitions = sorted(await producer.partitions_for(topic))
            place = (topic, partitions[self._placed[topic] % len(partitions)])
            self._placed[topic] += 1
            future = await producer.send(topic, _record(sale), partition=place[1])
            sent.append((sale, place, future))
        for sale, place, future in sent:
            await future
            (self.cancelled if sale.cancelled else self.completed)[sale.schedule] += 1
            self.acknowledged[place] += 1


def _record(sale: Sale) -> bytes:
    event_type = "reservation.cancelled" if sale.cancelled else "reservation.completed"
    payload = {"concertScheduleId": sale.schedule, "quantity": 1, "amount": 100}
    at_ms = time.time_ns() // 1_000_000 if sale.at_ms is None else sale.at_ms
    event = {"eventId": str(uuid.uuid4()), "eventType": event_type, "eventTime": at_ms, "payload": payload}
    return json.dumps(event).encode()
