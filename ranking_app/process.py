"""What a worker and a serve instance share: brokers, generations in memory, the web endpoint, the way to stop."""

import asyncio
import contextlib
import gc
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import structlog
from aiohttp.web import Application
from aiokafka import AIOKafkaConsumer

from ranking_app.answering import Answering
from ranking_app.clock import Clock
from ranking_app.errors import RankingError
from ranking_app.generations.control_topic import ControlTopic
from ranking_app.generations.generation import Generation
from ranking_app.generations.reporter import Reporter
from ranking_app.generations.reports import Followed as FollowedReport
from ranking_app.generations.reports import Report
from ranking_app.kafka_client import client_options, reader, retried, wait_for_brokers
from ranking_app.metrics import Metrics
from ranking_app.rankings.boards.hot import parse_blend
from ranking_app.read_model.followed import Followed, FollowedGenerations
from ranking_app.read_model.follower import Follower
from ranking_app.read_model.saved import SavedReadModel
from ranking_app.read_model.state import ReadModel, ReadRules
from ranking_app.read_model.switched import SwitchedReadModel
from ranking_app.settings import BASE, PREFIX, Settings, WrongSetting
from ranking_app.tasks import telling
from ranking_app.topics import METADATA_MAX_AGE_MS, ensure_control_topics, ensure_topics
from ranking_app.upstream.closed_connections import know_closed_connections
from ranking_app.upstream.odd_batches import read_odd_batches
from ranking_app.upstream.plain_records import plain_records
from ranking_app.web.app import create_web_app
from ranking_app.web.cors import parse_origins
from ranking_app.web.home import Home
from ranking_app.web.ops import AboutProcess
from ranking_app.web.server import WebServer, WebThread, address_of, allowed_connections

THRESHOLD, LOADING_THRESHOLD = (300, 50_000, 10), (1_000_000, 50, 100)
"""Of the garbage collector, which everybody waits for: hardly ever while a million panes are loaded. Later the youngest
objects often, some 1 ms each time, and all that came since a full look rarely, some 100 ms: rows of boards and panes
are given back without it, and all requests of 20 seconds left it a dozen objects."""

CLOSE_BUDGET_S = 2.0
"""For the last report and the readers, of the 10 s that a SIGTERM promises; the worker's own part is in app.py."""

SAVED = "read_model.saved"
"""In the data directory of a worker. A serve instance has none: it reads the changelog at each start."""


class ProcessStopped(RankingError):
    """Something the process runs on ended unexpectedly. Operator: read the reason, start it again; nothing is lost."""


