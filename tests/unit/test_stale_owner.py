"""Two that believe they own a partition (invariant 4): the log tells, and nothing counts twice or is lost."""

import pytest

from ranking_app.rankings.panes import applied_of
from tables.layout import PANE
from tables.panes import ChangelogDiverged
from tests.property.test_crash_independence import Life, record
from tests.support.memory import MemoryPartitionStore


async def sold(life: Life) -> dict[str, int]:
    return {name: schedule.curve.sold_before(2**40) for name, schedule in life.model().schedules.items()}


def successor(zombie: Life) -> Life:
    """Another worker with a disk of its own, restored from the same log."""
    life = Life()
    life.log = zombie.log
    life.store = MemoryPartitionStore()
    life.begin()
    return life


async def test_a_stale_owner_learns_from_the_changelog_that_somebody_else_wrote() -> None:
    records = [record(n, (0, 5, 1, False, n)) for n in range(4)]
    zombie = Life()
    await zombie.flush(records[:1])
    owner = successor(zombie)
    await owner.flush(records[1:3])
    with pytest.raises(ChangelogDiverged):
        await zombie.flush(records[1:2])
    assert zombie.store.changelog_offset is not None
    assert zombie.store.changelog_offset < len(zombie.log.pairs) - 1, "it would never read what the owner wrote"


async def test_an_owner_learns_it_with_its_very_first_write() -> None:
    records = [record(n, (0, 5, 1, False, n)) for n in range(2)]
    zombie = Life()
    await successor(zombie).flush(records[:1])
    with pytest.raises(ChangelogDiverged):
        await zombie.flush(records[:1])
    assert zombie.store.changelog_offset is None


async def test_after_catching_up_nothing_counts_twice_and_nothing_is_lost() -> None:
    records = [record(n, (0, 5, 1, False, n)) for n in range(4)]
    zombie = Life()
    await zombie.flush(records[:1])
    owner = successor(zombie)
    await owner.flush(records[1:3])
    with pytest.raises(ChangelogDiverged):
        await zombie.flush(records[1:2])
    zombie.begin()  # what the partition's worker does: restore, then try again
    await zombie.flush(records[1:4])
    assert await sold(zombie) == {"S0": 4}
    owner.begin()
    assert owner.owned.positions[0].next_offset == 4


async def test_a_restore_takes_the_newest_pane_not_the_last_one_written() -> None:
    records = [record(n, (0, 5, 1, False, n)) for n in range(3)]
    life = Life()
    await life.flush(records[:1])
    old = list(life.log.pairs)
    await life.flush(records[1:])
    life.log.pairs += old
    fresh = successor(life)
    panes = [value for key, value in fresh.store.pairs.items() if key[:1] == PANE]
    assert [applied_of(value) for value in panes] == [2]
    assert fresh.owned.positions[0].next_offset == 3


async def test_a_reader_never_lets_a_pane_go_back_and_says_what_to_write_again() -> None:
    records = [record(n, (0, 5, 1, False, n)) for n in range(3)]
    life = Life()
    await life.flush(records[:1])
    old = list(life.log.pairs)
    await life.flush(records[1:])
    life.log.pairs += old
    model = life.model()
    assert model.schedules["S0"].curve.sold_before(2**40) == 3
    assert len(model.went_back) == 2, "the pane and the position"


async def test_what_a_stale_owner_noted_of_ids_takes_away_none_that_the_owner_noted() -> None:
    records = [record(n, (0, 5, 1, False, n)) for n in range(4)]
    zombie = Life()
    await zombie.flush(records[:1])
    owner = successor(zombie)
    await owner.flush(records[1:4])
    with pytest.raises(ChangelogDiverged):
        await zombie.flush(records[1:2])  # begins where the owner's flush begins, and ends before it does
    fresh = successor(zombie)
    await fresh.flush([record(4, (0, 5, 1, False, 3))])
    assert fresh.owned.positions[0].duplicates == 1
    assert await sold(fresh) == {"S0": 4}
