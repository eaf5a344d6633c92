"""What an owner brings and what comes from the brokers: each record of the changelog counts once, in its order."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import structlog
from aiokafka import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking_app.clock import ManualClock
from ranking_app.metrics import Metrics
from ranking_app.rankings import numbering
from ranking_app.rankings.numbering import Numbering
from ranking_app.rankings.panes import NOTHING_APPLIED, Pane, applied_of, encode_pane, parts_of
from ranking_app.rankings.windows import Window
from ranking_app.read_model import begun, own_panes, state, unread
from ranking_app.read_model import follower as following
from ranking_app.read_model.follower import Follower
from ranking_app.read_model.sources import SourceKey
from ranking_app.read_model.state import ReadModel, ReadRules
from tables.changed import NO_FRESH, Fresh
from tables.layout import PANE, pane_key, parse_pane_key
from tests.property.test_crash_independence import NOW_MS, Life, events, record
from tests.support.memory import FakeRecord
from tests.support.tallying import PatternTallying, Says, small_slices

CHANGELOG = "panes-changelog"
PARTITIONS = 2
RULES = ReadRules(("completed", "cancelled", "catalogue"), 2, "wall", ZoneInfo("UTC"), 0, 0, 65_536, 0)

Pair = tuple[bytes, bytes | None]


class Recording(ReadModel):
    """Remembers what it is given."""

    def __init__(self) -> None:
        super().__init__(RULES, ManualClock(0))
        self.given: defaultdict[int, list[bytes]] = defaultdict(list)

    def apply_change(self, partition: int, key: bytes, value: bytes | None) -> None:
        self.given[partition].append(key)

    def apply_own(self, partition: int, pairs: Any, fresh: Any = NO_FRESH) -> None:
        self.given[partition] += [key for key, _ in pairs]


class Brokers:
    """The changelog, and a consumer of it that shows what it has been allowed to fetch. Everything of AIOKafkaConsumer
    that the follower calls."""

    def __init__(self) -> None:
        self.log: dict[int, list[Pair]] = {number: [] for number in range(PARTITIONS)}
        self.allowed = dict.fromkeys(range(PARTITIONS), 0)
        self.at = dict.fromkeys(range(PARTITIONS), 0)
        self.paused: set[int] = set()
        self.fetched = 0

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        """Nor to leave."""

    async def seek_to_beginning(self) -> None:
        """There it is."""

    def assign(self, partitions: list[TopicPartition]) -> None:
        """All of them."""

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: len(self.log[tp.partition]) if tp.topic == CHANGELOG else 0 for tp in partitions}

    async def position(self, tp: TopicPartition) -> int:
        return self.at[tp.partition] if tp.topic == CHANGELOG else 0

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set()

    def pause(self, tp: TopicPartition) -> None:
        self.paused.add(tp.partition)

    def resume(self, tp: TopicPartition) -> None:
        self.paused.discard(tp.partition)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.at[tp.partition] = offset

    async def getmany(
        self, *only: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[FakeRecord]]:
        await asyncio.sleep(0)
        found = {}
        for number in self.log.keys() - self.paused if not only else ():
            at, to = self.at[number], min(self.allowed[number], len(self.log[number]))
            if at < to:
                pairs = enumerate(self.log[number][at:to], at)
                found[TopicPartition(CHANGELOG, number)] = [FakeRecord(n, value, key) for n, (key, value) in pairs]
                self.at[number] = to
                self.fetched += to - at
        return found


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["owner", "other", "allow"]), st.integers(0, PARTITIONS - 1), st.integers(1, 7)),
        st.tuples(st.just("turns"), st.just(0), st.integers(1, 9)),
        st.tuples(st.just("all"), st.just(0), st.just(0)),
    ),
    max_size=40,
)
"""The owner writes and brings it; somebody else writes; the brokers show more; the loop turns; all is fetched again."""


class Run:
    """A follower between an owner and the brokers. apart: when each write is brought, in turns of the loop after it."""

    def __init__(self) -> None:
        self.brokers = Brokers()
        self.model = Recording()
        self.failures: list[BaseException] = []
        self.follower = Follower(
            self.model,
            CHANGELOG,
            PARTITIONS,
            make_reader=lambda: self.brokers,
            on_failure=self.failures.append,
            metrics=Metrics(),
            log=structlog.get_logger(),
        )
        self._owner = {number: asyncio.Lock() for number in range(PARTITIONS)}
        self._bringing: list[asyncio.Task[None]] = []

    def write(self, partition: int, count: int) -> tuple[int, list[Pair]]:
        log = self.brokers.log[partition]
        first, pairs = len(log), [(b"%d" % (len(log) + n), b"") for n in range(count)]
        log += pairs
        return first, list(pairs)

    async def step(self, kind: str, partition: int, count: int) -> None:
        if kind == "owner":
            self._bringing.append(asyncio.create_task(self._bring(partition, *self.write(partition, count))))
        elif kind == "other":
            self.write(partition, count)
        elif kind == "allow":
            self.brokers.allowed[partition] += count
        elif kind == "turns":
            for _ in range(count):
                await asyncio.sleep(0)
        else:
            self.follower.fetch_all()

    async def _bring(self, partition: int, first: int, pairs: list[Pair]) -> None:
        async with self._owner[partition]:  # one writer at a time
            await self.follower.wrote(partition, first, pairs, NO_FRESH)

    async def settle(self) -> None:
        """Everything is there to be fetched, and nobody brings any more."""
        await asyncio.gather(*self._bringing)
        self.follower.fetch_all()
        self.brokers.allowed = dict.fromkeys(range(PARTITIONS), 10**9)
        for _ in range(300):
            await asyncio.sleep(0)


async def given_in_order(todo: list[tuple[str, int, int]]) -> Run:
    run = Run()
    with patch.object(following, "SLICE_RECORDS", 2), patch.object(following, "LOADING_SLICE_RECORDS", 2):
        await run.follower.start()
        try:
            await asyncio.wait_for(run.follower.loaded.wait(), 5)
            for step in todo:
                await run.step(*step)
            await run.settle()
        finally:
            await run.follower.stop()
    assert not run.failures
    for number, log in run.brokers.log.items():
        assert run.model.given[number] == [key for key, _ in log]
    return run


@settings(max_examples=300, deadline=None)
@given(steps)
def test_every_record_counts_once_in_its_order(todo: list[tuple[str, int, int]]) -> None:
    asyncio.run(given_in_order(todo))


class Owner:
    """Brings what it wrote; knows_numbers: what is fresh, also as numbers, most with that of its schedule."""

    def __init__(self, model: ReadModel, knows_numbers: bool) -> None:
        self._model = model
        self._knows_numbers = knows_numbers
        self._known: set[bytes] = set()
        self._pairs: list[Pair] = []
        self._fresh: list[list[int]] = []
        self._ids: list[str] = []
        self._numbering = Numbering()

    def has(self, key: bytes, value: bytes | None) -> None:
        """To be brought with what it has already."""
        if key in dict(self._pairs):
            self.bring()
        fresh = self._numbers(key, value)
        if fresh is None:
            self._pairs.append((key, value))
        else:  # first, as they are in a flush
            self._pairs.insert(len(self._fresh), (key, value))
            self._fresh.append(fresh)
            self._ids.append(parse_pane_key(key)[3])
        self._known.add(key)

    def bring(self) -> None:
        fresh = NO_FRESH
        if self._fresh:
            with patch.object(numbering, "MOST_NUMBERED", 3):
                schedules = np.frombuffer(self._numbering.of(self._ids), np.int32).copy()
            schedules[1::3] = numbering.NO_NUMBER
            fresh = Fresh(np.array(self._fresh, np.int64).T, schedules, self._numbering.name)
        self._model.apply_own(0, self._pairs, fresh)
        self._pairs, self._fresh, self._ids = [], [], []

    def saw(self, key: bytes) -> None:
        """Another brought it."""
        self._known.add(key)

    def _numbers(self, key: bytes, value: bytes | None) -> list[int] | None:
        if not self._knows_numbers or key[:1] != PANE or key in self._known or value is None:
            return None
        role, _, minute, _ = parse_pane_key(key)
        applied, first, cells = parts_of(value, minute)
        return None if first is None or len(cells) != 1 else [role, applied, first, *cells[0]]


def model_of(pairs: list[Pair], own: list[bool], ask: list[bool], knows_numbers: bool = False) -> ReadModel:
    """After these records; own, ask: of which the owner is here, and after which somebody asks, again and again.

    What the owner has in one go, it brings in one go, up to where a key comes again, as in flushes.
    """
    model = ReadModel(RULES, ManualClock(NOW_MS))
    owner = Owner(model, knows_numbers)
    for number, (key, value) in enumerate(pairs):
        if own[number % len(own)]:
            owner.has(key, value)
        else:
            owner.bring()
            model.apply_change(0, key, value)
            owner.saw(key)
        if ask[number % len(ask)]:
            owner.bring()
            model.changed()
            one = model.schedules.get(f"S{number % 4}")
            if one is not None:
                one.curve.columns()
            if number % 3 == 0:
                for schedule in model.schedules.values():
                    schedule.curve.columns()
    owner.bring()
    model.changed()
    return model


QUESTIONS: list[Callable[[ReadModel], Any]] = [
    lambda model: model.panes_of("S0", 0, 2**32),
    lambda model: model.count_panes_of("S0", 0, 2**32),
    lambda model: sorted(model.pane_keys({"S0", "S1"})),
    lambda model: dict(model.saved_panes()),
    lambda model: len(model.schedules),
    lambda model: sorted(model.schedules),
    lambda model: "S0" in model.schedules,
    lambda model: model.schedules["S0"].curve.totals(Window(None, 2**32)),
    lambda model: [found.id for found in [model.schedules.get("S0"), model.schedules.get("S9")] if found],
    lambda model: sorted((s.id, s.curve.totals(Window(None, 2**32))) for s in model.schedules.values()),
]


@pytest.mark.parametrize(("many_pairs", "knows_numbers"), [(1, False), (1, True), (500, True)])
@pytest.mark.parametrize("question", QUESTIONS)
async def test_whatever_is_asked_first_has_what_waits(
    question: Callable[[ReadModel], Any], many_pairs: int, knows_numbers: bool
) -> None:
    life = Life()
    await life.flush([record(n, (n % 4, 5 + n, 1, False, n)) for n in range(12)])
    await life.flush([record(n, (n % 4, 50 + n, 1, False, n)) for n in range(12, 24)])
    with as_columns(many_pairs, few_schedules=2, most_begun=100, taken=3):
        own = model_of(life.log.pairs, [True], [False], knows_numbers)
    assert own._unread.by_schedule and own.ever_begun == (24 if many_pairs == 1 else 0), "else this tests nothing"
    assert question(own) == question(model_of(life.log.pairs, [False], [False]))


async def test_what_waits_is_forgotten_with_all_else() -> None:
    life = Life()
    await life.flush([record(n, (n % 4, 5 + n, 1, False, n)) for n in range(24)])
    model = model_of(life.log.pairs, [True], [False])
    model.begin_anew()
    assert (model._unread.panes, dict(model.schedules), model.saved_panes()) == (0, {}, [])


def what_is_in(model: ReadModel) -> Any:
    curves = {
        name: sorted(schedule.curve.totals_by_pane(Window(None, 2**32)).items())
        for name, schedule in model.schedules.items()
    }
    panes = {name: model.panes_of(name, 0, 2**32) for name in curves}
    return curves, panes, model.touched, {s: model.position(s) for s in [SourceKey(0, 0)]}


def left_behind(pairs: list[Pair]) -> set[bytes]:
    """Keys of panes that stand older in the changelog than they once stood there."""
    last, highest = dict[bytes, int](), dict[bytes, int]()
    for key, value in pairs:
        if key[:1] == PANE and value is not None:
            last[key] = applied_of(value)
            highest[key] = max(highest.get(key, NOTHING_APPLIED), last[key])
        elif value is None:
            last.pop(key, None)
    return {key for key, applied in last.items() if applied < highest[key]}


@contextmanager
def as_columns(many_pairs: int, few_schedules: int, most_begun: int, taken: int) -> Iterator[None]:
    """Panes of few cells wait as columns from so many pairs on, and so on: a backlog of any size."""
    with (
        patch.object(state, "MANY_PAIRS", many_pairs),
        patch.object(own_panes, "FEW_SCHEDULES", few_schedules),
        patch.object(own_panes, "MOST_BEGUN", most_begun),
        patch.object(unread, "MOST_BEGUN", most_begun),
        patch.object(begun, "FEWEST_ROWS", 3),
        patch.object(begun, "FEW_LEFT", few_schedules),
        patch.object(begun, "ROOM_ROWS", 7),
        patch.object(begun, "TAKEN_SCHEDULES", taken),
        patch.object(unread, "TAKEN_SCHEDULES", taken),
        patch.object(begun, "TAKEN_ROWS", taken + 1),
        patch.object(unread, "TAKEN_ROWS", taken + 1),
    ):
        yield


columns = st.tuples(st.sampled_from([1, 1, 3, 500]), st.sampled_from([1, 10]), st.integers(1, 30), st.integers(1, 3))

own_or_not = st.lists(st.booleans(), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(events, max_size=60),
    st.lists(st.integers(1, 12), min_size=1, max_size=4),
    own_or_not,
    own_or_not,
    st.booleans(),
    st.data(),
)
def test_what_an_owner_here_wrote_gives_the_same_as_what_another_wrote(
    given_events, sizes, own, ask, knows_numbers, data
):
    life = Life()
    life.live([record(offset, event) for offset, event in enumerate(given_events)], sizes, {})
    pairs = life.log.pairs
    stale = data.draw(st.integers(0, len(pairs)))  # a stale owner writes these again
    retired = [(key, None) for key, _ in pairs[: data.draw(st.integers(0, 3))] if key[:1] == PANE]
    pairs = [*pairs, *pairs[:stale], *retired]
    expected = model_of(pairs, [False], [False])
    sizes_of_columns = data.draw(columns)
    with as_columns(*sizes_of_columns):
        found = model_of(pairs, own, ask, knows_numbers)
        assert what_is_in(found) == what_is_in(expected)
    changes, all_changes = found.changes_since(0), expected.changes_since(0)
    assert changes is not None and all_changes is not None
    assert changes.ids == all_changes.ids
    assert changes.from_s <= all_changes.from_s and changes.until_s >= all_changes.until_s
    # What was older for a moment that nobody saw need not be written again.
    assert left_behind(pairs) <= panes_that_went_back(found) <= panes_that_went_back(expected)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(events, max_size=60),
    st.lists(st.integers(1, 12), min_size=1, max_size=4),
    st.sampled_from([(Says.TALLY,), (Says.BUSY,), (Says.TALLY, Says.BUSY), (Says.BUSY, Says.TALLY, Says.TALLY)]),
    st.sampled_from([1, 3, 100]),
    columns,
)
def test_what_an_owner_brings_as_numbers_is_what_it_wrote_as_texts(
    given_events, sizes, said, most_numbered, sizes_of_columns
):
    life = Life(PatternTallying(*said))
    found = ReadModel(RULES, ManualClock(NOW_MS))
    brought, numbered = list[int](), dict[tuple[str, int], str]()

    async def on_written(partition: int, first: int, pairs: Any, fresh: Any) -> None:
        brought.append(len(fresh))
        assert len(pairs) >= len(fresh) == fresh.columns.shape[1]
        rows = zip(fresh.columns.T.tolist(), fresh.schedules.tolist(), strict=True)
        for (key, text), ((role, *numbers), number) in zip(pairs, rows, strict=False):
            key_role, _, minute, schedule_id = parse_pane_key(key)
            applied, lowest, (cell,) = parts_of(text, minute)
            assert (role, *numbers) == (key_role, applied, lowest, *cell)
            if number != numbering.NO_NUMBER:
                assert numbered.setdefault((fresh.numbering, number), schedule_id) == schedule_id
        found.apply_own(partition, pairs, fresh)

    life.owned._on_written = on_written
    life.owned.panes = {role: replace(panes, few=0) for role, panes in life.owned.panes.items()}
    most = patch.object(numbering, "MOST_NUMBERED", most_numbered)
    with as_columns(*sizes_of_columns), small_slices(), most:
        life.live([record(offset, event) for offset, event in enumerate(given_events)], sizes, {})
        found.changed()
        assert what_is_in(found) == what_is_in(model_of(life.log.pairs, [False], [False]))
    if given_events and sizes[0] == 1:  # else the first slice may have several sales of one minute, or one twice
        _, _, quantity, cancelled, _ = given_events[0]
        if quantity and not cancelled:
            assert any(brought) and (numbered or said[0] is not Says.TALLY), "else this tests nothing"


def panes_that_went_back(model: ReadModel) -> set[bytes]:
    return {key for _, key in model.went_back if key[:1] == PANE}


async def test_what_is_settled_needs_no_settling_any_more(monkeypatch: Any) -> None:
    monkeypatch.setattr("ranking_app.read_model.state.SETTLE_TURN_S", 0.0)  # a turn for others after each schedule
    life = Life()
    await life.flush([record(n, (n % 4, 5 + n, 1, False, n)) for n in range(24)])
    model = model_of(life.log.pairs, [True], [False])
    unread = set(model._unread.by_schedule)
    assert "S0" in unread and len(unread) > 1, "else this tests nothing"
    await model.settle({"S0", "S9"})
    assert set(model._unread.by_schedule) == unread - {"S0"}
    await model.settle()
    assert not model._unread.by_schedule and not model._unread.panes
    assert set(model.schedules) == unread
    assert not any(schedule.curve._unsettled for schedule in model.schedules.values())


def test_what_nobody_asks_is_read_when_there_is_much_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranking_app.read_model.state.MOST_UNREAD", 10)
    model = ReadModel(RULES, ManualClock(NOW_MS))
    for number in range(40):
        pane = encode_pane(Pane(number, {number * 60 + second: [1, 0, 100] for second in (1, 2)}, number))
        model.apply_own(0, [(pane_key(0, 0, number, f"S{number % 7}"), pane)] * 2)
        assert model._unread.panes == sum(map(len, model._unread.by_schedule.values())) <= 12
    assert sum(schedule.curve.totals(Window(None, 2**32)).completed for schedule in model.schedules.values()) == 80
    assert model.panes == 40


def test_no_question_is_answered_without_a_pane_that_cannot_be_read() -> None:
    model = ReadModel(RULES, ManualClock(NOW_MS))
    model.apply_own(0, [(pane_key(0, 0, 5, "S"), encode_pane(Pane(7, {300: [1, 0, 100]}, 7)))])
    model.apply_own(0, [(pane_key(0, 0, 6, "S"), b"[8,8")])
    for ask in (
        lambda: model.schedules["S"],
        lambda: list(model.schedules.values()),
        lambda: model.panes_of("S", 0, 9),
    ):
        for _ in range(2):
            with pytest.raises(ValueError, match="unexpected end"):
                ask()


@pytest.mark.parametrize("others", [0, 2])
async def test_an_owner_brings_what_it_wrote_or_says_that_there_is_a_gap(others: int) -> None:
    """More than one record batch, and somebody else between them: nobody may take the offsets for its own."""
    life, told = Life(), []

    async def on_written(partition: int, first: int, pairs: Any, fresh: Any) -> None:
        told.append((partition, first, [key for key, _ in pairs]))

    append = life.log.append

    async def append_with_others(partition: int, pairs: Any) -> tuple[int, int]:
        first, last = await append(partition, pairs)
        life.log.pairs += [(b"X", b"")] * others
        return first, last + others

    life.owned._on_written = on_written
    life.log.append = append_with_others  # type: ignore[method-assign]
    await life.flush([record(0, (0, 5, 1, False, 0))])
    written = [key for key, _ in life.log.pairs if key != b"X"]
    assert told == ([(0, 0, written)] if not others else [(0, len(written) + others, [])])


async def test_what_the_owner_brings_is_not_fetched() -> None:
    run = await given_in_order([("owner", 0, 5), ("turns", 0, 5), ("allow", 0, 99), ("owner", 0, 5), ("turns", 0, 9)])
    assert run.brokers.fetched == 0


async def test_what_somebody_else_wrote_is_fetched_at_once_and_then_the_owners() -> None:
    own, turns, first_eight = ("owner", 0, 3), ("turns", 0, 9), ("allow", 0, 8)
    run = Run()
    await run.follower.start()
    try:
        await asyncio.wait_for(run.follower.loaded.wait(), 5)
        for step in (own, turns, first_eight, ("other", 0, 2), turns):
            await run.step(*step)
        assert len(run.model.given[0]) == 3, "spared: nothing is fetched"
        for step in (own, turns):
            await run.step(*step)
        assert len(run.model.given[0]) == 8, "the owner's write says that two are missing"
        await run.step(*own)
        await run.step(*turns)
        assert len(run.model.given[0]) == 11
        assert run.brokers.fetched == 5, "and the owner brings again what comes next"
    finally:
        await run.follower.stop()
    assert not run.failures


async def test_a_partition_whose_owner_is_quiet_is_fetched_again(monkeypatch: Any) -> None:
    monkeypatch.setattr("ranking_app.read_model.spared.SPARED_S", -1.0)
    run = Run()
    await run.follower.start()
    try:
        await asyncio.wait_for(run.follower.loaded.wait(), 5)
        for step in (("owner", 0, 3), ("turns", 0, 9), ("allow", 0, 99), ("other", 0, 2), ("turns", 0, 9)):
            await run.step(*step)
        assert len(run.model.given[0]) == 5
        assert run.brokers.fetched == 2
    finally:
        await run.follower.stop()
    assert not run.failures


def test_a_key_twice_in_one_go_is_looked_at_one_after_the_other() -> None:
    key = pane_key(0, 0, 5, "S0")
    with as_columns(1, few_schedules=1, most_begun=100, taken=1):
        model = ReadModel(RULES, ManualClock(NOW_MS))
        model.apply_own(0, [(key, b"[9,7,1,2,0,0,3,1,0,0]"), (key, b"[8,7,1,2,0,0]")])
        assert model.ever_begun == 0
        assert model.schedules["S0"].curve.totals(Window(None, 400)).completed == 3
        assert panes_that_went_back(model) == {key}


@pytest.mark.parametrize("most_begun", [6, 100])
async def test_what_comes_while_panes_are_read_in_turns_is_not_left_out(monkeypatch: Any, most_begun: int) -> None:
    life = Life()
    flushes = []
    for first in range(0, 48, 12):
        before = len(life.log.pairs)
        await life.flush([record(n, (n % 4, 5 + 40 * n, 1, False, n)) for n in range(first, first + 12)])
        flushes.append(life.log.pairs[before:])
    monkeypatch.setattr(state, "SETTLE_TURN_S", -1.0)
    monkeypatch.setattr(state, "SETTLE_REST_S", 0.0)
    with as_columns(1, few_schedules=1, most_begun=most_begun, taken=1):
        model = ReadModel(RULES, ManualClock(NOW_MS))
        for pairs in flushes:
            settling = asyncio.create_task(model.settle())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            model.apply_own(0, pairs)
            await settling
        model.changed()
        assert model.ever_begun == 48
        assert what_is_in(model) == what_is_in(model_of(life.log.pairs, [False], [False]))
        assert not model._unread.by_schedule


def test_a_schedule_of_which_panes_wait_before_and_after_it_was_full_is_read_once() -> None:
    keys = [pane_key(0, 0, minute, "S") for minute in range(4)]
    with as_columns(1, few_schedules=1, most_begun=2, taken=1):
        waiting = unread.UnreadPanes()
        for offset, key in enumerate(keys):
            waiting.begin(0, [(key, encode_pane(Pane(offset, {offset * 60: [1, 0, 0]}, offset)))], NO_FRESH)
            if waiting.is_full and offset < 2:
                waiting.take_full()
        taken = waiting.take(["S"])
        assert [some.columns[1].tolist() for some in taken] == [[0, 1], [2, 3]]
        for some in taken:
            waiting.forget_taken(some.ids)
        assert not waiting.by_schedule


def test_who_reads_what_was_full_goes_on_after_others_had_the_rest_read() -> None:
    def pane(schedule_id: str, offset: int) -> list[Pair]:
        return [(pane_key(0, 0, 0, schedule_id), encode_pane(Pane(offset, {offset: [1, 0, 0]}, offset)))]

    ids = [f"S{number}" for number in range(6)]
    with as_columns(1, few_schedules=1, most_begun=6, taken=1):
        waiting = unread.UnreadPanes()
        for offset, name in enumerate(ids):
            waiting.begin(0, pane(name, offset), NO_FRESH)
        _, reading = waiting.take_full()
        first = next(reading)
        waiting.forget_taken(first.ids)
        waiting.begin(0, pane("late", 7), NO_FRESH)
        others = waiting.take(ids)
        assert [first.ids, *(some.ids for some in others)] == [[name] for name in ids]
        for some in others:
            waiting.forget_taken(some.ids)
        assert list(reading) == [] and waiting.by_schedule.keys() == {"late"}
        assert [some.ids for some in waiting.take(["late"])] == [["late"]]
