"""The panes that an owner keeps: bounded by what is in them, and no different for it."""

import pytest

import tables.pane_cache
from ranking_app.rankings.panes import Pane, encode_pane, parts_of, place_of
from ranking_app.rankings.tally import summed
from schemas.sale import Sale
from tables.changed import Changed
from tables.layout import pane_head, pane_key
from tables.pane_cache import PaneCache, SourcePanes
from tests.property.test_crash_independence import Life, record


@pytest.mark.parametrize(("bounded_by", "bound"), [("CACHED_PANES", 40), ("CACHED_BYTES", 800)])
async def test_the_cache_stays_bounded_and_what_left_it_is_counted_on_from_the_store(
    monkeypatch: pytest.MonkeyPatch, bounded_by: str, bound: int
) -> None:
    monkeypatch.setattr(tables.pane_cache, bounded_by, bound)
    monkeypatch.setattr(tables.pane_cache, "LOOK_EVERY_PANES", 10)
    life = Life()
    life.owned._cache._trim_at = 10
    largest = 0
    for turn in range(2):  # the second time nearly all have left it
        for schedule in range(200):
            offset = turn * 200 + schedule
            await life.flush([record(offset, (schedule, 5, 1, False, offset))])
            largest = max(largest, len(life.owned._cache))
    assert largest <= 60
    cache = life.owned._cache
    kept = [parts_of(pane, 0)[2] for pane in cache._panes.values()]
    assert kept and all(sum(completed for _, completed, *_ in cells) == 2 for cells in kept)


async def test_a_pane_is_kept_as_it_was_written_and_counted_on() -> None:
    life = Life()
    for offset in range(4):
        await life.flush([record(offset, (1, 5 + offset % 2, 1, False, offset))])
    ((key, kept),) = life.owned._cache._panes.items()
    assert life.store.get(key) == kept
    assert parts_of(kept, 0) == (3, 0, [(54, 2, 0, 200), (55, 2, 0, 200)])


SALE = Sale(9, "A", 29_300_000 * 60_000, 1, 100, False, None)


class Unreadable(Exception):
    """What a store says of itself."""


class Stored(dict[bytes, bytes]):
    """A store; it notes which keys it was asked for."""

    def __init__(self, panes: dict[bytes, bytes] | None = None) -> None:
        super().__init__(panes or {})
        self.asked: list[bytes] = []

    def ask(self, key: bytes) -> bytes | None:
        """As PartitionStore.get."""
        self.asked.append(key)
        return self.get(key)

    def last_key(self, head: bytes) -> bytes | None:
        """As PartitionStore.last_key."""
        return max((key for key in self if key.startswith(head)), default=None)


def cache_of(stored: Stored) -> PaneCache:
    """With this store behind it."""
    return PaneCache(stored.ask, stored.last_key, Unreadable)


@pytest.mark.parametrize(
    "stored",
    [b"", b"[7,5,1,2,1,500", b"{}", b"[7,5,1,2]", b"[7,5,1,2,1,0.5]", b'[7,5,1,"x",1,500]', b"[7,9,1,2,1,500]",
     b"[7,5,60,2,1,500]", b"[7,5,2,1,0,9,1,1,0,9]", b"[7,5,1,null,0,1,2,1,0,1]", b"\xff[7]"],
)  # fmt: skip
def test_nothing_is_added_to_a_stored_pane_that_cannot_be_read(stored: bytes) -> None:
    key = pane_head(0, 0) + place_of("A", 29_300_000)
    panes = SourcePanes(cache_of(Stored({key: stored})), 0, 0)
    for _ in range(2):
        with pytest.raises(Unreadable, match="an unreadable pane"):
            panes.add(summed([SALE]))
        with pytest.raises(Unreadable, match="an unreadable pane"):
            panes.fold([SALE])


def test_a_stored_pane_in_another_form_is_kept_as_it_is_written() -> None:
    key = pane_head(0, 0) + place_of("A", 29_300_000)
    cache = cache_of(Stored({key: b'[ 7, 5, 1, "2", 1, 500 ]\n'}))
    assert cache.known(key) == b"[7,5,1,2,1,500]"


def test_full_panes_are_bounded_by_their_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables.pane_cache, "LOOK_EVERY_PANES", 10)
    monkeypatch.setattr(tables.pane_cache, "CACHED_BYTES", 12_000)
    cache = cache_of(Stored())
    full = encode_pane(Pane(99, {second: [10, 0, 1_500_000] for second in range(60)}, 7))
    cache._trim_at = 10
    for number in range(200):
        cache.keep(Changed(others={b"%d" % number: full}))
        cache.trim()
    assert 1 <= len(cache) <= 25


def test_only_panes_that_may_be_there_are_looked_for_in_the_store() -> None:
    old, other = pane_key(0, 3, 100, "B"), pane_key(1, 3, 500, "B")
    stored = Stored({old: b"[7,5,1,2,1,500]", other: b"[9,9,1,2,1,500]"})
    cache = cache_of(stored)
    assert cache.known(pane_key(0, 3, 100, "C")) is None, "behind the last of its source"
    assert cache.known(pane_key(0, 3, 101, "A")) is None
    assert stored.asked == []
    assert cache.known(pane_key(0, 3, 100, "A")) is None and cache.known(old) == b"[7,5,1,2,1,500]"
    assert cache.known(pane_key(1, 3, 499, "A")) is None and cache.known(other) == b"[9,9,1,2,1,500]"
    assert len(stored.asked) == 4
    assert cache.known(old) and cache.known(other) and len(stored.asked) == 4, "kept"


@pytest.mark.parametrize("all_of_them", [False, True])
def test_panes_that_were_forgotten_are_looked_for_again(monkeypatch: pytest.MonkeyPatch, all_of_them: bool) -> None:
    monkeypatch.setattr(tables.pane_cache, "CACHED_PANES", 8)
    stored = Stored()
    cache = cache_of(stored)
    keys = [pane_key(0, 3, minute, "A") for minute in range(10)]
    for key in keys:
        assert cache.known(key) is None
        cache.keep(Changed(others={key: b"[7,5,1,2,1,500]"}))
        stored[key] = b"[7,5,1,2,1,500]"
    assert stored.asked == []
    cache._trim_at = 10
    if all_of_them:
        cache.clear()
    else:
        cache.trim()
    assert len(cache) == (0 if all_of_them else 6)
    assert all(map(cache.known, keys))
    assert stored.asked == (keys if all_of_them else keys[:4])
    assert cache.known(pane_key(0, 3, 10, "A")) is None and len(stored.asked) == (10 if all_of_them else 4)
