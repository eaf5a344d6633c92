"""What an answer says of itself: which partitions, up to where, how far behind, whether it can change (invariant 8)."""

from zoneinfo import ZoneInfo

import pytest

from ranking_app.clock import ManualClock
from ranking_app.read_model.sources import CATALOGUE, STALE_AFTER_MS, SourceKey
from ranking_app.read_model.state import ReadModel, ReadRules
from tables.layout import position_key
from tables.position import Position

NOW_MS = 1_781_434_800_000
END_S = NOW_MS // 1000 - 600
RULES = ReadRules(
    topics=("reservation.completed", "reservation.cancelled", "concert.schedule.created"),
    partitions=2,
    clock="wall",
    timezone=ZoneInfo("UTC"),
    grace_ms=60_000,
    idle_ms=60_000,
    max_record_bytes=65_536,
    max_future_ms=300_000,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
def model(clock: ManualClock) -> ReadModel:
    """Loaded, with 10 records applied of each of 4 reservation partitions, each of which ends there."""
    made = ReadModel(RULES, clock)
    made.loaded = True
    for source in made.sources():
        apply(made, source, next_offset=10)
        made.set_end(source, 0, 10)
    made.set_end(CATALOGUE, 0, 0)
    return made


def apply(model: ReadModel, source: SourceKey, next_offset: int, watermark_ms: int = NOW_MS) -> None:
    position = Position(next_offset=next_offset, watermark_ms=watermark_ms, written_at_ms=NOW_MS)
    model.apply_change(source.partition, position_key(source.role, source.partition), position.encode())


def test_caught_up_it_is_complete_and_names_every_partition(model: ReadModel) -> None:
    found = model.completeness(END_S)
    assert (found.complete, found.final) == (True, True)
    assert [(p.topic, p.partition, p.offset, p.lag) for p in found.partitions] == [
        ("reservation.completed", 0, 10, 0),
        ("reservation.completed", 1, 10, 0),
        ("reservation.cancelled", 0, 10, 0),
        ("reservation.cancelled", 1, 10, 0),
        ("concert.schedule.created", 0, 0, 0),
    ]


def test_before_the_first_load_it_is_not_complete(model: ReadModel) -> None:
    model.loaded = False
    assert not model.completeness(END_S).complete


def test_during_a_rebalance_it_is_not_complete(model: ReadModel) -> None:
    model.rebalancing = True
    assert not model.completeness(END_S).complete


def test_what_lies_ahead_is_lag_and_stale_after_a_while(model: ReadModel, clock: ManualClock) -> None:
    model.set_end(SourceKey(0, 1), 0, 17)
    assert [p.lag for p in model.completeness(END_S).partitions] == [0, 7, 0, 0, 0]
    assert model.completeness(END_S).complete, "a moment behind is what live means"
    clock.set_ms(NOW_MS + STALE_AFTER_MS + 1)
    for source in (*model.sources(), CATALOGUE):
        model.set_end(source, 0, 17 if source == SourceKey(0, 1) else 10 * (source != CATALOGUE))
    assert not model.completeness(END_S).complete


def test_brokers_that_no_longer_say_where_the_topics_end_make_it_stale(model: ReadModel, clock: ManualClock) -> None:
    clock.set_ms(NOW_MS + STALE_AFTER_MS + 1)
    assert not model.completeness(END_S).complete


def test_a_window_that_ends_after_the_watermark_can_still_change(model: ReadModel) -> None:
    assert not model.completeness(NOW_MS // 1000).final


def test_one_partition_behind_the_windows_end_keeps_the_answer_from_being_final(clock: ManualClock) -> None:
    made = ReadModel(RULES, clock)
    made.loaded = True
    for source in made.sources():
        behind = source == SourceKey(1, 1)
        apply(made, source, next_offset=10, watermark_ms=(END_S - 3600) * 1000 if behind else NOW_MS)
        made.set_end(source, 0, 10)
    assert not made.completeness(END_S).final
    clock.set_ms(NOW_MS + RULES.idle_ms)
    assert made.completeness(END_S).final, "nothing came for RANKING_IDLE, and everything there is was read"


def test_a_position_never_goes_back(model: ReadModel) -> None:
    apply(model, SourceKey(0, 0), next_offset=4)
    assert model.completeness(END_S).partitions[0].offset == 10
    assert len(model.went_back) == 1
