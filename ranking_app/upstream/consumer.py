"""One Faust event per partition batch: the consumer and transport that replace Faust's message-by-message path.

Replaces private methods of faust-streaming 0.15.3 (`_drain_messages`, `_new_offset`, `perform_seek`,
`on_partitions_revoked`, `_new_consumer_thread`, `_create_worker_consumer`, `ack`; `_fetch_records` it adds to) and of
mode-streaming 0.7.1 (`_gather_remaining_tasks`). Stock Faust spends about 75 us on an event before any table is
touched; a list of records per event keeps its agents, assignment and rebalancing and takes that cost out. Why, what
else was tried, and when to drop it: docs/decisions/0002-batch-transport.md. The contract
tests in tests/upstream fail when one of these methods changes upstream.
"""

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import Container, Mapping
from typing import Any, Protocol, cast

import aiokafka
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode.threads import WorkerThread

from ranking_app.errors import RankingError
from ranking_app.kafka_client import FETCH_MAX_WAIT_MS
from ranking_app.upstream.plain_records import plain_records

MAX_POLL_RECORDS = 20_000
"""Records taken from the fetch buffer at once; bounds the memory and the pause of one event."""

PENDING_RECORDS = 60_000
"""A partition with this many records delivered and not yet acknowledged is not fetched from: backpressure."""

FETCH_BYTES = 8 * 1024 * 1024
"""Per partition and fetch: some 34,000 envelopes, so that one round trip fills a large batch when behind."""

SWEEPS = 10
"""How often the tasks left in the consumer's thread are cancelled at its end; two are enough, this bounds it."""

POLL_S = 0.05
"""How long a poll waits for records. A partition that drains meanwhile joins the next poll: this bounds its stall."""


LIVE_RECORDS = 1_000
"""A poll of fewer is of somebody who is not behind. It rests before the next one."""

LONGEST_REST_S = 0.015
"""From the end of a live poll to the beginning of the next fetch, at most: as long as the process has computed since
the live poll before, so that a machine that is quick rests less. What comes meanwhile shares one trip to the brokers,
one hand-over between threads, and the flushes of all partitions, whose writes then share a trip, too."""

GAPS_S = 1.0
"""How often an idle consumer looks whether it stands past the last record: transaction markers are no records."""


class SourceRecreated(RankingError):
    """A source topic is shorter than what was applied of it: it was deleted and made again, or lost records.

    Operator: set a new RANKING_APP_ID, and everything that is on the topics now is counted from the beginning.
    """


class TablesLost(RankingError):
    """A source partition was read, but the changelog knows nothing of it: the changelog was deleted or made anew.

    Operator: set a new RANKING_APP_ID, and everything that is still on the source topics is counted from the beginning.
    """


class SourceOwner(Protocol):
    """What the consumer asks of the code that applies the batches."""

    @property
    def gap_topics(self) -> Container[str]:
        """The topics whose positions are kept in tables, and so have to be moved past gaps."""
        ...

    @property
    def partitions(self) -> Container[int]:
        """The numbers of the partitions whose tables are open."""
        ...

    def next_offsets(self) -> Mapping[TP, int]:
        """Where each assigned source partition goes on, by the tables; partitions without state are left out."""
        ...

    def skip_gap(self, tp: TP, fetched_to: int) -> None:
        """Everything delivered from tp is durable, and fetched_to comes next: no records stand before it."""
        ...

    async def let_go(self, revoked: set[TP]) -> None:
        """Finish the flush under way for these partitions and drop what waits; nothing is written for them after."""
        ...


