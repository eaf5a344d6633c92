"""Ctrl-C and SIGTERM: the first asks to stop, the second kills. Works before, in and after an event loop."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

HANDLED = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A context that catches both signals. `kill`: called at the second and any further one.

    Outside `on_loop` the first signal raises KeyboardInterrupt: a long synchronous start can be given up.
    """

    def __init__(self, kill: Callable[[], None]) -> None:
        self._kill = kill
        self._notify: Callable[[], object] | None = None
        self.count = 0
        """Signals received so far."""

    def __enter__(self) -> Self:
        self._before: dict[signal.Signals, Any] = {number: signal.signal(number, self._came) for number in HANDLED}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def on_loop(self, stop: asyncio.Event) -> Iterator[None]:
        """While a loop runs, the first signal sets `stop` instead."""
        loop = asyncio.get_running_loop()
        self._notify = lambda: loop.call_soon_threadsafe(stop.set)
        try:
            yield
        finally:
            self._notify = None

    def _came(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            self._kill()
        elif self._notify is not None:
            self._notify()
        else:
            raise KeyboardInterrupt
