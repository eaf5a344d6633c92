"""Sums by window and schedule in a dict, and the ten best sellers of the newest window once a second."""

import heapq
import time
from collections import Counter, defaultdict

from benchmarks.peers.programs.task import TOP, TOP_EVERY_S


class Boards:
    """Sums by window start in ms, then by schedule."""

    def __init__(self) -> None:
        self.windows: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._due_s = time.monotonic() + TOP_EVERY_S

    def print_when_due(self) -> None:
        """The ten best sellers of the newest window, if the last ones are a second old."""
        if self.windows and time.monotonic() >= self._due_s:
            newest = self.windows[max(self.windows)]
            print(heapq.nlargest(TOP, newest.items(), key=lambda item: item[1]), flush=True)
            self._due_s = time.monotonic() + TOP_EVERY_S

    def totals(self) -> Counter[str]:
        """Seats by schedule, over all windows."""
        sums: Counter[str] = Counter()
        for window in self.windows.values():
            sums.update(window)
        return sums
