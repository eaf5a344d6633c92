"""Windows of time: half-open, in whole seconds. Where each board, total and milestone begins and ends."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open [start_s, end_s): whole seconds since the epoch, UTC. start_s None: since ever (`all`).

    >>> 20 in Window(10, 20), 20 in Window(20, 30), 20 in Window(None, 21)
    (False, True, True)
    """

    start_s: int | None
    end_s: int

    @property
    def length_s(self) -> int | None:
        """Seconds from start to end; None for a window without a start."""
        return None if self.start_s is None else self.end_s - self.start_s

    def __contains__(self, at_s: int) -> bool:
        return at_s < self.end_s and (self.start_s is None or at_s >= self.start_s)


def window_before(as_of_s: int, length_s: int | None) -> Window:
    """The window of length_s seconds that ends at as_of_s (not in it); length_s None: everything before.

    >>> window_before(3_600, 60)
    Window(start_s=3540, end_s=3600)
    """
    return Window(None if length_s is None else as_of_s - length_s, as_of_s)


def live_as_of_s(now_ms: int) -> int:
    """The asOf of a question that names none: the second after the one that now_ms (since the epoch) is in.

    Also on an exact second: what was sold just now must show at once.

    >>> live_as_of_s(59_999), live_as_of_s(60_000)
    (60, 61)
    """
    return now_ms // 1000 + 1


def live_window(now_ms: int, length_s: int | None) -> Window:
    """The window of length_s seconds (None: everything) that ends at the live asOf."""
    return window_before(live_as_of_s(now_ms), length_s)
