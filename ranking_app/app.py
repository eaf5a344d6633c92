"""Where the parts meet: a worker (events in, tables, read model, web, notifications) and a serve instance."""

import asyncio
import contextlib
import gc
import shutil
from typing import Any

from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from agents import catalogue, reservations
from agents.dead_letters import DeadLetters, topic_limits
from agents.decoding import HELPED_RECORDS
from agents.notifier import Notifier
from agents.ownership import Ownership, OwnershipRules
from agents.past_news import PastNews
from agents.rank_watch import RankWatch
from agents.tally_process import tallying
from agents.upkeep import Upkeep, View
from ranking_app.clock import Clock
from ranking_app.counted_generation import CountedGeneration
from ranking_app.data_dir import locked_data_dir
from ranking_app.errors import RankingError
from ranking_app.faust_app import connect, create_faust_app, create_table
from ranking_app.generations.generation import Generation
from ranking_app.kafka_client import close, writer
from ranking_app.process import SAVED, Process
from ranking_app.rankings.rank_news import RankRule
from ranking_app.read_model.sources import LINE_TOPICS
from ranking_app.read_model.state import ReadModel
from ranking_app.settings import Settings
from ranking_app.tasks import in_turns
from ranking_app.topics import DAY_MS, METADATA_MAX_AGE_MS
from schemas.decode import DecodeRules
from tables.changelog import PRODUCER_OPTIONS

STOP_BUDGET_S = 5.0
"""For the last flush, the commit, and Faust to leave its group. SIGTERM promises 10 s; the rest is for the others."""

STARTING_ENDS_WITHIN_S = 0.5

EXPIRED_TURN_S = 0.004
"""All schedules are looked at for so long before others get their turn."""

HOUR_MS = 3600 * 1000


class UnknownGeneration(RankingError):
    """There is no generation of this name. Operator: `ranking-app backfill list` shows those there are."""


class GenerationDropped(RankingError):
    """The generation that this worker was started for was dropped. Operator: start it without RANKING_GENERATION."""


async def run_serve(settings: Settings, clock: Clock) -> None:
    """The web endpoint alone, until a signal."""
    process = Process(settings, clock)
    with contextlib.suppress(asyncio.CancelledError):
        async with process.reading():
            _freeze_what_lives()
            await process.until_stopped()
    process.raise_failure()
    process.log.info("stopped")


async def run_worker(settings: Settings, clock: Clock, stop_asked: asyncio.Event | None = None) -> None:
    """One worker, until a signal, until stop_asked is set, or until a failure."""
    with locked_data_dir(settings.data_dir):
        process = Process(settings, clock, stop_asked, saves=True)
        with contextlib.suppress(asyncio.CancelledError):
            async with process.reading():
                await _count(process)
        process.raise_failure()
        process.log.info("stopped")


async def _count(process: Process) -> None:
    """Share in counting one generation; when that is dropped, in the live one."""
    while not process.stop_asked.is_set():
        generation = _generation_to_count(process)
        await process.or_stop(process.count(generation))
        if generation.name != process.control.state.live.name:
            await process.until_answers()  # what the live one has counted decides what is this one's to do
        worker = Worker(process, generation)
        await worker.run()
        if worker.dropped.is_set():
            _forget(generation.settings(process.settings))
            process.log.info("generation_dropped", generation=generation.name)
            del worker
            await process.count(None)
            _give_back_memory()


def _generation_to_count(process: Process) -> Generation:
    state = process.control.state
    name = process.settings.generation or state.live.name
    if name in state.generations:
        return state.generations[name]
    if name in state.names_used:
        raise GenerationDropped(f"generation {name!r} was dropped; start this worker without RANKING_GENERATION")
    raise UnknownGeneration(f"there is no generation {name!r}; `ranking-app backfill list` shows those there are")


