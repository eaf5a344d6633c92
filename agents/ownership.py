"""Which partitions this worker owns: opens them after an assignment, lets them go before they are revoked."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.types import TP
from rocksdict import Rdict

from agents.apply import Applier
from agents.arrivals import Arrivals
from agents.dead_letters import DeadLetters
from agents.decoding import Source
from agents.in_step import InStep
from agents.intake import Intake
from agents.pace import Pace
from agents.partition_worker import Job, PartitionWorker
from agents.pending import Batch
from agents.tally_process import Tallying
from ranking_app.clock import Clock
from ranking_app.kafka_client import started
from ranking_app.metrics import Metrics
from schemas.decode import DecodeRules
from tables.changed import Changed
from tables.changelog import ChangelogWriter
from tables.panes import LINE_ROLES, ROLES, OnWritten, OwnedPartition
from tables.restore import restore
from tables.store import PartitionStore


@dataclass(frozen=True, slots=True)
class OwnershipRules:
    """What ownership needs of the settings. Times in milliseconds; topics: completed first, cancelled second.

    line_topics: what archived lines are called in place of a topic. owner: the name of this worker, as others see it.
    """

    topics: tuple[str, str]
    line_topics: tuple[str, str]
    changelog_topic: str
    decode: tuple[DecodeRules, DecodeRules]
    grace_ms: int
    keep_ids_ms: int
    owner: str


class Ownership:
    """The partitions of this worker and the workers that apply them.

    open_store: the RocksDB of a changelog partition. make_reader: a new, not yet started consumer without a group.
    arrivals: a new clock of arrivals for a source, by its role. intake: what comes before the consumer's records.
    pace, tallying: of all partitions together.
    on_failure: told the exception that ended a partition's worker; the process then stops. on_handover: told True
    when partitions are being let go, False when those of the new assignment are owned. on_written: told every write.
    """

    def __init__(
        self,
        rules: OwnershipRules,
        *,
        producer: AIOKafkaProducer,
        dead_letters: DeadLetters,
        open_store: Callable[[int], Rdict],
        make_reader: Callable[[], AIOKafkaConsumer],
        on_failure: Callable[[BaseException], None],
        on_handover: Callable[[bool], None],
        on_written: OnWritten | None,
        arrivals: Callable[[int], Arrivals],
        intake: Intake,
        pace: Pace,
        tallying: Tallying,
        clock: Clock,
        metrics: Metrics,
        log: Any,
    ) -> None:
        self._rules = rules
        self._changelog = ChangelogWriter(producer, rules.changelog_topic)
        self._dead_letters = dead_letters
        self._open_store = open_store
        self._make_reader = make_reader
        self._on_failure = on_failure
        self._on_handover = on_handover
        self._on_written = on_written
        self._arrivals = arrivals
        self._intake = intake
        self._pace = pace
        self._in_step = InStep()
        self._tallying = tallying
        self._clock = clock
        self._metrics = metrics
        self._log = log
        self._roles = {topic: role for role, topic in enumerate(rules.topics)}
        self._names = dict(zip((*ROLES, *LINE_ROLES), (*rules.topics, *rules.line_topics), strict=True))
        self._tied = {*rules.topics, rules.changelog_topic}
        self._workers: dict[int, PartitionWorker] = {}
        self._kept: dict[int, tuple[Rdict, OwnedPartition]] = {}
        self._closed = False

    @property
    def partitions(self) -> set[int]:
        """The numbers of the partitions owned now."""
        return set(self._workers)

    @property
    def gap_topics(self) -> Container[str]:
        """The topics whose positions are in the tables."""
        return self._roles

    def offer(self, topic: str, partition: int, records: Any, acknowledge: Callable[[], None]) -> None:
        """Hand over a batch of source records. One of a partition that is not owned is dropped: it comes again."""
        worker = self._workers.get(partition)
        if worker is not None:
            self._intake.take(worker, Batch(self._roles[topic], records, acknowledge))

    def run_between_flushes(self, partition: int, job: Job) -> None:
        """Have job called with an owned partition between two flushes; nothing happens if it is not owned."""
        worker = self._workers.get(partition)
        if worker is not None:
            worker.run_between_flushes(job)

    def skip_gap(self, tp: TP, fetched_to: int) -> None:
        """Move a position past offsets that hold no records (transaction markers), so that lag becomes 0.

        Only for a partition whose delivered records are all durable, and from which fetched_to is fetched next.
        """
        worker = self._workers.get(tp.partition)
        if worker is None:
            return
        role = self._roles[tp.topic]
        if not self._intake.may_skip(worker, role, fetched_to):
            return
        seen_at = worker.owned.positions[role].next_offset

        async def move(owned: OwnedPartition) -> None:
            position = owned.positions[role]
            if position.next_offset == seen_at:
                await owned.write(Changed(), {role: position.moved(next_offset=fetched_to)}, ())

        if fetched_to > seen_at:
            worker.run_between_flushes(move)

    def next_offsets(self) -> Mapping[TP, int]:
        """Where each owned source partition goes on; partitions without state are left out."""
        return {
            TP(topic, number): worker.owned.positions[role].next_offset
            for number, worker in self._workers.items()
            for topic, role in self._roles.items()
            if worker.owned.positions[role].next_offset
        }

    async def restore(self, changelog_partitions: set[TP]) -> None:
        """Bring the stores of these partitions up to date and begin to own them."""
        await self.let_go_all()
        stores = {
            TopicPartition(tp.topic, tp.partition): self._open_store(tp.partition)
            for tp in sorted(changelog_partitions)
        }
        await self._restore({tp: PartitionStore(db) for tp, db in stores.items()})
        if self._closed:
            return
        for tp, db in stores.items():
            self._own(tp.partition, db)
        self._on_handover(False)
        self._metrics.rebalances.inc()
        self._log.info("partitions_owned", partitions=sorted(self._workers))

    async def let_go(self, revoked: set[TP]) -> None:
        """Finish the flushes under way for these partitions, drop what waits.

        By their tables too: a partition may have tables before its source topics have it.
        """
        self._on_handover(True)
        for number in {tp.partition for tp in revoked if tp.topic in self._tied}:
            await self._close(number)

    async def let_go_all(self) -> None:
        """The same for every partition."""
        for number in list(self._workers):
            await self._close(number)

    async def close(self) -> None:
        """Let go of everything for good: a restore that is under way owns nothing any more at its end."""
        self._closed = True
        await self._tallying.close()  # a flush may wait for its answers, and it may hang
        await self.let_go_all()

    async def _restore(self, stores: dict[TopicPartition, PartitionStore]) -> None:
        if not stores:
            return
        before = {tp.partition: store.changelog_offset for tp, store in stores.items()}
        async with started(self._make_reader()) as reader:
            await restore(reader, stores, self._clock.now_ms(), self._log)
        for tp, store in stores.items():
            if store.changelog_offset != before[tp.partition]:
                self._kept.pop(tp.partition, None)  # somebody else owned it meanwhile

    def _own(self, number: int, db: Rdict) -> None:
        kept = self._kept.get(number)
        owned = kept[1] if kept is not None and kept[0] is db else self._open(number, db)

        arrivals = {role: self._arrivals(role) for role in (*ROLES, *LINE_ROLES)}

        async def reopen() -> tuple[OwnedPartition, Applier]:
            await self._restore({TopicPartition(self._rules.changelog_topic, number): PartitionStore(db)})
            fresh = self._open(number, db)
            return fresh, self._applier(fresh, arrivals)

        worker = self._workers[number] = PartitionWorker(
            owned,
            self._applier(owned, arrivals),
            reopen,
            topics=self._names,
            arrivals=arrivals,
            pace=self._pace,
            in_step=self._in_step,
            metrics=self._metrics,
            log=self._log,
        )
        if not owned.taken_over:
            worker.run_between_flushes(OwnedPartition.take_over)
        worker.start(self._on_failure)
        self._intake.own(worker)
        self._metrics.partition_owned.labels(partition=str(number)).set(1)

    def _open(self, number: int, db: Rdict) -> OwnedPartition:
        rules = self._rules
        store = PartitionStore(db)
        owned = OwnedPartition(number, store, self._changelog, rules.keep_ids_ms, rules.owner, self._on_written)
        self._kept[number] = (db, owned)
        return owned

    def _applier(self, owned: OwnedPartition, arrivals: Mapping[int, Arrivals]) -> Applier:
        decode = dict(zip((*ROLES, *LINE_ROLES), self._rules.decode * 2, strict=True))
        sources = {
            role: Source(role, topic, owned.number, decode[role], self._rules.grace_ms)
            for role, topic in self._names.items()
        }
        return Applier(owned, sources, self._dead_letters, arrivals, self._clock, self._tallying)

    async def _close(self, number: int) -> None:
        worker = self._workers.pop(number, None)
        if worker is not None:
            await self._intake.let_go(number)
            await worker.close()
            self._metrics.partition_owned.labels(partition=str(number)).set(0)
