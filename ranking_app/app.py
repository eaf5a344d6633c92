"""Where the parts meet: a worker (events in, tables, read model, web, notifications) and a serve instance."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator
from typing import Any

import structlog
from aiohttp.web import Application
from aiokafka import AIOKafkaConsumer
from faust.types import TP

from agents import catalogue, reservations
from agents.dead_letters import DeadLetters, topic_limits
from agents.notifier import Notifier
from agents.ownership import Ownership, OwnershipRules
from agents.rank_watch import RankWatch
from agents.upkeep import Upkeep, View
from ranking_app.clock import Clock
from ranking_app.data_dir import locked_data_dir
from ranking_app.errors import RankingError
from ranking_app.faust_app import connect, create_faust_app, create_table
from ranking_app.kafka_client import client_options, reader, retried, wait_for_brokers, writer
from ranking_app.metrics import Metrics
from ranking_app.rankings.boards.hot import parse_blend
from ranking_app.rankings.rank_news import RankRule
from ranking_app.read_model.follower import Follower
from ranking_app.read_model.saved import SavedReadModel
from ranking_app.read_model.state import ReadModel, ReadRules
from ranking_app.settings import PREFIX, Settings, WrongSetting
from ranking_app.topics import DAY_MS, ensure_topics
from ranking_app.upstream.odd_batches import read_odd_batches
from ranking_app.upstream.plain_records import plain_records
from ranking_app.web.app import create_web_app
from ranking_app.web.cors import parse_origins
from ranking_app.web.ops import AboutProcess
from ranking_app.web.server import WebServer, address_of, allowed_connections
from schemas.decode import DecodeRules
from tables.changelog import PRODUCER_OPTIONS

THRESHOLD, LOADING_THRESHOLD = (100_000, 50, 100), (1_000_000, 50, 100)
"""Of the garbage collector: rarely (decoding makes no cycles), and hardly ever while a million panes are loaded."""

STOP_BUDGET_S = 8.0
"""For the last flush, the commit, and Faust to leave its group. SIGTERM promises 10 s; the rest is for the others."""

HOUR_MS = 3600 * 1000

SAVED = "read_model.saved"
"""In the data directory of a worker. A serve instance has none: it reads the changelog at each start."""


class WorkerStopped(RankingError):
    """Something the worker runs on ended unexpectedly. Operator: read the reason, start it again; nothing is lost."""


class Process:
    """What a worker and a serve instance share: brokers, topics, read model, web endpoint, and the way to stop."""

    def __init__(
        self, settings: Settings, clock: Clock, stop_asked: asyncio.Event | None = None, saves: bool = False
    ) -> None:
        _check(settings)
        read_odd_batches()
        self.settings = settings
        self.clock = clock
        self.log = structlog.get_logger(app_id=settings.app_id)
        self.options = client_options(settings)
        self.metrics = Metrics()
        self.model = ReadModel(_read_rules(settings), clock)
        self.follower = Follower(
            self.model,
            settings.changelog_topic,
            settings.partitions,
            make_reader=self.make_reader,
            on_failure=self.fail,
            metrics=self.metrics,
            log=self.log,
            saved=SavedReadModel(settings.data_dir / SAVED, settings.changelog_topic, clock, self.log)
            if saves
            else None,
        )
        self.about = AboutProcess(clock.now_ms())
        self.address = ""
        self.stop_asked = stop_asked or asyncio.Event()
        self.failure: BaseException | None = None

    def _saved(self) -> SavedReadModel:
        path = self.settings.data_dir / SAVED
        return SavedReadModel(path, self.settings.changelog_topic, self.clock, self.log)

    def _web_app(self) -> Application:
        return create_web_app(
            self.model,
            timezone=self.settings.zone,
            metrics=self.metrics,
            defaults={"blend": self.settings.hot_blend},
            about=self.about,
            origins=parse_origins(self.settings.cors_origins or ""),
        )

    def make_reader(self) -> AIOKafkaConsumer:
        """A new consumer without a group."""
        return reader(self.options, isolation_level="read_committed", key_deserializer=plain_records)

    def fail(self, error: BaseException) -> None:
        """Stop the process because of error; the first one counts."""
        if self.failure is None:
            self.failure = error
            self.log.critical("failed", error=type(error).__name__, reason=str(error) or repr(error))
        self.stop_asked.set()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Brokers and topics are there, the web endpoint answers, the read model loads and follows."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop_asked.set)
        web = WebServer(self._web_app(), allowed_connections())
        await web.start(self.settings.web_host, self.settings.web_port)
        self.address = self.settings.advertised or address_of(self.settings.web_host, web.port)
        try:
            await self.or_stop(wait_for_brokers(self.options, self.settings.broker_wait, self.log))
            topics = retried(lambda: ensure_topics(self.settings, self.options), self.settings.broker_wait, self.log)
            await self.or_stop(topics)
            freezing = asyncio.create_task(self._freeze_what_was_loaded())
            try:
                gc.set_threshold(*LOADING_THRESHOLD)
                await self.or_stop(self.follower.start())
                self.log.info("serving", host=self.settings.web_host, port=web.port)
                yield
            finally:
                freezing.cancel()
                await self.follower.stop()
        finally:
            await web.stop()

    async def _freeze_what_was_loaded(self) -> None:
        """The read model lives as long as the process: from now on no collection looks at what is in it."""
        await self.follower.loaded.wait()
        gc.freeze()
        gc.set_threshold(*THRESHOLD)

    async def until_stopped(self) -> None:
        """Return when a signal came; raise what failed."""
        await self.stop_asked.wait()

    def raise_failure(self) -> None:
        """Raise what ended the process, if something did."""
        if isinstance(self.failure, RankingError):
            raise self.failure
        if self.failure is not None:
            raise WorkerStopped(f"{type(self.failure).__name__}: {self.failure}") from self.failure

    async def or_stop(self, body: Any) -> None:
        """Await body, but let a signal end the wait."""
        work = asyncio.ensure_future(body)
        stop = asyncio.ensure_future(self.stop_asked.wait())
        await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not work.done():
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            raise asyncio.CancelledError
        await work


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
                await Worker(process).run()
        process.raise_failure()
        process.log.info("stopped")


class Worker:
    """The write side of a worker: Faust with our transport, the owned partitions, upkeep and the notifier."""

    def __init__(self, process: Process) -> None:
        settings = process.settings
        self._process = process
        process.about.worker = process.address
        self._producer = writer(process.options, **PRODUCER_OPTIONS)
        dead_letters = DeadLetters(self._producer, settings.app_id, topic_limits(process.options), process.log)
        self._app = create_faust_app(settings, process.options)
        self._store = create_table(self._app, settings.partitions)
        self._ownership = Ownership(
            _ownership_rules(settings, process.address),
            producer=self._producer,
            dead_letters=dead_letters,
            open_store=self._store._db_for_partition,
            make_reader=process.make_reader,
            on_failure=process.fail,
            on_handover=self._handover,
            clock=process.clock,
            metrics=process.metrics,
            log=process.log,
        )
        self._upkeep = Upkeep(self._ownership, _view(process.model, settings), process.fail, process.log)
        self._notifier = Notifier(
            process.model,
            RankWatch(process.model, RankRule(settings.notify_top)),
            settings.notification_topic,
            settings.notification_partitions,
            transactional_id=f"{settings.app_id}-notifier",
            max_age_ms=settings.notify_max_age,
            options=process.options,
            make_reader=process.make_reader,
            follower=process.follower,
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
        """Until the process is asked to stop; then flush, acknowledge, commit."""
        await self._process.or_stop(self._producer.start())
        self._app.finalize()
        starting = asyncio.create_task(self._app.start())
        watching = asyncio.create_task(self._watch())
        self._upkeep.start()
        _freeze_what_lives()
        try:
            await self._process.until_stopped()
        finally:
            watching.cancel()
            await self._stop(starting)

    async def _watch(self) -> None:
        """Faust marks the app as crashed and goes on without the part that failed: notice it."""
        while not self._app.crashed:  # noqa: ASYNC110 - a flag of Faust's, which tells nobody
            await asyncio.sleep(0.2)
        self._process.fail(self._app.crash_reason or RuntimeError("Faust stopped without a reason"))

    async def _restore(self, changelog_partitions: set[TP]) -> None:
        with self._process.follower.loading_waits():
            await self._ownership.restore(changelog_partitions)
        in_charge = TP(self._process.settings.catalogue_topic, 0) in self._app.consumer.assignment()
        await (self._notifier.start() if in_charge else self._notifier.stop())

    def _handover(self, letting_go: bool) -> None:
        self._process.model.rebalancing = letting_go

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
        await asyncio.wait([starting, stopping], timeout=1.0)

    async def _stop_in_order(self) -> None:
        await self._upkeep.stop()
        await self._notifier.close()
        await self._ownership.close()
        if self._process.failure is None:
            await self._app.consumer.commit()
        await self._app.stop()
        await self._producer.stop()


def _check(settings: Settings) -> None:
    """What only those who use it can say of a setting. WrongSetting."""
    for name, parse in (("hot_blend", parse_blend), ("cors_origins", parse_origins)):
        try:
            parse(getattr(settings, name) or "")
        except ValueError as exc:
            raise WrongSetting(f"{PREFIX}{name.upper()}: {exc}") from None


def _read_rules(settings: Settings) -> ReadRules:
    return ReadRules(
        topics=(*settings.source_topics, settings.catalogue_topic),
        partitions=settings.partitions,
        clock=settings.clock,
        timezone=settings.zone,
        grace_ms=settings.grace,
        idle_ms=settings.idle,
        max_record_bytes=settings.max_record_bytes,
        max_future_ms=settings.max_future,
    )


def _ownership_rules(settings: Settings, owner: str) -> OwnershipRules:
    def rules(flat_cancels: bool) -> DecodeRules:
        return DecodeRules(
            timezone=settings.zone,
            max_future_ms=settings.max_future,
            max_record_bytes=settings.max_record_bytes,
            flat_cancels=flat_cancels,
        )

    return OwnershipRules(
        topics=settings.source_topics,
        changelog_topic=settings.changelog_topic,
        decode=(rules(False), rules(True)),
        grace_ms=settings.grace,
        keep_ids_ms=int(settings.dedupe_hours * HOUR_MS),
        owner=owner,
    )


def _view(model: ReadModel, settings: Settings) -> View:
    retention_ms = int(settings.retention_days * DAY_MS)

    def went_back() -> list[tuple[int, bytes]]:
        found, model.went_back = model.went_back, []
        return [(item.partition, item.key) for item in found]

    def expired() -> set[str]:
        if not model.loaded:
            return set()
        oldest_s = (model.clock_ms() - retention_ms) // 1000
        return {
            schedule.id
            for schedule in model.schedules.values()
            if not schedule.curve.is_empty and (schedule.curve.newest_s or 0) < oldest_s
        }

    return View(went_back=went_back, expired=expired, pane_keys=model.pane_keys)


def _freeze_what_lives() -> None:
    """What lives now lives for ever: keep it out of collections."""
    gc.collect()
    gc.freeze()
