"""An event loop in a thread of its own: producers and the network run there while faults block the main thread."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
STOP_WITHIN_S = 10.0


class Background:
    """`with Background() as loop: loop.run(coroutine)`; what still runs at the end is cancelled."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="background-loop", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(_cancel_others(), STOP_WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_WITHIN_S)
        self._loop.close()

    def begin(self, body: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start it; its result comes later."""
        return asyncio.run_coroutine_threadsafe(body, self._loop)

    def run(self, body: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Its result. TimeoutError if it takes longer."""
        future = self.begin(body)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=STOP_WITHIN_S / 2)