class Process:
    """From its start to its stop. saves: whether it keeps its read models on its disk."""

    def __init__(
        self, settings: Settings, clock: Clock, stop_asked: asyncio.Event | None = None, saves: bool = False
    ) -> None:
        _check(settings)
        read_odd_batches()
        know_closed_connections()
        self.settings = settings
        self.clock = clock
        self.log = structlog.get_logger(app_id=settings.app_id)
        self.options = client_options(settings)
        self.metrics = Metrics()
        self.control = ControlTopic(settings, self.make_reader)
        self.followed = FollowedGenerations(self._make_followed, self.log)
        self.model = SwitchedReadModel(BASE, ReadModel(read_rules(settings), clock))
        self.about = AboutProcess(clock.now_ms())
        self.address = ""
        self.stop_asked = stop_asked or asyncio.Event()
        self.failure: BaseException | None = None
        self.on_control: Callable[[], Awaitable[None]] | None = None
        """Called whenever the control topic changed, after this process has done what it says."""
        self._saves = saves
        self.answering = Answering(self.control, self.followed, self.model, self.metrics, self.log)
        self._reporter = Reporter(settings, self.options, self._report, self.log)

    def make_reader(self) -> AIOKafkaConsumer:
        """A new consumer without a group."""
        return reader(
            self.options,
            isolation_level="read_committed",
            key_deserializer=plain_records,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
        )

    def fail(self, error: BaseException) -> None:
        """Stop the process because of error; the first one counts."""
        if self.failure is None:
            self.failure = error
            self.log.critical("failed", error=type(error).__name__, reason=str(error) or repr(error))
        self.stop_asked.set()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Brokers and topics are there, the web endpoint answers, the live generation loads and is followed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop_asked.set)
        web = WebThread(WebServer(self._web_app(Home(loop)), allowed_connections()))
        try:
            await web.start(self.settings.web_host, self.settings.web_port)
            self.address = self.settings.advertised or address_of(self.settings.web_host, web.port)
            await self.or_stop(wait_for_brokers(self.options, self.settings.broker_wait, self.log))
            await self.or_stop(self._open_control())
            async with self._following():
                self.log.info("serving", host=self.settings.web_host, port=web.port)
                yield
        finally:
            await web.stop()

    async def count(self, generation: Generation | None) -> None:
        """From now on this process shares in counting a generation, and has it in memory; None: in none."""
        self.answering.counted = None if generation is None else generation.name
        if generation is not None:
            await self._need_topics(generation)
            await self.followed.follow({generation.name})
        await self.answering.leave_unwanted()
        self._reporter.now()

    async def until_stopped(self) -> None:
        """Return when a signal came, or something failed."""
        await self.stop_asked.wait()

    def raise_failure(self) -> None:
        """Raise what ended the process, if something did."""
        if isinstance(self.failure, RankingError):
            raise self.failure
        if self.failure is not None:
            raise ProcessStopped(f"{type(self.failure).__name__}: {self.failure}") from self.failure

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

    async def _open_control(self) -> None:
        topics = lambda: ensure_control_topics(self.settings, self.options)  # noqa: E731
        await retried(topics, self.settings.broker_wait, self.log)
        await self.control.open(self.fail)
        await self._need_topics(self.control.state.live_generation)

    async def _need_topics(self, generation: Generation) -> None:
        own, grows = generation.settings(self.settings), generation.name != BASE
        topics = lambda: ensure_topics(own, self.options, may_grow=grows)  # noqa: E731
        await retried(topics, self.settings.broker_wait, self.log)

    @contextlib.asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        tasks: list[asyncio.Task[None]] = []
        try:
            gc.set_threshold(*LOADING_THRESHOLD)
            await self.or_stop(self.answering.adopt())
            for body in (self._obey(), self._freeze_what_was_loaded(), self._reporter.run()):
                task = asyncio.create_task(body)
                task.add_done_callback(telling(self.fail))
                tasks.append(task)
            yield
        finally:
            # Brokers may be away: what is not closed by then ends with the process.
            closing = asyncio.ensure_future(self._close(tasks))
            await asyncio.wait([closing], timeout=CLOSE_BUDGET_S)
            if closing.done() and (error := closing.exception()) is not None:
                self.log.warning("stopped_uncleanly", reason=repr(error))

    async def _close(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.control.close()
        await self.followed.stop()

    async def _obey(self) -> None:
        """Do what the control topic says, as soon as it says it."""
        while True:
            await self.answering.next_cause()
            await self.answering.adopt_or_try_again()
            self._reporter.now()
            if self.on_control is not None:
                await self.on_control()

    async def until_answers(self) -> None:
        """Return when the live generation is loaded here, or the process is to stop."""
        await self.or_stop(self.answering.now.follower.loaded.wait())

    def _make_followed(self, name: str) -> Followed:
        generation = self.control.state.generations[name]
        own = generation.settings(self.settings)
        model = ReadModel(read_rules(own, generation), self.clock)
        follower = Follower(
            model,
            own.changelog_topic,
            own.partitions,
            make_reader=self.make_reader,
            on_failure=self.fail,
            metrics=Metrics(),
            log=self.log.bind(generation=name),
            saved=self._saved(own),
        )
        return Followed(model, follower)

    def _saved(self, own: Settings) -> SavedReadModel | None:
        if not self._saves:
            return None
        own.data_dir.mkdir(parents=True, exist_ok=True)
        return SavedReadModel(own.data_dir / SAVED, own.changelog_topic, self.clock, self.log)

    async def _freeze_what_was_loaded(self) -> None:
        """The read model lives as long as the process: from now on no collection looks at what is in it."""
        await self.answering.now.follower.loaded.wait()
        gc.freeze()
        gc.set_threshold(*THRESHOLD)

    def _report(self, instance: uuid.UUID, stopped: bool) -> Report:
        return Report(
            instance=str(instance),
            address=self.address,
            at_ms=self.clock.now_ms(),
            live=self.model.generation,
            counts=self.answering.counted,
            followed={
                name: _followed_report(followed.model, self.control.state.generation(name).line_events)
                for name, followed in self.followed.items()
            },
            stopped=stopped,
        )

    def _web_app(self, home: Home) -> Application:
        return create_web_app(
            self.model,
            timezone=self.settings.zone,
            metrics=self.metrics,
            defaults={"blend": self.settings.hot_blend},
            about=self.about,
            origins=parse_origins(self.settings.cors_origins or ""),
            home=home,
        )


def _followed_report(model: ReadModel, line_events: int) -> FollowedReport:
    completeness = model.completeness(model.live_as_of_s())
    next_offsets: dict[str, tuple[int, ...]] = {}
    activities = model.activity()
    for activity in activities:
        topic = activity.state.topic
        next_offsets[topic] = (*next_offsets.get(topic, ()), activity.position.next_offset)
    return FollowedReport(
        loaded=model.loaded,
        complete=completeness.complete,
        lag=sum(activity.state.lag for activity in activities) + line_events - model.lines_done,
        counted=model.counted,
        next_offsets=next_offsets,
        lines_done=model.lines_done,
    )


def read_rules(settings: Settings, generation: Generation | None = None) -> ReadRules:
    """What the read model of a generation needs of its settings and of its plan."""
    return ReadRules(
        topics=(*settings.source_topics, settings.catalogue_topic),
        partitions=settings.partitions,
        clock=settings.clock,
        timezone=settings.zone,
        grace_ms=settings.grace,
        idle_ms=settings.idle,
        max_record_bytes=settings.max_record_bytes,
        max_future_ms=settings.max_future,
        starts={} if generation is None else generation.starts,
        ends={} if generation is None else generation.ends,
    )


def _check(settings: Settings) -> None:
    """What only those who use it can say of a setting. WrongSetting."""
    for name, parse in (("hot_blend", parse_blend), ("cors_origins", parse_origins)):
        try:
            parse(getattr(settings, name) or "")
        except ValueError as exc:
            raise WrongSetting(f"{PREFIX}{name.upper()}: {exc}") from None
