"""The memory of event ids, against a plain dict that never forgets and never freezes."""

from collections.abc import Iterable, Iterator
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking_app.rankings.event_ids import digests_of
from tables.seen import SeenIds, pack_ids, unpack_ids

DAY_MS = 24 * 3600 * 1000


class MemoryStore:
    """A store that obeys tables.seen.IdStore, in a dict."""

    def __init__(self) -> None:
        self.pairs: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.pairs.get(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        yield from sorted((k, v) for k, v in self.pairs.items() if k.startswith(prefix))

    def put_many(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self.pairs.update(pairs)

    def delete_prefix(self, prefix: bytes) -> None:
        self.pairs = {k: v for k, v in self.pairs.items() if not k.startswith(prefix)}


class Memory:
    """SeenIds with its flushes made durable, as OwnedPartition does it."""

    def __init__(self, store: MemoryStore, keep_ms: int = DAY_MS, hot_ids: int = 4) -> None:
        self.store = store
        self.keep_ms = keep_ms
        self.hot_ids = hot_ids
        self.seen = SeenIds(store, 0, 0, keep_ms, hot_ids)

    def arrive(self, *events: tuple[int, str], at_ms: int = 1_000) -> set[int]:
        digests = digests_of(event_id for _, event_id in events)
        batch = self.seen.check([offset for offset, _ in events], digests, at_ms)
        if batch.key is not None:
            self.store.pairs[batch.key] = batch.value
        self.seen.remember(batch)
        return set(batch.duplicates)

    def restart(self) -> None:
        self.seen = SeenIds(self.store, 0, 0, self.keep_ms, self.hot_ids)

    def expire(self, now_ms: int) -> None:
        for key in self.seen.expired_records(now_ms):
            del self.store.pairs[key]
        self.seen.forget(now_ms)


@pytest.fixture
def memory() -> Memory:
    return Memory(MemoryStore())


def test_the_second_of_two_equal_ids_is_the_duplicate(memory: Memory) -> None:
    assert memory.arrive((0, "a"), (1, "b"), (2, "a")) == {2}


def test_an_id_is_known_in_later_batches(memory: Memory) -> None:
    memory.arrive((0, "a"))
    assert memory.arrive((1, "a"), (2, "c")) == {1}


def test_the_same_offset_again_is_a_redelivery_and_no_duplicate(memory: Memory) -> None:
    memory.arrive((0, "a"))
    assert memory.arrive((0, "a")) == set()


def test_ids_that_were_frozen_into_runs_are_still_known(memory: Memory) -> None:
    for offset in range(100):
        memory.arrive((offset, f"id-{offset}"))
    assert memory.arrive(*((200 + n, f"id-{n}") for n in range(100))) == set(range(200, 300))


def test_ids_are_known_at_every_step_of_being_frozen() -> None:
    memory = Memory(MemoryStore(), hot_ids=40)
    for offset in range(100):
        memory.arrive((offset, f"id-{offset}"))
        again = memory.seen.check(
            list(range(200, 201 + offset)), digests_of(f"id-{n}" for n in range(offset + 1)), 1_000
        )
        assert len(again.duplicates) == offset + 1
    assert any(key.startswith(b"r") for key in memory.store.pairs)


@pytest.mark.parametrize("events", range(40, 70))
def test_segments_that_expire_while_their_ids_are_frozen_leave_nothing_behind(events: int) -> None:
    with patch.multiple("tables.seen", CHUNK_IDS=2):
        memory = Memory(MemoryStore(), hot_ids=40)
        memory.arrive(*((offset, f"id-{offset}") for offset in range(30)), at_ms=0)
        for offset in range(30, events):
            memory.arrive((offset, f"id-{offset}"), at_ms=DAY_MS // 2)
        now_ms = DAY_MS + DAY_MS // 2
        memory.expire(now_ms)
        late = [(1_000 + n, f"id-{n}") for n in range(events)]
        assert memory.arrive(*late, at_ms=now_ms) == {1_000 + n for n in range(30, events)}
        memory.expire(now_ms)
        assert not any(key.startswith(memory.seen._run_prefix(0)) for key in memory.store.pairs)


def test_a_restart_forgets_nothing(memory: Memory) -> None:
    for offset in range(50):
        memory.arrive((offset, f"id-{offset}"))
    memory.restart()
    assert memory.arrive(*((100 + n, f"id-{n}") for n in range(50))) == set(range(100, 150))


def test_an_id_comes_anew_after_its_time_and_is_remembered_from_then(memory: Memory) -> None:
    memory.arrive((0, "a"), at_ms=0)
    assert memory.arrive((1, "a"), at_ms=DAY_MS) == {1}
    assert memory.arrive((2, "a"), at_ms=DAY_MS + 1) == set()
    assert memory.arrive((3, "a"), at_ms=2 * DAY_MS) == {3}


def test_expired_segments_leave_nothing_behind(memory: Memory) -> None:
    for offset in range(40):
        memory.arrive((offset, f"id-{offset}"), at_ms=offset)
    memory.expire(3 * DAY_MS)
    assert memory.store.pairs == {}
    assert memory.seen.size_bytes == 0


def test_what_may_still_matter_is_not_expired(memory: Memory) -> None:
    memory.arrive((0, "a"), at_ms=DAY_MS)
    memory.expire(2 * DAY_MS)
    assert memory.arrive((1, "a"), at_ms=2 * DAY_MS) == {1}


def test_packed_ids_are_read_back_as_they_were() -> None:
    digests = [bytes([n] * 16) for n in range(3)]
    assert unpack_ids(pack_ids(digests, [5, 9, 1 << 40], 123)) == (123, digests, [5, 9, 1 << 40])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.lists(st.integers(0, 30), max_size=12), st.integers(0, 60)), max_size=40),
    st.integers(1, 20),
    st.sampled_from([0, 1, 16, 150]),
    st.sets(st.integers(0, 39)),
    st.sets(st.integers(0, 39)),
)
def test_it_says_what_a_plain_dict_says(
    batches: list[tuple[list[int], int]], hot_ids: int, steps: int, restarts: set[int], expiries: set[int]
) -> None:
    """Batches, each with a pause in ms before it; ids are kept for 100 ms. steps: as FREEZE_STEPS."""
    known, offset, now_ms = dict[int, int](), 0, 1_000
    with patch.multiple("tables.seen", CHUNK_IDS=2, FREEZE_STEPS=steps):
        memory = Memory(MemoryStore(), keep_ms=100, hot_ids=hot_ids)
        for number, (batch, pause_ms) in enumerate(batches):
            now_ms += pause_ms
            events, expected = [], set()
            for value in batch:
                events.append((offset, f"id-{value}"))
                if now_ms - known.get(value, -1_000) <= 100:
                    expected.add(offset)
                else:
                    known[value] = now_ms
                offset += 1
            assert memory.arrive(*events, at_ms=now_ms) == expected
            if number in expiries:
                memory.expire(now_ms)
            if number in restarts:
                memory.restart()
