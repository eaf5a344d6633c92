"""What has been raised is read back to the end, and a reader that stands still is given up."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from agents import notifier
from agents.notifier import Notifier
from ranking_app.metrics import Metrics
from schemas.notification import milestone_reached

RAISED = [milestone_reached("A", at_s=1, percent=percent, sold=9, capacity=10) for percent in (10, 25, 50, 80, 90)]


class Reader:
    """Has one notification more with every poll, and none any more from stands_still_at on."""

    def __init__(self, stands_still_at: int) -> None:
        self.at = 0
        self.stopped = False
        self._stands_still_at = stands_still_at

    async def start(self) -> None:
        """At once."""

    async def stop(self) -> None:
        self.stopped = True

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0}

    def assign(self, partitions: Any) -> None:
        """All of them."""

    async def seek_to_beginning(self) -> None:
        """It is there."""

    async def end_offsets(self, partitions: Any) -> dict[Any, int]:
        return dict.fromkeys(partitions, len(RAISED))

    async def position(self, partition: Any) -> int:
        return self.at

    async def getmany(self, timeout_ms: int, max_records: int) -> dict[Any, list[Any]]:
        await asyncio.sleep(0.02)
        if self.at == self._stands_still_at:
            return {}
        self.at += 1
        return {"raised": [SimpleNamespace(value=RAISED[self.at - 1].value)]}


def reading(reader: Reader) -> Notifier:
    nothing = cast(Any, None)
    return Notifier(
        nothing,
        nothing,
        "raised",
        1,
        transactional_id="notifier",
        max_age_ms=1,
        past_news=nothing,
        options={},
        make_reader=cast(Any, lambda: reader),
        follower=nothing,
        on_failure=nothing,
        metrics=Metrics(),
        log=structlog.get_logger(),
    )


async def test_it_is_read_to_the_end_however_long_that_takes_while_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "READ_STALLED_S", 0.06)
    reader = Reader(stands_still_at=len(RAISED))
    assert await reading(reader)._read_back() == {made.id.bytes for made in RAISED}
    assert reader.stopped


@pytest.mark.parametrize("stands_still_at", [0, 3])
async def test_a_reader_that_stands_still_is_given_up_and_closed(
    monkeypatch: pytest.MonkeyPatch, stands_still_at: int
) -> None:
    monkeypatch.setattr(notifier, "READ_STALLED_S", 0.06)
    reader = Reader(stands_still_at)
    async with asyncio.timeout(5.0):
        with pytest.raises(TimeoutError):
            await reading(reader)._read_back()
    assert reader.stopped