def _forget(own: Settings) -> None:
    """What a dropped generation left on this disk: Faust's stores, and the saved read model."""
    shutil.rmtree(own.data_dir / "v1", ignore_errors=True)
    (own.data_dir / SAVED).unlink(missing_ok=True)


class Worker:
    """The write side of a worker: Faust with our transport, the owned partitions, upkeep and the notifier."""

    def __init__(self, process: Process, generation: Generation) -> None:
        counted = CountedGeneration(process, generation)
        settings = counted.settings
        process.about.worker = process.address
        self._process = process
        self._generation = counted
        self._catalogue = TP(settings.catalogue_topic, 0)
        self.dropped = asyncio.Event()
        """Set when the generation was dropped: the worker then ends."""
        self._producer = writer(process.options, metadata_max_age_ms=METADATA_MAX_AGE_MS, **PRODUCER_OPTIONS)
        dead_letters = DeadLetters(
            self._producer, settings.app_id, topic_limits(process.options), process.log, counted.is_dead_letter_ours
        )
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._app = create_faust_app(settings, process.options)
        self._store = create_table(self._app, settings.partitions)
        self._tallying = tallying(settings.tally_process, process.log)
        self._ownership = Ownership(
            _ownership_rules(settings, process.address),
            producer=self._producer,
            dead_letters=dead_letters,
            open_store=self._store._db_for_partition,
            make_reader=process.make_reader,
            on_failure=process.fail,
            on_handover=self._handover,
            on_written=counted.follower.wrote,
            arrivals=counted.arrivals,
            intake=counted.intake(),
            pace=counted.pace(),
            tallying=self._tallying,
            clock=process.clock,
            metrics=process.metrics,
            log=process.log,
        )
        self._upkeep = Upkeep(self._ownership, _view(counted.model, settings), process.fail, process.log)
        rule = RankRule(settings.notify_top)
        self._notifier = Notifier(
            counted.model,
            RankWatch(counted.model, rule),
            settings.notification_topic,
            settings.notification_partitions,
            transactional_id=f"{process.settings.app_id}-notifier",
            max_age_ms=settings.notify_max_age,
            past_news=PastNews(
                process.control,
                process.settings.control_topic,
                counted.name,
                counted.model,
                counted.previous,
                lambda boards: RankWatch(boards, rule),
                settings.notify_max_age,
            ),
            options=process.options,
            make_reader=process.make_reader,
            follower=counted.follower,
            on_failure=process.fail,
            metrics=process.metrics,
            log=process.log,
        )
        connect(self._app, self._ownership, self._restore)
        reservations.attach(self._app, settings.source_topics, self._ownership, process.fail)
        catalogue.attach(
            self._app,
            settings.catalogue_topic,
            dead_letters,
            settings.zone,
            settings.max_record_bytes,
            settings.max_future,
            process.fail,
        )

    async def run(self) -> None:
        """Until the process is asked to stop, or the generation is dropped; then flush, acknowledge, commit."""
        try:
            await self._process.or_stop(self._producer.start())
            await self._count()
        finally:
            await close(self._producer)  # also one whose start was cut short, or that was not reached by a stop

    async def _count(self) -> None:
        self._app.finalize()
        self._process.on_control = self._on_control
        await self._on_control()  # what came before that
        starting = asyncio.create_task(self._app.start())
        watching = asyncio.create_task(self._watch())
        self._upkeep.start()
        _freeze_what_lives()
        try:
            await self._until_over()
        finally:
            self._process.on_control = None
            watching.cancel()
            await self._stop(starting)

    async def _until_over(self) -> None:
        ends = [asyncio.ensure_future(end.wait()) for end in (self._process.stop_asked, self.dropped)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _watch(self) -> None:
        """Faust marks the app as crashed and goes on without the part that failed: notice it."""
        while not self._app.crashed:  # noqa: ASYNC110 - a flag of Faust's, which tells nobody
            await asyncio.sleep(0.2)
        self._process.fail(self._app.crash_reason or RuntimeError("Faust stopped without a reason"))

    async def _on_control(self) -> None:
        if self._generation.is_dropped:
            self.dropped.set()
        else:
            await self._mind_notifier()

    async def _restore(self, changelog_partitions: set[TP]) -> None:
        if any(source.state.lag >= HELPED_RECORDS for source in self._generation.model.activity()):
            self._tallying.prepare()
        with self._generation.follower.loading_waits():
            await self._ownership.restore(changelog_partitions)
        await self._mind_notifier()

    async def _mind_notifier(self) -> None:
        """Raise notifications if this worker is the one of the live generation that has the catalogue's partition."""
        in_charge = self._generation.is_live and self._catalogue in self._assignment()
        await (self._notifier.start() if in_charge else self._notifier.stop())

    def _assignment(self) -> set[TP]:
        """Nothing until Faust's consumer has begun; an assignment then looks at the notifier itself."""
        try:
            return set(self._app.consumer.assignment())
        except ConsumerNotStarted:
            return set()

    def _handover(self, letting_go: bool) -> None:
        self._generation.model.rebalancing = letting_go
        self._generation.follower.fetch_all()  # at both ends: a last flush comes after the first

    async def _stop(self, starting: asyncio.Task[Any]) -> None:
        """Flush, acknowledge, commit, leave the group; bounded: what is not done by then comes again next time."""
        stopping = asyncio.create_task(self._stop_in_order())
        # Not asyncio.timeout: Faust swallows cancellations, and then nothing would bound this.
        done, _ = await asyncio.wait([stopping], timeout=STOP_BUDGET_S)
        if not done or stopping.exception() is not None:
            reason = repr(stopping.exception()) if done else f"not within {STOP_BUDGET_S:g} s"
            self._process.log.warning("stopped_uncleanly", reason=reason)
        stopping.cancel()
        starting.cancel()
        await asyncio.wait([starting, stopping], timeout=STARTING_ENDS_WITHIN_S)

    async def _stop_in_order(self) -> None:
        await self._upkeep.stop()
        await self._notifier.close()
        await self._ownership.close()
        if self._process.failure is None:
            await self._app.consumer.commit()
        await self._app.stop()


def _ownership_rules(settings: Settings, owner: str) -> OwnershipRules:
    return OwnershipRules(
        topics=settings.source_topics,
        line_topics=LINE_TOPICS,
        changelog_topic=settings.changelog_topic,
        decode=DecodeRules.of_sources(settings),
        grace_ms=settings.grace,
        keep_ids_ms=int(settings.dedupe_hours * HOUR_MS),
        owner=owner,
    )


def _view(model: ReadModel, settings: Settings) -> View:
    retention_ms = int(settings.retention_days * DAY_MS)

    def went_back() -> list[tuple[int, bytes]]:
        found, model.went_back = model.went_back, []
        return [(item.partition, item.key) for item in found]

    async def expired() -> set[str]:
        if not model.loaded:
            return set()
        await model.settle()
        oldest_s = (model.clock_ms() - retention_ms) // 1000
        found: list[str] = []

        def is_expired(schedule_id: str) -> bool:
            schedule = model.schedules.get(schedule_id)
            newest_s = None if schedule is None else schedule.curve.newest_s
            return newest_s is not None and newest_s < oldest_s

        def look(schedule_id: str) -> None:
            if is_expired(schedule_id):
                found.append(schedule_id)

        await in_turns(map(look, list(model.schedules)), EXPIRED_TURN_S)
        return {schedule_id for schedule_id in found if is_expired(schedule_id)}  # some may have sold in between

    return View(went_back=went_back, expired=expired, pane_keys=model.pane_keys)


def _give_back_memory() -> None:
    """What was frozen is looked at by no collection, and a dropped generation is full of cycles."""
    gc.unfreeze()
    _freeze_what_lives()


def _freeze_what_lives() -> None:
    """What lives now lives for ever: keep it out of collections."""
    gc.collect()
    gc.freeze()
