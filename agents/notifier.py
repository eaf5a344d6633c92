"""Raises notifications, each once for a read_committed reader (invariant 9).

One worker is in charge: the one that Faust assigned the catalogue partition to. Should two believe it, the
transactional producer settles it: the newer one fences the older, which can commit nothing any more. What has been
raised is read back from the topic at every start, after the fencing, so nothing can slip in between.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from ranking_app.kafka_client import partitions_of, started, writer
from ranking_app.metrics import Metrics
from ranking_app.rankings.news import identity_of, news, quiet_below
from ranking_app.rankings.schedule import Schedule
from schemas.catalogue import Listing
from schemas.notification import Notification, notification_of, raised_id

LOOK_INTERVAL_S = 0.25
"""Between two looks at what changed: several changes of one schedule are one look."""

REST, LONGEST_REST_S = 4.0, 1.0
"""While thousands of schedules sell at once, looking takes no more than a fifth of the time."""

SLICE_SCHEDULES = 50
"""Looked at in one go, some milliseconds; answers and flushes get their turn in between."""

RANKS_INTERVAL_S = 1.0
"""Between two looks at ranks: boards are of whole seconds, and a look at all of one costs some milliseconds."""

RETRY_S = 2.0
"""After a failed commit or a fencing: begin anew, from what the topic says has been raised."""

READ_STALLED_S = 20.0
"""Without progress in reading back. A transaction that somebody left open holds it up for TRANSACTION_TIMEOUT_MS only
where it is not fenced, and it has been by then."""

TRANSACTION_TIMEOUT_MS = 30_000


class Boards(Protocol):
    """What the notifier needs of the read model, which agents do not know."""

    schedules: Mapping[str, Schedule]
    touched: set[str]

    def is_listed(self, schedule_id: str) -> bool:
        """Whether the catalogue has the schedule; quick, and nothing of its sales is looked at."""
        ...

    def live_as_of_s(self) -> int:
        """The end (exclusive) of what counts as having happened."""
        ...

    def clock_ms(self) -> int:
        """Now, by RANKING_CLOCK."""
        ...


class Ranks(Protocol):
    """What is new on top of a board (agents/rank_watch.py)."""

    async def prepare(self) -> None:
        """What takes long, in steps."""

    def look(self, raised: set[bytes]) -> list[Notification]:
        """What was not raised before; marks it as raised."""
        ...


class PastNews(Protocol):
    """What a switch of generations silenced (agents/past_news.py)."""

    async def silenced(self, producer: AIOKafkaProducer, raised: set[bytes]) -> frozenset[bytes]:
        """Ids that count as raised beside those that are on the topic."""
        ...


class Changes(Protocol):
    """Tells when the read model is loaded, and when it moved."""

    loaded: asyncio.Event
    moved: asyncio.Event


@dataclass(slots=True)
class _Looked:
    """What is known of one schedule since this notifier is in charge.

    news: what was looked at. listing, quiet_below: as long as the listing is this one and less was completed in all,
    there is no other news.
    """

    news: set[object] = field(default_factory=set)
    listing: Listing | None = None
    quiet_below: int = 0

    def is_quiet(self, schedule: Schedule) -> bool:
        """Whether a look would find nothing new; nearly all schedules are between two milestones."""
        return schedule.listing is self.listing and schedule.curve.completed_at_most < self.quiet_below


class Notifier:
    """Looks at what changed and raises what is new. start() and stop() follow the assignment."""

    def __init__(
        self,
        boards: Boards,
        ranks: Ranks,
        topic: str,
        partitions: int,
        *,
        transactional_id: str,
        max_age_ms: int,
        past_news: PastNews,
        options: Mapping[str, Any],
        make_reader: Callable[[], AIOKafkaConsumer],
        follower: Changes,
        on_failure: Callable[[BaseException], None],
        metrics: Metrics,
        log: Any,
    ) -> None:
        self._boards = boards
        self._ranks = ranks
        self._topic = topic
        self._partitions = partitions
        self._transactional_id = transactional_id
        self._max_age_ms = max_age_ms
        self._past_news = past_news
        self._options = options
        self._make_reader = make_reader
        self._follower = follower
        self._on_failure = on_failure
        self._metrics = metrics
        self._log = log
        self._ranks_due_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._known: dict[str, _Looked] = {}
        """By schedule."""

    async def start(self) -> None:
        """Be in charge, unless it is already, or close() was called: a rebalance may end after that."""
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._run(), name="notifier")

    async def stop(self) -> None:
        """Not in charge any more: finish or abort the transaction under way."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Stop for good."""
        self._closed = True
        await self.stop()

    async def _run(self) -> None:
        await self._follower.loaded.wait()
        while True:
            try:
                await self._be_in_charge()
            except ProducerFenced:
                self._log.warning("notifier_fenced", transactional_id=self._transactional_id)
            except (KafkaError, OSError) as error:  # OSError: also TimeoutError
                self._log.warning("notifier_begins_anew", reason=repr(error))
            except Exception as error:  # a bug of our own: say so and stop, nothing is lost by that
                self._on_failure(error)
                return
            await asyncio.sleep(RETRY_S)

    async def _be_in_charge(self) -> None:
        producer = writer(
            self._options, transactional_id=self._transactional_id, transaction_timeout_ms=TRANSACTION_TIMEOUT_MS
        )
        async with started(producer):  # fences whoever had the id before, and waits for what they were committing
            raised = await self._read_back()
            self._log.info("notifier_in_charge", raised_before=len(raised))
            raised |= await self._past_news.silenced(producer, raised)
            await self._follow(producer, raised)

    async def _read_back(self) -> set[bytes]:
        """The ids of all notifications on the topic, as a read_committed reader sees them.

        TimeoutError when nothing moves: a reader that began while a broker died may wait for it for ever.
        """
        raised: set[bytes] = set()
        async with asyncio.timeout(READ_STALLED_S) as stalled, started(self._make_reader()) as consumer:
            partitions = partitions_of(self._topic, await self._partition_count(consumer))
            consumer.assign(partitions)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(partitions)
            left = await _records_left(consumer, ends)
            while left:
                for records in (await consumer.getmany(timeout_ms=500, max_records=20_000)).values():
                    raised.update(found for r in records if (found := raised_id(r.value)) is not None)
                before, left = left, await _records_left(consumer, ends)
                if left < before:
                    stalled.reschedule(asyncio.get_running_loop().time() + READ_STALLED_S)
        return raised

    async def _partition_count(self, consumer: AIOKafkaConsumer) -> int:
        """As many as the topic has: notifications are keyed, so another count than the setting is no mistake."""
        return len(consumer.partitions_for_topic(self._topic) or range(self._partitions))

    async def _follow(self, producer: AIOKafkaProducer, raised: set[bytes]) -> None:
        """Look at everything once, then at what changes; also again later at what lies in the future now."""
        boards = self._boards
        later = set(boards.schedules)
        self._known.clear()
        while True:
            self._follower.moved.clear()
            changed, boards.touched = boards.touched | later, set()
            started_s = time.monotonic()
            later = await self._look(producer, changed, raised)
            looked_s = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):  # time itself brings future events into view
                    await self._follower.moved.wait()
            rest_s = max(LOOK_INTERVAL_S, min(REST * (looked_s - started_s), LONGEST_REST_S))
            await asyncio.sleep(max(rest_s - (time.monotonic() - looked_s), 0))

    async def _look(self, producer: AIOKafkaProducer, ids: set[str], raised: set[bytes]) -> set[str]:
        """Raise what is new of these schedules, and of ranks; returns those with events that lie in the future."""
        boards = self._boards
        as_of_s, oldest_ms = boards.live_as_of_s(), boards.clock_ms() - self._max_age_ms
        fresh: list[Notification] = []
        later: set[str] = set()
        for number, schedule_id in enumerate(ids, start=1):
            if number % SLICE_SCHEDULES == 0:
                await asyncio.sleep(0)
            if not boards.is_listed(schedule_id):  # or retired: without a capacity there is no news
                self._known.pop(schedule_id, None)  # should it come back, its past is told apart by ids
                continue
            schedule = boards.schedules[schedule_id]
            if schedule.curve.may_reach(as_of_s):
                later.add(schedule_id)
            fresh += self._new(schedule, as_of_s, oldest_ms, raised)
        fresh += await self._new_ranks(raised)
        if fresh:
            await self._send(producer, sorted(fresh, key=lambda n: n.at_s))
        return later

    def _new(self, schedule: Schedule, as_of_s: int, oldest_ms: int, raised: set[bytes]) -> list[Notification]:
        """What was not raised before. Old news counts as raised, without being sent."""
        looked = self._known.setdefault(schedule.id, _Looked())
        if schedule.listing is None or looked.is_quiet(schedule):
            return []  # without a capacity there is no news
        found = news(schedule.curve, schedule.listing, as_of_s)
        looked.listing, looked.quiet_below = schedule.listing, quiet_below(found, schedule.listing.capacity)
        fresh = []
        for item in found:
            # A busy schedule is looked at four times a second, and nearly all of its news is old: no id is made for it.
            if (identity := identity_of(item)) in looked.news:
                continue
            looked.news.add(identity)
            made = notification_of(schedule.id, item)
            if made.id.bytes in raised:
                continue
            raised.add(made.id.bytes)
            if item.at_s * 1000 >= oldest_ms:
                fresh.append(made)
        return fresh

    async def _new_ranks(self, raised: set[bytes]) -> list[Notification]:
        if time.monotonic() < self._ranks_due_s:
            return []  # there is a look every second, also when nothing happens any more
        self._ranks_due_s = time.monotonic() + RANKS_INTERVAL_S
        await self._ranks.prepare()
        return self._ranks.look(raised)

    async def _send(self, producer: AIOKafkaProducer, fresh: list[Notification]) -> None:
        """All of one look in one transaction. If it fails, the loop begins anew and reads back what is there."""
        sent: list[asyncio.Future[Any]] = []
        try:
            async with producer.transaction():
                for made in fresh:
                    future = await producer.send(self._topic, key=made.key, value=made.value)
                    sent.append(future)
        finally:  # the commit says what went wrong; a future that nobody asks would say it again, as a traceback
            await asyncio.gather(*sent, return_exceptions=True)
        for made in fresh:
            self._metrics.notifications.labels(type=made.type).inc()
        self._log.info("notifications_raised", count=len(fresh))


async def _records_left(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> int:
    """How many offsets it has not read before these ends."""
    return sum([max(end - await consumer.position(tp), 0) for tp, end in ends.items()])
