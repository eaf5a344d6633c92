"""The decoded panes that an owner keeps: bounded by what is in them, and no different for it."""

import pytest

import tables.pane_cache
from ranking_app.rankings.panes import Pane, encode_pane
from tables.pane_cache import PaneCache
from tests.property.test_crash_independence import Life, record


@pytest.mark.parametrize("bounded_by", ["CACHED_PANES", "CACHED_SECONDS"])
async def test_the_cache_stays_bounded_and_what_left_it_is_counted_on_from_the_store(
    monkeypatch: pytest.MonkeyPatch, bounded_by: str
) -> None:
    monkeypatch.setattr(tables.pane_cache, bounded_by, 40)
    if bounded_by == "CACHED_SECONDS":
        monkeypatch.setattr(tables.pane_cache, "MANY_SECONDS", 1)  # panes of one second are kept as objects, too
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
    sold = [cache.pane(key) for key in list(cache._panes)]
    assert sold and all(sum(cell[0] for cell in pane.seconds.values()) == 2 for pane in sold)


@pytest.mark.parametrize("small", [True, False])
async def test_a_small_pane_is_kept_as_it_was_written_and_counted_on(
    monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    if not small:
        monkeypatch.setattr(tables.pane_cache, "MANY_SECONDS", 1)
    life = Life()
    for offset in range(4):
        await life.flush([record(offset, (1, 5 + offset % 2, 1, False, offset))])
    (kept,) = life.owned._cache._panes.values()
    assert isinstance(kept, bytes) == small
    (key,) = life.owned._cache._panes
    assert list(life.owned._cache.pane(key).seconds.values()) == [[2, 0, 200], [2, 0, 200]]
    assert life.store.get(key) == encode_pane(life.owned._cache.pane(key))


def test_panes_that_were_begun_and_never_changed_are_bounded_by_their_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables.pane_cache, "LOOK_EVERY_PANES", 10)
    monkeypatch.setattr(tables.pane_cache, "CACHED_SECONDS", 600)
    cache = PaneCache(lambda key: None, AssertionError)
    full = encode_pane(Pane(99, {second: [10, 0, 1_500_000] for second in range(60)}, 7))
    cache._trim_at = 10
    for number in range(200):
        cache.begin(b"%d" % number, full)
        cache.trim()
    assert 1 <= len(cache) <= 25
