"""What a switch of generations silences: news of the past that only the new one knows, decided once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

import agents.past_news
from agents.past_news import PastNews
from ranking_app.generations.control_state import ControlState, Live, Silenced, generation_record
from ranking_app.generations.generation import Generation
from ranking_app.rankings.news import MilestoneReached, SoldOut
from ranking_app.read_model.state import ReadModel
from schemas.notification import notification_of
from tests.unit.test_backfill_compare import START_S, Event, model_of

CAPACITIES = {"A": 10, "B": 10}
FIRST = [Event("A", START_S - 100 + n, n) for n in range(5)]
HALF = [Event("A", START_S - 50 + n, 5 + n) for n in range(5)]
"""As far as all of them, but without what came first."""

FULL = [*FIRST, *HALF]


class Control:
    """The control topic, in memory."""

    def __init__(self, *records: tuple[bytes, bytes | None]) -> None:
        self.state = ControlState(Generation("base", 3))
        self.caught_up = 0
        for key, value in (generation_record(Generation("new", 3)), *records):
            self.state.apply(key, value)

    async def catch_up(self) -> None:
        self.caught_up += 1


class Producer:
    """Remembers what was committed."""

    def __init__(self) -> None:
        self.committed: list[tuple[str, bytes, bytes]] = []

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    async def send(self, topic: str, key: bytes, value: bytes, partition: int) -> None:
        self.committed.append((topic, key, value))


class NoRanks:
    """Ranks have their own tests."""

    async def prepare(self) -> None:
        pass

    def look(self, raised: set[bytes]) -> list[Any]:
        return []


def promoted(number: int = 1, notify_past: bool = False) -> tuple[bytes, bytes | None]:
    return Live("new", "base", number, START_S * 1000, notify_past).record()


def ids(*percents: int, schedule: str = "A", sold_out: bool = False) -> set[bytes]:
    news: list[Any] = [MilestoneReached(START_S, percent, 1, 10) for percent in percents]
    if sold_out:
        news.append(SoldOut(START_S, 1, 10, 10, 1))
    return {notification_of(schedule, item).id.bytes for item in news}


async def silenced(
    control: Control, new: ReadModel, old: ReadModel | None, raised: Iterable[bytes] = ()
) -> tuple[frozenset[bytes], Producer]:
    producer: Any = Producer()
    asked: Any = control

    async def before() -> ReadModel | None:
        return old

    past = PastNews(asked, "control", control.state.live.name, new, before, lambda boards: NoRanks(), 3_600_000)
    return await past.silenced(producer, set(raised)), producer


async def test_before_any_switch_nothing_is_silenced_and_nothing_written() -> None:
    control = Control()
    found, producer = await silenced(control, model_of(FULL, CAPACITIES), None)
    assert (found, producer.committed, control.caught_up) == (frozenset(), [], 1)


async def test_what_only_the_new_generation_knows_is_silenced_and_kept_on_the_control_topic() -> None:
    control = Control(promoted())
    found, producer = await silenced(control, model_of(FULL, CAPACITIES), model_of(HALF, CAPACITIES))
    assert found == ids(80, 90, 95, sold_out=True)
    ((topic, key, value),) = producer.committed
    assert (topic, key, value) == ("control", *Silenced(1, found).records()[0])


async def test_what_both_know_is_not_silenced_so_that_the_new_one_goes_on_where_the_old_one_stopped() -> None:
    found, _ = await silenced(Control(promoted()), model_of(FULL, CAPACITIES), model_of(FULL, CAPACITIES))
    assert found == frozenset()


async def test_what_is_on_the_topic_already_need_not_be_silenced() -> None:
    found, _ = await silenced(Control(promoted()), model_of(FULL, CAPACITIES), model_of(HALF, CAPACITIES), ids(80, 90))
    assert found == ids(95, sold_out=True)


async def test_nothing_is_silenced_where_the_past_was_asked_for() -> None:
    found, producer = await silenced(
        Control(promoted(notify_past=True)), model_of(FULL, CAPACITIES), model_of(HALF, CAPACITIES)
    )
    assert found == frozenset() and len(producer.committed) == 1


async def test_it_is_decided_once_also_by_who_takes_over_after_a_crash() -> None:
    decided = Silenced(1, frozenset(ids(95)))
    found, producer = await silenced(
        Control(promoted(), *decided.records()), model_of(FULL, CAPACITIES), model_of(HALF, CAPACITIES)
    )
    assert found == decided.ids and producer.committed == []


async def test_what_an_earlier_switch_silenced_stays_so() -> None:
    earlier = Silenced(1, frozenset(ids(10, schedule="B")))
    control = Control(*earlier.records(), promoted(number=2))
    found, _ = await silenced(control, model_of(FULL, CAPACITIES), model_of(HALF, CAPACITIES))
    assert found == earlier.ids | ids(80, 90, 95, sold_out=True)


async def test_without_the_old_generation_everything_before_the_switch_is_the_past() -> None:
    after = [*FIRST, *(Event("B", START_S + n, 20 + n) for n in range(3))]  # the clock stands at START_S
    found, _ = await silenced(Control(promoted()), model_of(after, CAPACITIES), None)
    assert found == ids(10, 25, 50)


async def test_an_old_generation_that_counts_no_more_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents.past_news, "OLD_CATCHES_UP_S", 0.05)
    found, _ = await silenced(Control(promoted()), model_of(FULL, CAPACITIES), model_of(FIRST, CAPACITIES))
    # It knows everything up to its newest event, at START_S - 96; what came later may be news that it had not seen.
    assert found == frozenset()


async def test_what_is_sold_while_the_old_generation_catches_up_is_no_news_of_the_past(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new, late = model_of(FIRST, CAPACITIES), model_of(FIRST[:-1], CAPACITIES)
    sleep = asyncio.sleep

    async def sold_meanwhile(seconds: float) -> None:
        """Both count on while it waits, the old one an event behind."""
        if seconds:
            vars(new).update(vars(model_of(FULL, CAPACITIES)))
            vars(late).update(vars(model_of(FULL[:-1], CAPACITIES)))
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", sold_meanwhile)
    found, _ = await silenced(Control(promoted()), new, late)
    assert found == frozenset()


async def test_whose_generation_is_not_live_any_more_decides_nothing() -> None:
    control: Any = Control()
    producer: Any = Producer()

    async def before() -> ReadModel | None:
        raise AssertionError("it is not to be looked at")

    past = PastNews(control, "control", "new", model_of(FULL), before, lambda boards: NoRanks(), 3_600_000)
    deciding = asyncio.create_task(past.silenced(producer, set()))
    await asyncio.sleep(0.1)
    assert not deciding.done() and producer.committed == []
    deciding.cancel()


def test_however_many_ids_are_silenced_each_record_fits_a_topic_and_they_come_back_together() -> None:
    many = Silenced(1, frozenset(number.to_bytes(16, "big") for number in range(50_000)))
    records = many.records()
    assert all(len(value or b"") < 1_000_000 for _, value in records)
    control = Control(promoted(), *records[:-1])
    assert control.state.silenced() is None  # the decision itself comes last
    control.state.apply(*records[-1])
    assert control.state.silenced() == many.ids
