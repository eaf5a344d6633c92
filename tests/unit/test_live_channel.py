"""A live channel: a snapshot, then what changed, once for everybody who watches."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ranking_app.web import live_channel
from ranking_app.web.live_channel import Channel, Look, State


def entry(name: str, rank: int, **more: Any) -> dict[str, Any]:
    return {"concertScheduleId": name, "rank": rank, "secondsAtTop": 0, "peakAt": "then", **more}


class Shop:
    """Boards whose next state a test decides."""

    def __init__(self) -> None:
        self.number = 0
        self.complete = True
        self.asked = 0
        self.entries = [entry("A", 1), entry("B", 2)]
        self.fails = False

    def show(self, *entries: dict[str, Any]) -> None:
        self.entries = list(entries)
        self.number += 1

    def moment(self) -> object:
        return self.number, self.complete

    async def state(self) -> State:
        return State(f"t{self.number}", self.complete, "base")

    async def look(self) -> Look:
        await asyncio.sleep(0)
        if self.fails:
            raise RuntimeError("a bug")
        self.asked += 1
        page = {"asOf": f"t{self.number}", "window": {}, "total": len(self.entries), "links": "?"}
        return Look({"sales": {**page, "entries": self.entries}}, await self.state())

    @asynccontextmanager
    async def still(self, clients: int) -> AsyncIterator[None]:
        await asyncio.sleep(0)
        yield


class Reader:
    """What one client was sent."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self._came = asyncio.Event()

    def send(self, message: bytes) -> None:
        self.messages.append(json.loads(message))
        self._came.set()

    async def next(self, count: int) -> Any:
        async with asyncio.timeout(5):
            while len(self.messages) < count:
                self._came.clear()
                await self._came.wait()
        return self.messages[count - 1]


def encode(event: str, data: bytes, message_id: str | None) -> bytes:
    return json.dumps({"event": event, "id": message_id, **json.loads(data)}).encode()


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
async def channel(shop, monkeypatch):
    monkeypatch.setattr(live_channel, "INTERVAL_S", 0.01)
    monkeypatch.setattr(live_channel, "LOOK_S", 0.001)
    made = Channel("c", shop, encode)
    yield made
    await made.close()


async def test_first_comes_everything_then_what_changed(shop, channel):
    reader = Reader()
    await channel.join(reader, None)
    snapshot = await reader.next(1)
    assert (snapshot["event"], snapshot["asOf"], snapshot["complete"]) == ("snapshot", "t0", True)
    assert snapshot["boards"][0]["links"] == "?", "a snapshot is the whole answer"
    assert [e["concertScheduleId"] for e in snapshot["boards"][0]["entries"]] == ["A", "B"]
    shop.show(entry("B", 1, sold=5), entry("A", 2), entry("C", 3))
    delta = await reader.next(2)
    assert (delta["event"], delta["asOf"]) == ("delta", "t1")
    assert delta["boards"] == [
        {"key": "sales", "asOf": "t1", "window": {}, "total": 3,
         "entries": [entry("B", 1, sold=5), entry("A", 2), entry("C", 3)]}
    ]  # fmt: skip
    shop.show(entry("B", 1, sold=6), entry("A", 2), entry("C", 3))
    assert (await reader.next(3))["boards"][0]["entries"] == [entry("B", 1, sold=6), "A", "C"]


async def test_nothing_is_said_where_nothing_changed(shop, channel):
    reader = Reader()
    await channel.join(reader, None)
    for seconds in range(5):
        shop.show(entry("A", 1, secondsAtTop=seconds, peakAt=f"t{seconds}"), entry("B", 2))
        await asyncio.sleep(0.02)
    shop.show(entry("A", 1, secondsAtTop=9, sold=1), entry("B", 2))
    delta = await reader.next(2)
    assert len(reader.messages) == 2
    assert delta["boards"][0]["entries"] == [entry("A", 1, secondsAtTop=9, sold=1), "B"]


