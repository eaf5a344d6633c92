"""`ranking-app demo` as a process of its own, and the processes that it starts."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import AppProcess, free_port
from tests.support.waiting import wait_until

READY_WITHIN_S = 180.0
"""Kafka, topics and three workers, on a machine that may be busy with other tests."""


class Demo(AppProcess):
    """The demo's own process; what it starts are its children."""

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._running().send_signal(signal.SIGINT)

    def wait_address(self) -> str:
        """Where the page is, once it is said."""

        def said() -> re.Match[str] | None:
            self.check_running()
            return re.search(r"The live board:\s+(http://127\.0\.0\.1:\d+)/", self.output())

        found = wait_until(said, READY_WITHIN_S, "the address of the page")
        assert found is not None
        return found[1]

    def workers(self) -> list[int]:
        """The process ids of the workers, in the order in which they were started last."""
        return sorted(pid for pid, command in descendants(self.pid) if command.endswith("ranking_app.cli worker"))


@contextmanager
def running_demo(directory: Path, rate: int) -> Iterator[Demo]:
    """A demo on ports of its own; nothing of it is left at the end."""
    # TMPDIR is ours, so that what the demo leaves in temporary directories can be seen.
    (directory / "tmp").mkdir()
    arguments = ["demo", "--rate", str(rate), "--web-port", str(free_port()), "--seed", "1"]
    demo = Demo("demo", arguments, {"TMPDIR": str(directory / "tmp")}, directory).start()
    try:
        yield demo
    finally:
        demo.end()


def descendants(pid: int) -> list[tuple[int, str]]:
    """Process id and command line of everything that this process has started, at any depth."""
    listed = subprocess.run(["ps", "-axo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [(int(own), int(parent), args) for own, parent, args in (row.split(None, 2) for row in listed.splitlines())]
    found: list[tuple[int, str]] = []
    parents = {pid}
    while parents:
        children = [(own, args) for own, parent, args in rows if parent in parents]
        found += children
        parents = {own for own, _ in children}
    return found


def runs(pid: int) -> bool:
    """Whether a process is there; a zombie waits for its new parent, and is not running."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")
