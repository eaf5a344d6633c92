"""A reader of the boards as a careful client is one: when an instance does not answer, it asks the next.

It also watches totals that can only grow: on one instance they must not go backwards, not even over its restart.
"""

import http.client
import threading
import time
from collections.abc import Sequence
from itertools import cycle

from tests.faults.diary import Diary
from tests.support.processes import WebProcess
from tests.support.web_client import Client, UnexpectedStatus

ANSWER_WITHIN_S = 2.0
PATIENCE_S = 15.0
"""A read fails for good when no instance has answered for this long."""

PAUSE_S = 0.1


class NotAnswered(Exception):
    """This instance does not answer now."""


class RetryingReader:
    """Reads in a thread of its own, from start() to stop(). watched: ids of schedules whose total only grows."""

    def __init__(self, instances: Sequence[WebProcess], watched: Sequence[str], diary: Diary) -> None:
        self._clients = {instance.name: Client(instance.port, timeout_s=ANSWER_WITHIN_S) for instance in instances}
        self._watched = watched
        self._diary = diary
        self._highest: dict[tuple[str, str], int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retrying-reader", daemon=True)
        self.reads = 0
        self.mended = 0
        """Reads that another instance answered."""
        self.failed = 0
        """Reads that nobody answered."""
        self.monotonic = 0
        """Totals compared with the one before on the same instance."""

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the read under way has ended."""
        self._stopping.set()
        self._thread.join()
        for client in self._clients.values():
            client.close()

    def _run(self) -> None:
        names, schedules = cycle(self._clients), cycle(self._watched)
        while not self._stopping.wait(PAUSE_S):
            self.reads += 1
            began_s = time.monotonic()
            tries, answered = 0, False
            while not answered and time.monotonic() < began_s + PATIENCE_S and not self._stopping.wait(0.0):
                answered = self._ask(next(names), next(schedules))
                tries += 1
            self.mended += answered and tries > 1
            if not answered and not self._stopping.is_set():
                self.failed += 1
                self._diary.broken(f"no instance answered within {PATIENCE_S:g} s")

    def _ask(self, name: str, schedule: str) -> bool:
        try:
            sold = self._sold(self._clients[name], schedule)
        except NotAnswered:
            return False
        before = self._highest.get((name, schedule), 0)
        self.monotonic += 1
        if sold < before:
            self._diary.broken(f"{name}: the total of {schedule!r} went back from {before} to {sold}")
        self._highest[name, schedule] = sold
        return True

    def _sold(self, client: Client, schedule: str) -> int:
        try:
            client.get("/v1/rankings/sales", window="1h", limit=10)
            return int(client.schedule(schedule)["sold"])
        except UnexpectedStatus as answer:
            if answer.status == 404:  # nothing of it was sold yet
                return 0
            raise NotAnswered from answer
        except (OSError, http.client.HTTPException) as error:
            raise NotAnswered from error
