"""Where a worker's time goes when hardly two events share a pane: `python -m benchmarks.low_coalescing`.

A backlog of the workload `many` (make bench-peers), each event a pane of its own, all schedules alike:
`--schedules 100000 --even --event-rate 24000 --speed 30 --flush-records 2000`.

No Kafka and no waiting: the same code as in a worker, on a real RocksDB, over simulated seconds, with aiokafka's own
building of record batches. Each stage's processor time is divided by the events, so that a change of one stage can be
told from the noise of a machine that others use. What the process beside a worker does is made here, and is a stage of
its own; the sending to it and back is not there.
"""

import asyncio
import cProfile
import gc
import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

import click
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from agents.apply import Applier
from agents.arrivals import WallArrivals
from agents.dead_letters import DeadLetters
from agents.decoding import Source
from agents.in_step import InStep
from agents.notifier import Notifier
from agents.pace import NoPace
from agents.partition_worker import PartitionWorker
from agents.pending import Batch
from agents.rank_watch import RankWatch
from agents.tally_process import Answer
from benchmarks.events import envelope, popularity
from ranking_app.clock import ManualClock
from ranking_app.metrics import Metrics
from ranking_app.rankings.boards.sales import SALES
from ranking_app.rankings.rank_news import RankRule
from ranking_app.rankings.slices import EVERYTHING
from ranking_app.rankings.tally import tally
from ranking_app.read_model.board_views import BoardViews
from ranking_app.read_model.follower import Follower
from ranking_app.read_model.sources import CATALOGUE, SourceKey
from ranking_app.read_model.state import ReadModel, ReadRules
from ranking_app.upstream.store import opened
from ranking_app.web.board_answers import BoardAnswers
from ranking_app.web.dump import dump
from ranking_app.web.questions import Page, Question
from schemas.decode import DecodeRules
from tables.changed import Fresh
from tables.changelog import BATCH_BYTES, ChangelogWriter
from tables.panes import OwnedPartition
from tables.store import Pair, PartitionStore

PARTITIONS = 3
TOPICS = ("reservation.completed", "reservation.cancelled", "concert.schedule.created")
HISTORY_EVENTS, HISTORY_S = 100_000, 864_000
MINUTE_BEGAN_S = 1_758_000_000
"""The simulated time begins at the start of a minute."""

LOOKS_A_SECOND, ANSWERS_A_SECOND, REPORTS_A_SECOND, SETTLES_A_SECOND = 4, 4, 5, 1
"""The notifier's looks, new answers of one board (of 500 requests most get one that is kept), reports, and how often
what nobody asked for is read."""


class Record(NamedTuple):
    """What a source consumer gives."""

    offset: int
    value: bytes
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0


class LocalProducer:
    """Takes record batches as the broker of one topic would."""

    def __init__(self) -> None:
        self.next_offset = [0] * PARTITIONS

    def create_batch(self) -> BatchBuilder:
        """As AIOKafkaProducer."""
        return BatchBuilder(BATCH_BYTES, 0)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        """As AIOKafkaProducer: acknowledged at once."""
        first = self.next_offset[partition]
        self.next_offset[partition] += batch.record_count()
        batch._build()
        acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(SimpleNamespace(offset=first))
        return acknowledged


class Stages:
    """Processor time by stage."""

    def __init__(self) -> None:
        self.spent_s: defaultdict[str, float] = defaultdict(float)
        self.profile: cProfile.Profile | None = None

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """What happens inside counts for the stage."""
        if self.profile is not None:
            self.profile.enable()
        started_s = time.process_time()
        try:
            yield
        finally:
            self.spent_s[name] += time.process_time() - started_s
            if self.profile is not None:
                self.profile.disable()

    @contextmanager
    def within(self, outer: str, name: str) -> Iterator[None]:
        """What happens inside counts for the stage, and not for the one around it."""
        started_s = time.process_time()
        try:
            yield
        finally:
            spent_s = time.process_time() - started_s
            self.spent_s[name] += spent_s
            self.spent_s[outer] -= spent_s


