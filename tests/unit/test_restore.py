"""Which local stores can be caught up with their changelog, and which have to be read anew."""

from tables.layout import position_key
from tables.position import Position
from tables.restore import STORE_MAX_AGE_MS, why_anew
from tests.support.memory import MemoryPartitionStore

NOW_MS = 1_781_434_800_000


def store(last_offset: int, age_ms: int) -> MemoryPartitionStore:
    made = MemoryPartitionStore()
    made.write([(position_key(0, 0), Position(written_at_ms=NOW_MS - age_ms).encode())], last_offset)
    return made


def why(store: MemoryPartitionStore, end: int) -> str | None:
    return why_anew(store, end, NOW_MS)  # type: ignore[arg-type]


def test_a_store_that_is_a_little_behind_is_caught_up() -> None:
    assert why(store(7, age_ms=1_000), end=20) is None


def test_a_store_that_was_behind_for_a_day_may_have_missed_a_tombstone() -> None:
    assert "hours ago" in (why(store(7, age_ms=STORE_MAX_AGE_MS + 1), end=20) or "")


def test_a_store_at_the_end_has_missed_nothing_however_old_it_is() -> None:
    assert why(store(19, age_ms=10 * STORE_MAX_AGE_MS), end=20) is None


def test_a_store_ahead_of_its_changelog_belongs_to_another_one() -> None:
    assert "ends at 20" in (why(store(20, age_ms=0), end=20) or "")


def test_a_store_without_a_position_holds_nothing_that_a_tombstone_could_have_deleted() -> None:
    empty = MemoryPartitionStore()
    empty.write([], 7)
    assert why(empty, end=20) is None


def test_a_new_store_is_simply_filled() -> None:
    assert why(MemoryPartitionStore(), end=20) is None
