"""When a worker saves its read model: often in live traffic, seldom while a backlog of many schedules is read."""

import asyncio
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from ranking_app.metrics import Metrics
from ranking_app.read_model import follower as following
from ranking_app.read_model.follower import (
    AFTER_BACKLOG_S,
    BACKLOG_SAVE_PAUSE_S,
    SAVE_AFTER_RECORDS,
    SAVE_PAUSE_S,
    Follower,
)


class Model:
    """A read model to which panes come; the clock is in here."""

    def __init__(self, waits_as_columns: bool, until_s: float = 1_200.0) -> None:
        self.now_s = 1_000.0
        self._until_s = until_s
        self.loaded, self.panes, self.ever_begun = True, 0, int(waits_as_columns)
        self.settled: list[bool] = []
        self._waits_as_columns = waits_as_columns

    def topic_of(self, source: Any) -> str:
        return "catalogue"

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.ever_begun += self._waits_as_columns and self.now_s <= self._until_s
        if self.now_s > 1_200:
            raise asyncio.CancelledError

    async def settle(self, somebody_waits: bool = False) -> None:
        self.settled.append(somebody_waits)


async def saved_at_s(monkeypatch: pytest.MonkeyPatch, model: Model) -> list[float]:
    """When, of 200 s in which there is always more to be saved."""
    found = list[float]()
    follower = Follower(
        cast(Any, model),
        "changelog",
        1,
        make_reader=lambda: cast(Any, None),
        on_failure=lambda error: None,
        metrics=Metrics(),
        log=structlog.get_logger(),
    )

    async def save(*_: Any) -> int:
        found.append(model.now_s)
        follower._records_since_saved = SAVE_AFTER_RECORDS  # more has come
        return 1

    follower.loaded.set()
    follower._records_since_saved = SAVE_AFTER_RECORDS
    monkeypatch.setattr(following, "time", model)
    monkeypatch.setattr(following, "asyncio", SimpleNamespace(sleep=model.sleep))
    with pytest.raises(asyncio.CancelledError):
        await follower._keep_saved(cast(Any, SimpleNamespace(save=save)))
    return found


@pytest.mark.parametrize(
    ("waits_as_columns", "pause_s", "settled"),
    [(False, SAVE_PAUSE_S, [False]), (True, BACKLOG_SAVE_PAUSE_S, [True, True])],
)
async def test_it_is_saved_seldom_while_panes_wait_as_columns(
    monkeypatch: pytest.MonkeyPatch, waits_as_columns: bool, pause_s: float, settled: list[bool]
) -> None:
    model = Model(waits_as_columns)
    pauses_s = [after - before for before, after in pairwise([1_000.0, *await saved_at_s(monkeypatch, model)])]
    first_pause_s = pauses_s.pop(0)
    assert first_pause_s == (BACKLOG_SAVE_PAUSE_S if waits_as_columns else 0.0), "also since the start"
    assert pauses_s and all(pause_s <= pause <= pause_s + SAVE_PAUSE_S for pause in pauses_s)
    assert model.settled[-len(settled) :] == settled


async def test_who_waited_for_the_end_of_a_backlog_asks_before_it_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    first_s, *_ = await saved_at_s(monkeypatch, Model(waits_as_columns=True, until_s=1_020.0))
    assert 1_020 + AFTER_BACKLOG_S <= first_s <= 1_022 + AFTER_BACKLOG_S
