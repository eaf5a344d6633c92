"""Where the wall clock comes in. The pure core takes plain numbers; the edges take a Clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in whole milliseconds since the epoch, UTC."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        ...


class WallClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that a test moves by hand."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """The time it was last set to, in milliseconds since the epoch."""
        return self._now_ms

    def set_ms(self, now_ms: int) -> None:
        """Move to now_ms (milliseconds since the epoch); backwards is allowed, as real clocks do it too."""
        self._now_ms = now_ms
