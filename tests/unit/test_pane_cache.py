"""The decoded panes that an owner keeps: bounded by what is in them, and no different for it."""

import pytest

import tables.panes
from tests.property.test_crash_independence import Life, record


@pytest.mark.parametrize("bounded_by", ["CACHED_PANES", "CACHED_SECONDS"])
async def test_the_cache_stays_bounded_and_what_left_it_is_counted_on_from_the_store(
    monkeypatch: pytest.MonkeyPatch, bounded_by: str
) -> None:
    monkeypatch.setattr(tables.panes, bounded_by, 40)
    monkeypatch.setattr(tables.panes, "LOOK_EVERY_PANES", 10)
    life = Life()
    life.owned._trim_at = 10
    largest = 0
    for turn in range(2):  # the second time nearly all have left it
        for schedule in range(200):
            offset = turn * 200 + schedule
            await life.flush([record(offset, (schedule, 5, 1, False, offset))])
            largest = max(largest, len(life.owned._cache))
    assert largest <= 60
    sold = [life.owned.pane(0, key[2], key[1]) for key in list(life.owned._cache)]
    assert sold and all(sum(cell[0] for cell in pane.seconds.values()) == 2 for pane in sold)
