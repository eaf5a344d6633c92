"""One run: everything started, faults while events flow, everything settled, every number compared."""

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

from tests.faults.background import Background
from tests.faults.cluster import ProxiedKafka
from tests.faults.cluster_faults import ClusterFaults
from tests.faults.diary import Diary
from tests.faults.events import FLAT, KEYED, PRODUCERS, ROUND_ROBIN, Stream, catalogue_records
from tests.faults.plan import WORKERS, Plan, draw_plan
from tests.faults.producers import Acknowledged, Producer, count_acknowledged
from tests.faults.proxy import Network
from tests.faults.reading import RetryingReader
from tests.faults.shows import draw_shows
from tests.faults.verdict import (
    Evidence,
    compare_acknowledged,
    compare_answers,
    compare_dead_letters,
    compare_raised,
    group_lag,
    read_evidence,
)
from tests.faults.worker_faults import WorkerFaults
from tests.support.comparison import Comparison
from tests.support.oracle import Oracle
from tests.support.own_settings import own_rules, own_settings, own_topics
from tests.support.processes import Fleet, WebProcess
from tests.support.replay import has_applied_all
from tests.support.waiting import WaitedInVain, wait_until
from tests.support.web_client import Client, UnexpectedStatus

PREFIX = "faults"
PROXIED_WORKER = 0
"""The worker whose network is cut, stalled and slowed; the keyed producer is behind the same network."""

STARTED_WITHIN_S = 30.0
PRODUCED_WITHIN_S = 300.0
"""After the last fault, for what could not be sent meanwhile."""

APPLIED_WITHIN_S = 240.0
COMMITTED_WITHIN_S = 60.0
RAISED_WITHIN_S = 60.0
COMPARED_AT_MOST = 3
NOTIFIED_AT_ANY_AGE = "30d"
"""Some sales come days late, and what they bring about is to be raised all the same."""

WATCHED = 6
"""Schedules whose total is watched while the run goes on."""


class Size(NamedTuple):
    """What decides a run: nothing else does."""

    seed: int
    duration_s: float
    rate: float
    """Events a second, over all producers."""


class Result(NamedTuple):
    """What the last line says."""

    seed: int
    seconds: float
    faults: int
    events: int
    compared: int
    differences: int
    failed_reads: int

    @property
    def passed(self) -> bool:
        """Whether every number was right and every read was answered by somebody."""
        return not self.differences and not self.failed_reads

    def line(self) -> str:
        """As JSON."""
        return json.dumps(self._asdict())


def run(size: Size, directory: Path, diary: Diary) -> Result:
    """The whole of it. Raises where the run itself could not be made; what was wrong with the app is counted."""
    plan = draw_plan(size.seed, size.duration_s)
    diary.note(f"seed {size.seed}, {size.duration_s:g} s of {size.rate:g} events/s, {_count(plan)} faults")
    with ExitStack() as stack:
        stage = Stage(size, directory, diary, stack)
        comparison = stage.play(plan)
    diary.note(f"{comparison.report().splitlines()[0]}, {len(diary.broken_promises)} promises broken")
    return Result(
        seed=size.seed,
        seconds=round(diary.elapsed_s, 1),
        faults=_count(plan),
        events=count_acknowledged(stage.producers),
        compared=comparison.values,
        differences=len(comparison.differences) + len(diary.broken_promises) - stage.reader.failed,
        failed_reads=stage.reader.failed,
    )


def _count(plan: Plan) -> int:
    return len(plan.workers) + len(plan.cluster)


