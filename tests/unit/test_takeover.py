"""Who owns a partition: written down when it is taken, also where nothing is sold, and by every flush after it."""

import orjson

from ranking_app.read_model.sources import CATALOGUE, STALE_AFTER_MS, SourceKey
from tables.layout import position_key
from tables.panes import OwnedPartition
from tables.position import Position
from tests.property.test_crash_independence import NOW_MS, Life, record
from tests.support.memory import MemoryPartitionStore


def owned_by(name: str, life: Life) -> OwnedPartition:
    """A worker of this name that has restored the partition from the changelog of life."""
    life.store = MemoryPartitionStore()
    life.begin()
    return OwnedPartition(0, life.store, life.log, 86_400_000, name)  # type: ignore[arg-type]


def owners(life: Life) -> list[tuple[str | None, int]]:
    """What a reader of the changelog knows of both source partitions: owner and takeovers."""
    return [(a.position.owner, a.position.takeovers) for a in life.model().activity()]


async def test_taking_a_partition_is_in_the_changelog_also_when_nothing_was_ever_sold() -> None:
    life = Life()
    assert owners(life) == [(None, 0), (None, 0)]
    owned = owned_by("a:1", life)
    said_so = [owned.taken_over]
    await owned.take_over()
    assert [*said_so, owned.taken_over] == [False, True]
    assert owners(life) == [("a:1", 1), ("a:1", 1)]


async def test_another_worker_and_a_restart_count_as_takeovers() -> None:
    life = Life()
    for name in ("a:1", "b:2", "b:2"):
        await owned_by(name, life).take_over()
    assert owners(life) == [("b:2", 3), ("b:2", 3)]


async def test_a_flush_goes_on_with_the_name_and_leaves_the_count() -> None:
    life = Life()
    life.owned = owned_by("a:1", life)
    life.applier._owned = life.owned
    await life.owned.take_over()
    await life.flush([record(0, (0, 5, 1, False, 0))])
    await life.flush([record(1, (0, 5, 1, False, 1))])
    assert owners(life) == [("a:1", 1), ("a:1", 1)]
    assert life.model().position(SourceKey(0, 0)).counted == 2


async def test_one_that_catches_up_after_another_wrote_is_the_owner_with_its_next_flush() -> None:
    life = Life()
    await owned_by("b:2", life).take_over()
    life.owned = owned_by("a:1", life)  # restored after the changelog diverged
    life.applier._owned = life.owned
    await life.flush([record(0, (0, 5, 1, False, 0))])
    assert owners(life) == [("a:1", 2), ("b:2", 1)]


async def test_a_takeover_counts_nothing_and_brings_nothing() -> None:
    life = Life()
    await life.flush([record(0, (0, 5, 1, False, 0))])
    before = life.model().position(SourceKey(0, 0))
    life.clock.set_ms(NOW_MS + 600_000)
    await owned_by("a:1", life).take_over()
    assert life.model().position(SourceKey(0, 0)) == before.taken_over_by("a:1")
    assert before.written_at_ms == NOW_MS, "when it last brought something"


def test_a_takeover_makes_no_stale_partition_look_alive() -> None:
    model = Life().model()
    model.loaded = True
    clock = model._clock
    source = SourceKey(0, 0)

    def apply(position: Position) -> None:
        model.apply_change(0, position_key(*source), position.encode())

    def ends() -> None:
        for other in (*model.sources(), CATALOGUE):
            model.set_end(other, 0, 9 if other == source else 0)

    apply(Position(next_offset=5, written_at_ms=NOW_MS))
    ends()
    assert model.completeness(0).complete
    clock.set_ms(NOW_MS + STALE_AFTER_MS + 1)  # type: ignore[attr-defined]
    ends()
    apply(Position(next_offset=5, written_at_ms=NOW_MS).taken_over_by("b:2"))
    assert not model.completeness(0).complete
    apply(Position(next_offset=6, written_at_ms=NOW_MS))
    assert model.completeness(0).complete


def test_a_position_of_before_owners_had_names_reads_back_and_one_of_today_is_read_by_its_prefix() -> None:
    old = orjson.dumps([12, NOW_MS, 10, 1, 1, 0, NOW_MS])
    assert Position.decode(old) == Position(12, NOW_MS, 10, 1, 1, 0, NOW_MS, owner=None, takeovers=0)
    named = Position.decode(old).taken_over_by("a:1")
    assert Position.decode(named.encode()) == named
    assert orjson.loads(named.encode())[:7] == orjson.loads(old)
    assert Position.decode(orjson.dumps([*orjson.loads(named.encode()), "of a later version"])) == named
