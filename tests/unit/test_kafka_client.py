"""Clients are closed, whatever happens, and nobody waits long for brokers that are away."""

import asyncio
import time

import pytest

from ranking_app import kafka_client
from ranking_app.kafka_client import close, started

SHORT_S = 0.05


class FakeClient:
    """Counts its stops; stopping takes a while, or for ever."""

    def __init__(self, takes_s: float = 0.0, fails: Exception | None = None) -> None:
        self.stopped = False
        self._takes_s = takes_s
        self._fails = fails

    async def start(self) -> None:
        """Connect."""
        if self._fails is not None:
            raise self._fails

    async def stop(self) -> None:
        """Disconnect."""
        await asyncio.sleep(self._takes_s)
        self.stopped = True


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_client, "CLOSE_WAIT_S", SHORT_S)


async def test_a_client_whose_start_failed_is_closed() -> None:
    client = FakeClient(fails=OSError("nobody there"))
    with pytest.raises(OSError, match="nobody there"):
        async with started(client):
            raise AssertionError("it never started")
    assert client.stopped


async def test_a_cancellation_while_it_closes_does_not_cut_that_short() -> None:
    client = FakeClient(takes_s=SHORT_S / 2)
    closing = asyncio.create_task(close(client))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert client.stopped


async def test_nobody_waits_for_a_client_that_does_not_close() -> None:
    client, began_s = FakeClient(takes_s=60.0), time.monotonic()
    async with started(client):
        pass
    assert time.monotonic() - began_s < 10
    assert not client.stopped
