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


def test_source_partitions_that_do_not_exist_yet_are_in_no_answer_and_hold_up_none(clock: ManualClock) -> None:
    made = ReadModel(RULES, clock)
    made.loaded = True
    made.exist(0, 1)
    made.exist(1, 2)
    for source in (*made.sources(), CATALOGUE):
        made.set_end(source, 0, 0)
    found = made.completeness(END_S)
    assert (found.complete, found.final) == (True, True)
    assert [(p.topic, p.partition) for p in found.partitions] == [
        ("reservation.completed", 0),
        ("reservation.cancelled", 0),
        ("reservation.cancelled", 1),
        ("concert.schedule.created", 0),
    ]
    assert [(a.state.topic, a.state.partition) for a in made.activity()] == [
        ("reservation.completed", 0),
        ("reservation.cancelled", 0),
        ("reservation.cancelled", 1),
    ]


def test_a_new_source_partition_is_listed_and_the_answer_incomplete_until_it_is_counted(clock: ManualClock) -> None:
    made = ReadModel(RULES, clock)
    made.loaded = True
    for role in (0, 1):
        made.exist(role, 1)
    made.exist(0, 2)
    for source in (*made.sources(), CATALOGUE):
        made.set_end(source, 0, 5 if source == SourceKey(0, 1) else 0)
    found = made.completeness(END_S)
    assert [(p.topic, p.partition, p.lag) for p in found.partitions[:2]] == [
        ("reservation.completed", 0, 0),
        ("reservation.completed", 1, 5),
    ]
    assert (found.complete, found.final) == (False, False)
    apply(made, SourceKey(0, 1), next_offset=5)
    assert made.completeness(END_S).complete
    assert made.activity()[1].position.next_offset == 5


def test_a_broker_that_does_not_know_of_new_partitions_yet_takes_none_away(model: ReadModel) -> None:
    before = model.sources()
    model.exist(0, 2)
    model.exist(0, 1)
    model.exist(0, 0)
    assert model.sources() == before


def test_source_partitions_beyond_the_tables_are_listed_and_what_comes_to_them_is_said_to_be_missing(
    model: ReadModel, clock: ManualClock
) -> None:
    model.exist(0, 3)
    beyond = SourceKey(0, 2)
    model.set_end(beyond, 0, 0)
    assert model.completeness(END_S).complete, "nothing came to it"
    clock.set_ms(NOW_MS + STALE_AFTER_MS + 1)
    for source in (*model.sources(), CATALOGUE):
        model.set_end(source, 0, 7 if source == beyond else 10 * (source != CATALOGUE))
    found = model.completeness(END_S)
    assert [p.lag for p in found.partitions] == [0, 0, 7, 0, 0, 0]
    assert not found.complete
