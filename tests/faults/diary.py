"""What happened when: one line per fact, with the seconds since the run began."""

import threading
import time


class Diary:
    """Prints each fact at once, from any thread, and counts those that were promised not to happen."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._guard = threading.Lock()
        self.broken_promises: list[str] = []

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began_s

    def note(self, fact: str) -> None:
        """Something happened."""
        with self._guard:
            print(f"{self.elapsed_s:8.1f} s  {fact}", flush=True)

    def broken(self, promise: str) -> None:
        """Something happened that the contract rules out: the run has failed, and goes on to see what else."""
        self.broken_promises.append(promise)
        self.note(f"PROMISE BROKEN: {promise}")