async def test_an_entry_that_leaves_and_one_that_comes_are_a_change(shop, channel):
    reader = Reader()
    await channel.join(reader, None)
    shop.show(entry("A", 1))
    assert (await reader.next(2))["boards"][0]["entries"] == ["A"]
    shop.show(entry("A", 1), entry("B", 2))
    assert (await reader.next(3))["boards"][0]["entries"] == ["A", entry("B", 2)]


async def test_a_stale_board_is_said_at_once_though_no_entry_changed(shop, channel):
    reader = Reader()
    await channel.join(reader, None)
    shop.complete = False
    delta = await reader.next(2)
    assert (delta["complete"], delta["boards"]) == (False, [])
    shop.complete = True
    assert (await reader.next(3))["complete"] is True


async def test_who_joins_while_a_board_turns_stale_does_not_keep_it_from_the_others(shop, channel):
    reader, other = Reader(), Reader()
    await channel.join(reader, None)
    shop.show(entry("B", 1))
    await reader.next(2)
    shop.complete = False
    await channel.join(other, None)
    assert (await other.next(1))["complete"] is False
    assert (await reader.next(3))["complete"] is False


async def test_everybody_gets_the_same_and_it_is_computed_once(shop, channel):
    readers = [Reader() for _ in range(50)]
    await asyncio.gather(*(channel.join(reader, None) for reader in readers))
    shop.show(entry("B", 1))
    for reader in readers:
        await reader.next(2)
    assert all(reader.messages == readers[0].messages for reader in readers)
    assert shop.asked == 2


async def test_who_comes_back_gets_what_he_missed(shop, channel):
    reader, other = Reader(), Reader()
    await channel.join(reader, None)
    await channel.join(other, None)
    for number in range(3):
        shop.show(entry("A", 1, sold=number))
        await other.next(2 + number)
    back = Reader()
    await channel.join(back, other.messages[1]["id"])
    assert back.messages == other.messages[2:]
    up_to_date = Reader()
    await channel.join(up_to_date, other.messages[3]["id"])
    assert up_to_date.messages == []


@pytest.mark.parametrize("last_id", ["", "c", "c.", "c.x", "c.-1", "c.99", "other.1", "c.1.1", "c." + "9" * 30, "c.²"])
async def test_who_comes_from_elsewhere_gets_a_snapshot(shop, channel, last_id):
    reader = Reader()
    await channel.join(reader, last_id)
    assert (await reader.next(1))["event"] == "snapshot"


async def test_who_was_away_for_too_long_gets_a_snapshot(shop, channel, monkeypatch):
    monkeypatch.setattr(live_channel, "KEPT_DELTAS", 2)
    reader = Reader()
    await channel.join(reader, None)
    for number in range(4):
        shop.show(entry("A", 1, sold=number))
        await reader.next(2 + number)
    back = Reader()
    await channel.join(back, reader.messages[1]["id"])
    assert [message["event"] for message in back.messages] == ["snapshot"]


async def test_without_changes_a_heartbeat_tells_that_it_lives(shop, channel, monkeypatch):
    monkeypatch.setattr(live_channel, "HEARTBEAT_S", 0.05)
    reader = Reader()
    await channel.join(reader, None)
    assert await reader.next(2) == {
        "event": "heartbeat",
        "id": None,
        "asOf": "t0",
        "complete": True,
        "generation": "base",
    }


async def test_who_left_gets_nothing_more(shop, channel):
    reader, other = Reader(), Reader()
    await channel.join(reader, None)
    await channel.join(other, None)
    assert channel.is_watched
    channel.leave(reader)
    shop.show(entry("B", 1))
    await other.next(2)
    assert len(reader.messages) == 1
    channel.leave(other)
    assert not channel.is_watched


async def test_a_bug_while_it_begins_is_not_swallowed(shop, channel):
    shop.fails = True
    with pytest.raises(RuntimeError, match="a bug"):
        await channel.join(Reader(), None)