class DaemonThread(WorkerThread):
    """The end of the process does not wait for it: it may itself be waiting for brokers that do not answer."""

    def __init__(self, service: Any, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread with our own aiokafka consumer in it."""

    Worker = DaemonThread

    def __post_init__(self) -> None:
        super().__post_init__()
        self._polling = asyncio.Lock()
        self._rests_until_s = self._computed_s = 0.0
        self._resting: frozenset[aiokafka.TopicPartition] = frozenset()

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - upstream's
        max_records: int | None = None,
    ) -> Any:
        """As upstream, one at a time. Runs in the thread, also after whoever asked for it was cancelled."""
        async with self._polling:
            if self._resting:
                await asyncio.sleep(max(self._rests_until_s - time.monotonic(), 0))
                consumer.resume(*(self._resting & consumer.assignment()))
                self._resting = frozenset()
            found = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
            if 0 < sum(map(len, found.values())) < LIVE_RECORDS:
                self._rest(consumer, active_partitions)
            return found

    def _rest(self, consumer: aiokafka.AIOKafkaConsumer, polled: set[TP]) -> None:
        """Fetch nothing until the next poll: aiokafka would, at once, and later records would wait for that."""
        before_s, self._computed_s = self._computed_s, time.process_time()
        self._rests_until_s = time.monotonic() + min(self._computed_s - before_s, LONGEST_REST_S)
        # Of an assignment that has just changed, changelogs are not held back yet: they must not be resumed later.
        self._resting = consumer.assignment() & {aiokafka.TopicPartition(*tp) for tp in polled}
        consumer.pause(*self._resting)

    async def finish_polls(self) -> None:
        """Return when no poll is under way that was asked for before.

        A rebalance cancels the fetcher, but not its poll in this thread. What that takes from the buffer, nobody gets;
        so it has to be over before the partitions are sought, or its records would be missing behind the seek.
        """
        await self.call_thread(self._finish_polls)

    async def _finish_polls(self) -> None:
        async with self._polling:
            pass

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        """As upstream, but: short long polls (Faust's 1.5 s stall), read_committed, plain records, our options."""
        conf = self.app.conf
        self._assignor = self.app.assignor
        return aiokafka.AIOKafkaConsumer(
            **cast(BatchTransport, transport).client_options,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=MAX_POLL_RECORDS,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
            isolation_level="read_committed",
            key_deserializer=plain_records,
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 0) * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
        )

    async def _gather_remaining_tasks(self) -> None:
        """As upstream, until none is left: a cancelled task of aiokafka's may begin another (a reconnection).

        The thread's loop is closed after this; a task still in it then would leave its socket open.
        """
        for _ in range(SWEEPS):
            await super()._gather_remaining_tasks()
            await asyncio.sleep(0)
            if asyncio.all_tasks() == {asyncio.current_task()}:
                break

    async def hold_back(self, partitions: set[TP]) -> None:
        """Keep aiokafka from prefetching changelog partitions: Faust assigns them, we restore them ourselves."""
        await self.call_thread(self._hold_back, partitions)

    async def _hold_back(self, partitions: set[TP]) -> None:
        consumer = self._ensure_consumer()
        consumer.pause(*(consumer.assignment() & {aiokafka.TopicPartition(*tp) for tp in partitions}))

    async def fetch_positions(self, partitions: set[TP]) -> dict[TP, int]:
        """The next offsets that aiokafka would fetch, where it knows them: past transaction markers as well."""
        return cast(dict[TP, int], await self.call_thread(self._fetch_positions, partitions))

    async def _fetch_positions(self, partitions: set[TP]) -> dict[TP, int]:
        assignment = self._ensure_consumer()._subscription.subscription.assignment
        found = {}
        for tp in partitions:
            state = assignment.state_value(aiokafka.TopicPartition(*tp))
            if state is not None and state.has_valid_position:
                found[tp] = state.position
        return found


class BatchConsumer(driver.Consumer):
    """Hands each poll's records of one partition to the conductor as one message whose value is the list of them."""

    _thread: BatchConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._batch_ends: defaultdict[TP, deque[tuple[int, int]]] = defaultdict(deque)
        self._pending: defaultdict[TP, int] = defaultdict(int)
        self._room = asyncio.Event()
        self._look_for_gaps_at_s = 0.0

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def owner(self) -> SourceOwner:
        """Who applies the batches and knows the positions."""
        return cast(BatchTransport, self.transport).owner

    async def _drain_messages(self, fetcher: Any) -> None:
        """Poll, batch, deliver, until the fetcher stops."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(cast(Any, self.can_resume_flow))
                    continue
                await self._deliver_poll()
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _deliver_poll(self) -> None:
        """One poll. Records that came while a rebalance began are dropped: the seek after it brings them again."""
        wanted = {tp for tp in self._get_active_partitions() if self._pending[tp] < PENDING_RECORDS}
        if not wanted:
            await self._wait_for_room()
            return
        generation = self.app.consumer_generation_id
        records = await self._getmany(wanted, POLL_S)
        if not records and time.monotonic() >= self._look_for_gaps_at_s:
            self._look_for_gaps_at_s = time.monotonic() + GAPS_S
            await self._skip_gaps(wanted)
        if records:
            await self.wait_first(self._deliver(records, generation), self.suspend_flow.wait())

    async def _skip_gaps(self, polled: set[TP]) -> None:
        """Between polls nothing is on its way: what was fetched is delivered, what is not pending is durable."""
        generation = self.app.consumer_generation_id
        positions = await self._thread.fetch_positions(polled)
        if not self.flow_active or self.app.consumer_generation_id != generation:
            return
        for tp, position in positions.items():
            if not self._pending[tp] and tp.topic in self.owner.gap_topics:
                self.owner.skip_gap(tp, position)

    async def _wait_for_room(self) -> None:
        self._room.clear()
        await self.wait_first(self._room.wait(), timeout=POLL_S)

    async def _deliver(self, records: Mapping[Any, list[Any]], generation: int) -> None:
        """Hand over what is still ours, of all partitions in one go: their flushes begin, and are written, together."""
        for tp, batch in records.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if tp in self._get_active_partitions():
                await self._deliver_batch(TP(tp.topic, tp.partition), batch)

    async def _deliver_batch(self, tp: TP, records: list[Any]) -> None:
        """Records below the read offset were fetched before a seek: they are not for us any more."""
        read_offset = self._read_offset[tp]
        if read_offset is not None and records[0].offset < read_offset:
            records = [record for record in records if record.offset >= read_offset]
        if not records:
            return
        last = records[-1]
        self._batch_ends[tp].append((last.offset, len(records)))
        self._pending[tp] += len(records)
        self._read_offset[tp] = last.offset + 1
        await self.callback(_as_message(tp, records, self.app))

    def ack(self, message: Message) -> bool:
        """As upstream, and make room for the next poll."""
        acked = super().ack(message)
        if acked:
            self._room.set()
            self._pending[message.tp] = max(self._pending[message.tp] - len(cast(list[Any], message.value)), 0)
        return acked

    def _new_offset(self, tp: TP) -> int | None:
        """The offset after the last batch up to which all batches are acknowledged, in the order of delivery."""
        ends, acked = self._batch_ends[tp], self._acked_index[tp]
        new_offset = None
        while ends and ends[0][0] in acked:
            end, _ = ends.popleft()
            acked.discard(end)
            new_offset = end + 1
        self._acked[tp][:] = list(acked)
        return new_offset

    async def perform_seek(self) -> None:
        """Go on where the tables are: they know better than the committed offsets, which lag behind them.

        Every partition is sought, one without any state to its beginning: where aiokafka stands says nothing, since a
        poll that was under way in the rebalance may have taken records that nobody got.
        """
        await self._thread.finish_polls()
        committed = await self.seek_to_committed()
        # Tables may know of a source partition that is not assigned: a broker's metadata from before it was grown.
        assigned = {TP(tp.topic, tp.partition) for tp in committed}
        applied = {tp: offset for tp, offset in self.owner.next_offsets().items() if tp in assigned}
        self._refuse_lost_tables(committed, applied)
        await self._refuse_shorter_sources(applied)
        self._forget(set(self.assignment()))
        for tp, offset in committed.items():
            known = TP(tp.topic, tp.partition)
            # Should the tables be behind the commit, Faust would ignore what is acknowledged in between.
            self._committed_offset[known] = min(offset or 0, applied.get(known, offset or 0)) or None
            self._read_offset[known] = None
        self._acknowledge_applied(applied)
        await self.seek_wait({**await self._beginnings(committed, applied), **applied})

    async def _beginnings(self, committed: Mapping[TP, int | None], applied: Mapping[TP, int]) -> dict[TP, int]:
        """The first offsets of the partitions of which nothing is known."""
        changelogs = self.app.tables.changelog_topics
        unknown = [TP(*tp) for tp, offset in committed.items() if not offset and tp.topic not in changelogs]
        if not unknown:
            return {}
        first = await self.earliest_offsets(*unknown)
        return {TP(*tp): offset for tp, offset in first.items() if TP(*tp) not in applied}

    def _acknowledge_applied(self, applied: Mapping[TP, int]) -> None:
        """What the owner before us applied and did not commit: where nothing new comes, lag would stay for ever."""
        for tp, offset in applied.items():
            if offset > (self._committed_offset[tp] or 0):
                self._batch_ends[tp].append((offset - 1, 0))
                self._acked[tp].append(offset - 1)
                self._acked_index[tp].add(offset - 1)

    def _refuse_lost_tables(self, committed: Mapping[TP, int | None], applied: Mapping[TP, int]) -> None:
        """Offsets are committed after the tables have them. Going on there with empty tables would lose the past.

        Tables that are not open say nothing: the assignment has changed again, and the next seek will look at them.
        """
        for tp, offset in committed.items():
            known = TP(tp.topic, tp.partition)
            if known.topic not in self.owner.gap_topics or known.partition not in self.owner.partitions:
                continue
            if offset and known not in applied:
                raise TablesLost(
                    f"topic {tp.topic!r} partition {tp.partition} was read up to offset {offset}, but the changelog "
                    "knows nothing of it: it was deleted or made anew; set a new RANKING_APP_ID to count what is on "
                    "the topic from its beginning"
                )

    async def _refuse_shorter_sources(self, applied: Mapping[TP, int]) -> None:
        """A source that ends before what was applied is another topic of the same name: its records would be lost."""
        for tp, end in (await self.highwaters(*applied)).items() if applied else ():
            if end < applied[TP(tp.topic, tp.partition)]:
                raise SourceRecreated(
                    f"topic {tp.topic!r} partition {tp.partition} ends at offset {end}, but offsets up to "
                    f"{applied[TP(tp.topic, tp.partition)]} were applied: it was recreated or truncated; set a new "
                    "RANKING_APP_ID to count it from its beginning"
                )

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is under way, then forget the partitions."""
        self.stop_flow()
        try:
            await self.owner.let_go(revoked)
            await self.commit()
        finally:
            await super().on_partitions_revoked(revoked)
            self._forget(revoked)

    async def hold_back(self, partitions: set[TP]) -> None:
        """See BatchConsumerThread.hold_back."""
        with contextlib.suppress(IllegalStateError):  # revoked meanwhile: the next assignment calls again
            await self._thread.hold_back(partitions)

    def _forget(self, partitions: set[TP]) -> None:
        for tp in partitions:
            self._batch_ends.pop(tp, None)
            self._pending.pop(tp, None)
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)
        self._room.set()


class BatchTransport(driver.Transport):
    """The transport that names our consumer. client_options: what every aiokafka client of the app connects with."""

    Consumer = BatchConsumer

    client_options: Mapping[str, Any]
    owner: SourceOwner


def _as_message(tp: TP, records: list[Any], app: Any) -> ConsumerMessage:
    last = records[-1]
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        last.offset,
        last.timestamp / 1000,
        last.timestamp_type,
        [],
        None,
        cast(Any, records),
        None,
        0,
        0,
        tp,
        generation_id=app.consumer_generation_id,
    )
