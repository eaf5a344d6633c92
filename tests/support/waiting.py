"""Waiting for something to become true, with a bound, in place of sleeping for some time."""

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE_S = 0.05


class WaitedInVain(AssertionError):
    """The condition did not become true in time."""


T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float, what: str = "") -> T:
    """The first true result of `condition`, asked every 50 ms; WaitedInVain says what came last."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline_s:
            name = what or getattr(condition, "__name__", "the condition")
            raise WaitedInVain(f"{name}: not within {timeout_s:g} s; last: {found!r}")
        time.sleep(PAUSE_S)


class Laps:
    """How long each phase of a long test took, for whoever wonders where the minutes go."""

    def __init__(self) -> None:
        self._last_s = time.monotonic()
        self._laps: list[str] = []

    def lap(self, name: str) -> None:
        """The phase since the last lap was `name`."""
        now_s = time.monotonic()
        self._laps.append(f"{name} {now_s - self._last_s:.0f} s")
        self._last_s = now_s

    def __str__(self) -> str:
        return ", ".join(self._laps)