class Beside:
    """In place of the process beside: answers at once, on an account of its own."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def prepare(self) -> None:
        """Nothing to prepare."""

    def ask(self, records: Sequence[Any], rules: DecodeRules, now_ms: int, with_offsets: bool = False) -> Answer:
        """As TallyProcess."""
        answer: Answer = asyncio.get_running_loop().create_future()
        offsets, values = [record.offset for record in records], [record.value for record in records]
        with self._stages.within("count", "count: in the process beside"):
            answer.set_result(tally(offsets, values, rules, now_ms, with_offsets))
        return answer

    def take_back(self, answer: Answer) -> bool:
        """It has answered."""
        return False

    async def close(self) -> None:
        """Nothing to end."""


class World:
    """A worker's parts, wired as in ranking_app/process.py, without what waits for Kafka."""

    def __init__(self, folder: Path, schedules: int, flush_records: int, even: bool, speed: int) -> None:
        self.clock = ManualClock(MINUTE_BEGAN_S * 1000)
        self.stages, self.metrics = Stages(), Metrics()
        self.names = [f"WorldDJFestival2025{number:06d}" for number in range(schedules)]
        self._chance = random.Random(3)
        self._weights = None if even else list(accumulate(popularity(schedules)))
        self._second_ms = 1000 * speed
        self._flush_records = flush_records
        self._offsets = [0] * PARTITIONS
        self._in_step = InStep()
        self.events = 0
        self.producer = LocalProducer()
        changelog = ChangelogWriter(cast(AIOKafkaProducer, self.producer), "changelog")
        stores = [PartitionStore(opened(folder / str(number))) for number in range(PARTITIONS)]
        self._workers = [self._worker(number, store, changelog) for number, store in enumerate(stores)]
        self.model = ReadModel(
            ReadRules(TOPICS, PARTITIONS, "wall", ZoneInfo("Asia/Seoul"), 600_000, 60_000, 1_000_000, 300_000),
            self.clock,
        )
        log = structlog.get_logger()
        self.follower = Follower(
            self.model, "changelog", PARTITIONS, make_reader=cast(Any, None), on_failure=_fail,
            metrics=self.metrics, log=log,
        )  # fmt: skip
        self.ranks = RankWatch(self.model, RankRule())
        self.notifier = Notifier(
            self.model, self.ranks, "notifications", 3, transactional_id="n", max_age_ms=60_000,
            past_news=cast(Any, None), options={}, make_reader=cast(Any, None),
            follower=self.follower, on_failure=_fail, metrics=self.metrics, log=log,
        )  # fmt: skip
        self.notifier._send = _sent_nowhere  # type: ignore[method-assign]
        self.raised: set[bytes] = set()
        self.later: set[str] = set()
        self.answers = BoardAnswers(BoardViews(self.model))
        self.model.loaded = True
        self.follower._spared = cast(Any, SimpleNamespace(spare=lambda partition: None))

    def _worker(self, number: int, store: PartitionStore, changelog: ChangelogWriter) -> PartitionWorker:
        owned = OwnedPartition(number, store, changelog, 86_400_000, "bench", on_written=self._wrote)
        rules = DecodeRules(ZoneInfo("Asia/Seoul"), 300_000, 1_000_000, False)
        sources = {role: Source(role, TOPICS[role], number, rules, 600_000) for role in (0, 1)}
        arrivals = {role: WallArrivals(self.clock) for role in (0, 1, 3, 4)}
        applier = Applier(owned, sources, cast(DeadLetters, None), arrivals, self.clock, Beside(self.stages))
        return PartitionWorker(
            owned, applier, cast(Any, None),
            topics=dict(enumerate(TOPICS[:2])), arrivals=arrivals, pace=NoPace(), in_step=self._in_step,
            metrics=self.metrics, log=structlog.get_logger(),
        )  # fmt: skip

    def catalogue(self) -> None:
        """A listing of every schedule."""
        for number, name in enumerate(self.names):
            payload = {"concertScheduleId": name, "capacity": 100 + number % 5_000, "title": f"Festival {number}",
                       "venue": f"Hall {number % 300}", "genre": ("dj", "rock", "trot")[number % 3]}  # fmt: skip
            event = {"eventId": str(number), "eventType": TOPICS[2], "eventTime": "2025-01-01T00:00:00Z",
                     "payload": payload}  # fmt: skip
            self.model.apply_listing(name.encode(), json.dumps(event).encode(), number, self.clock.now_ms())
        self.model.changed()

    def batch(self, partition: int, count: int, first_ms: int, last_ms: int) -> Batch:
        """Source records of one partition, their times spread over [first, last)."""
        records = []
        for index, name in enumerate(self._chance.choices(self.names, cum_weights=self._weights, k=count)):
            number = self._offsets[partition]
            self._offsets[partition] += 1
            at_ms = first_ms + index * (last_ms - first_ms) // count
            event_id = f"aaaaaaaa-bbbb-cccc-{partition:04d}-{number:012x}"
            records.append(Record(number, envelope(event_id, at_ms, name, number)))
        return Batch(0, records, lambda: None)

    async def take_in(self, batches: dict[int, Batch]) -> None:
        """One flush each, and what the follower makes of it."""
        for partition, batch in batches.items():
            self.events += len(batch.records)
            with self.stages.of("count"):
                await self._workers[partition]._flush([batch])

    async def _wrote(self, partition: int, first_offset: int, pairs: Sequence[Pair], fresh: Fresh) -> None:
        with self.stages.within("count", "apply own writes"):
            await self.follower.wrote(partition, first_offset, pairs, fresh)

    async def second(self, events: int) -> None:
        """One simulated second at so many events."""
        rounds = max(round(events / PARTITIONS / self._flush_records), 1)
        began_ms = self.clock.now_ms()
        each = events // PARTITIONS // rounds
        for number in range(rounds):
            first_ms, last_ms = (began_ms + part * self._second_ms // rounds for part in (number, number + 1))
            self.clock.set_ms(last_ms - 1)
            await self.take_in({p: self.batch(p, each, first_ms, last_ms) for p in range(PARTITIONS)})
            if _due(number, rounds, LOOKS_A_SECOND):
                with self.stages.of("notify: look at schedules"):
                    self.notifier._ranks_due_s = float("inf")
                    changed, self.model.touched = self.model.touched | self.later, set()
                    self.later = await self.notifier._look(cast(Any, None), changed, self.raised)
            if _due(number, rounds, 1):
                with self.stages.of("notify: look at ranks"):
                    await self.ranks.prepare()
                    self.ranks.look(self.raised)
            if _due(number, rounds, ANSWERS_A_SECOND):
                with self.stages.of("answer a board"):
                    await self.answer()
            if _due(number, rounds, SETTLES_A_SECOND):
                with self.stages.of("settle what nobody asked"):
                    await self.model.settle()
            if _due(number, rounds, REPORTS_A_SECOND):
                with self.stages.of("report"):
                    for source in (*self.model.sources(), CATALOGUE):
                        self.model.set_end(source, 0, self._end(source))
                    self.follower._report()
        self.clock.set_ms(began_ms + self._second_ms)

    def _end(self, source: SourceKey) -> int:
        return self._offsets[source.partition] if source.role == 0 else 0

    async def answer(self) -> bytes:
        """The top 100 of the last hour, as it is asked for without parameters."""
        as_of_s = self.model.live_as_of_s()
        question = Question(SALES.make(3_600, {"by": "quantity"}), "1h", EVERYTHING, "standard", 3_600, False, True,
                            as_of_s, True)  # fmt: skip
        await self.answers.prepare(question)
        return dump(dict(self.answers.answer(question, Page(0, 100))))


def _due(number: int, rounds: int, times: int) -> bool:
    return (number + 1) * times // rounds > number * times // rounds


async def _sent_nowhere(producer: Any, fresh: Any) -> None:
    pass


def _fail(error: BaseException) -> None:
    raise error


async def _bench(world: World, rate: int, warm_up_s: int, seconds: int, profile: cProfile.Profile | None) -> None:
    world.catalogue()
    began_ms = world.clock.now_ms()
    for partition in range(PARTITIONS):
        past = world.batch(partition, HISTORY_EVENTS // PARTITIONS, began_ms - HISTORY_S * 1000, began_ms)
        await world.take_in({partition: past})
    flush_records, world._flush_records = world._flush_records, rate // PARTITIONS
    for _ in range(warm_up_s - 2):
        await world.second(rate)
    world._flush_records = flush_records
    for _ in range(2):
        await world.second(rate)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    world.stages.spent_s.clear()
    world.events, world.stages.profile = 0, profile
    for _ in range(seconds):
        await world.second(rate)


@click.command()
@click.option("--schedules", default=10_000, show_default=True)
@click.option("--event-rate", default=10_000, show_default=True)
@click.option("--flush-records", default=100, show_default=True, help="Records in one flush of one partition.")
@click.option("--warm-up", default=20, show_default=True, help="Simulated seconds before it is measured.")
@click.option("--seconds", default=10, show_default=True, help="Simulated seconds that are measured.")
@click.option("--even", is_flag=True, help="All schedules sell alike, in place of some that sell much.")
@click.option("--speed", default=1, show_default=True, help="Event seconds in a simulated one: it catches up.")
@click.option("--profile", default=None, help="Write a cProfile of the measured part to this file.")
def main(
    schedules: int,
    event_rate: int,
    flush_records: int,
    warm_up: int,
    seconds: int,
    even: bool,
    speed: int,
    profile: str | None,
) -> None:
    """Print microseconds of processor time per event, by stage; the last line is JSON."""
    profiler = None if profile is None else cProfile.Profile()
    with tempfile.TemporaryDirectory(prefix="ranking-bench-") as folder:
        world = World(Path(folder), schedules, flush_records, even, speed)
        asyncio.run(_bench(world, event_rate, warm_up, seconds, profiler))
    if profiler is not None:
        profiler.dump_stats(cast(str, profile))
    found = {name: round(spent_s / world.events * 1e6, 2) for name, spent_s in world.stages.spent_s.items()}
    found["all"] = round(sum(found.values()), 2)
    for name, microseconds in found.items():
        print(f"{name:28} {microseconds:8.2f} us per event")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