class Stage:
    """Brokers, network, workers, producers and a reader; all of them end with `stack`."""

    def __init__(self, size: Size, directory: Path, diary: Diary, stack: ExitStack) -> None:
        self._size = size
        self._diary = diary
        self._topics = own_topics(PREFIX)
        self.kafka = stack.enter_context(ProxiedKafka(directory / "kafka"))
        diary.note("three brokers are up")
        self._background = stack.enter_context(Background())
        self._network = Network(self.kafka.host, self.kafka.target_of, size.seed)
        self._background.run(self._network.start(), STARTED_WITHIN_S)
        stack.callback(lambda: self._background.run(self._network.stop(), STARTED_WITHIN_S))
        self._settings = own_settings(PREFIX, self.kafka.url) | {"RANKING_NOTIFY_MAX_AGE": NOTIFIED_AT_ANY_AGE}
        self._fleet = stack.enter_context(Fleet(self._settings, directory))
        self._fleet.run("topics", "topics")
        self.workers = [self._worker(number) for number in range(WORKERS)]
        self.readers = [*self.workers, self._fleet.serve("serve")]
        for reader in self.readers:
            reader.wait_ready()
        diary.note("three workers and a serve instance are ready")
        self._shows = draw_shows(size.seed, round(size.rate * size.duration_s), size.duration_s)
        self.producers: list[Producer] = []
        self.reader = RetryingReader(self.readers, self._watched(), diary)
        self._workers = WorkerFaults(self.workers, self.readers[-1], self._fleet, diary)
        self._cluster = ClusterFaults(self.kafka, self._network, self._background, diary)
        stack.callback(self._cluster.break_off)

    def play(self, plan: Plan) -> Comparison:
        """Events and faults together, then what came of them."""
        began_ms, began_s = time.time_ns() // 1_000_000, time.monotonic()
        self.producers = self._new_producers(began_ms)
        sending = [self._background.begin(producer.run(began_s)) for producer in self.producers]
        self.reader.start()
        self._cluster.start(plan.cluster, lambda: time.monotonic() - began_s)
        self._workers.run(plan.workers, lambda: time.monotonic() - began_s)
        self._workers.supervise(self._size.duration_s - (time.monotonic() - began_s))
        self._cluster.wait()
        for future in sending:
            future.result(PRODUCED_WITHIN_S)
        self._note_sending()
        self._workers.settle()
        self._diary.note("all workers are ready")
        comparison = self._compare(began_ms // 1000)
        self.reader.stop()
        self._note_reading()
        self._diary.note(f"{self._workers.ended_by_themselves} times a worker ended by itself and was restarted")
        comparison.values += self.reader.monotonic
        self._workers.stop_all()
        return comparison

    def _compare(self, began_s: int) -> Comparison:
        evidence = read_evidence(self.kafka.bootstrap, self._topics, own_rules(PREFIX))
        oracle = evidence.oracle
        self._diary.note(
            f"{len(evidence.records):,} records in Kafka, {len(oracle.verdict.sales):,} counted, "
            f"{len(oracle.verdict.bad):,} bad, {oracle.totals()}"
        )
        total = self._part("acknowledged records", compare_acknowledged(evidence, self._acknowledged()))
        total.differences += self._wait_until_applied(oracle)
        total.add(self._part("group lag", self._compare_lag()))
        total.add(self._part("boards, schedules and curves", self._compare_answers(oracle, began_s)))
        letters, twice = compare_dead_letters(self.kafka.bootstrap, self._topics, evidence)
        total.add(self._part(f"dead letters ({twice} of them there twice)", letters))
        total.add(self._part("notifications", self._compare_notifications(evidence)))
        return total

    def _wait_until_applied(self, oracle: Oracle) -> list[str]:
        """Whoever ends by itself meanwhile is started again; what is wrong in the end."""

        def all_have() -> bool:
            self._workers.look()
            return all(has_applied_all(reader, oracle) for reader in self.readers)

        try:
            wait_until(all_have, APPLIED_WITHIN_S)
        except WaitedInVain:
            return [
                f"{reader.name} has not applied all" for reader in self.readers if not has_applied_all(reader, oracle)
            ]
        self._diary.note("every reader has applied everything")
        return []

    def _compare_answers(self, oracle: Oracle, began_s: int) -> Comparison:
        """Begun anew where a worker ends by itself meanwhile: a damaged store shows late."""
        ended_s = began_s + round(self._size.duration_s)
        for _ in range(COMPARED_AT_MOST):
            clients = [Client(reader.port) for reader in self.readers]
            try:
                return compare_answers(clients, oracle, began_s, ended_s, self._size.seed)
            except (OSError, HTTPException, UnexpectedStatus) as error:
                self._diary.note(f"a reader went away while it was compared: {error!r}")
                self._workers.settle()
                self._wait_until_applied(oracle)
            finally:
                for client in clients:
                    client.close()
        nothing = Comparison()
        nothing.differences.append(f"no {len(self.readers)} readers stayed up for as long as it takes to compare them")
        return nothing

    def _part(self, name: str, comparison: Comparison) -> Comparison:
        self._diary.note(f"{name}: {comparison.report()}")
        return comparison

    def _compare_lag(self) -> Comparison:
        comparison = Comparison()
        lag = partial(group_lag, self.kafka.bootstrap, self._settings["RANKING_APP_ID"], self._topics)
        try:
            wait_until(lambda: not lag(), COMMITTED_WITHIN_S, "group lag 0")
        except WaitedInVain:
            comparison.differences += [f"group lag of {partition}: {left}" for partition, left in lag().items()]
        comparison.values += 7
        return comparison

    def _compare_notifications(self, evidence: Evidence) -> Comparison:
        """Raised within a moment of being shown; what is missing after a while is missing."""
        topic = self._settings["RANKING_NOTIFICATION_TOPIC"]
        compare = partial(compare_raised, self.kafka.bootstrap, topic, self._shows, evidence.oracle)
        with contextlib.suppress(WaitedInVain):
            wait_until(lambda: not compare().differences, RAISED_WITHIN_S)
        return compare()

    def _worker(self, number: int) -> WebProcess:
        broker = self.kafka.proxied_url if number == PROXIED_WORKER else self.kafka.url
        return self._fleet.worker(f"worker-{number}", RANKING_BROKER=broker)

    def _watched(self) -> list[str]:
        steady = sorted((show for show in self._shows if show.steady), key=lambda show: -show.weight)
        return [show.id for show in steady[:WATCHED]]

    def _new_producers(self, began_ms: int) -> list[Producer]:
        size = self._size

        def stream(number: int) -> Stream:
            rate = size.rate / len(PRODUCERS)
            return Stream(
                size.seed,
                number,
                self._shows,
                self._topics,
                rate=rate,
                duration_s=size.duration_s,
                began_ms=began_ms,
            )

        def producer(name: str, bootstrap: str, number: int) -> Producer:
            return Producer(name, bootstrap, iter(stream(number)), self._diary)

        catalogue = catalogue_records(size.seed, self._shows, self._topics.catalogue)
        return [
            producer(PRODUCERS[KEYED], self.kafka.proxied_bootstrap, KEYED),
            producer(PRODUCERS[ROUND_ROBIN], self.kafka.bootstrap, ROUND_ROBIN),
            producer(PRODUCERS[FLAT], self.kafka.bootstrap, FLAT),
            Producer("catalogue", self.kafka.bootstrap, iter(catalogue), self._diary),
        ]

    def _acknowledged(self) -> Iterator[Acknowledged]:
        return (batch for producer in self.producers for batch in producer.acknowledged)

    def _note_sending(self) -> None:
        for producer in self.producers:
            records = count_acknowledged([producer])
            doubt = f"{producer.sent_again} sent again, {producer.unknown} in doubt"
            self._diary.note(f"producer {producer.name!r}: {records:,} records acknowledged, {doubt}")

    def _note_reading(self) -> None:
        reader: RetryingReader = self.reader
        self._diary.note(
            f"{reader.reads} reads, {reader.mended} of them answered by another instance, {reader.failed} by none; "
            f"{reader.monotonic} totals watched"
        )
