"""Worker processes on this machine, of the demo and of a backfill: started, watched, restarted, stopped."""

import asyncio
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ranking_app.errors import RankingError
from ranking_app.local.child import start_child
from ranking_app.local.ports import is_free

HOST = "127.0.0.1"

RESTART_PAUSE_S = 1.0

DEATHS_TOO_MANY = 5
DEATHS_WITHIN_S = 60.0
"""A worker that dies this often in this time will not come to life by starting it once more."""

TAIL_LINES = 15


class WorkerKeepsDying(RankingError):
    """A worker process dies again and again. Operator: read the end of its log, which is shown above."""


class NoFreePort(RankingError):
    """No port for the workers. Operator: stop what listens there, or give another --web-port."""


def worker_ports(preferred: int, count: int) -> list[int]:
    """`count` free ports from the preferred one on, without what is taken. NoFreePort if too few."""
    free: Iterator[int] = (port for port in range(preferred, min(preferred + 1000, 65_536)) if is_free(HOST, port))
    ports = [port for port, _ in zip(free, range(count), strict=False)]
    if len(ports) < count:
        raise NoFreePort(f"fewer than {count} free ports from {preferred} on")
    return ports


class Worker:
    """One worker process, number 1 and up, with a data directory and a log file in `directory`."""

    def __init__(self, number: int, port: int, directory: Path, settings: Mapping[str, str]) -> None:
        self.name = f"worker {number}"
        self.port = port
        self.log = directory / f"worker-{number}.log"
        self._env = {
            **os.environ,
            **settings,
            "RANKING_DATA_DIR": str(directory / f"worker-{number}"),
            "RANKING_WEB_HOST": HOST,
            "RANKING_WEB_PORT": str(port),
        }
        self._deaths: deque[float] = deque(maxlen=DEATHS_TOO_MANY)
        self._restart_at_s: float | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of its web endpoint, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def alive(self) -> bool:
        """Is the process there?"""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process; it dies with this one."""
        self._restart_at_s = None
        self.process = start_child([sys.executable, "-m", "ranking_app.cli", "worker"], self.log, self._env)

    def look_after(self, say: Callable[[str], None]) -> None:
        """Restart the process if it has died, saying so. WorkerKeepsDying when there is no point."""
        if self.alive or self.process is None:
            return
        now_s = time.monotonic()
        if self._restart_at_s is None:
            self._restart_at_s = now_s + RESTART_PAUSE_S
            self._deaths.append(now_s)
            ending = _ending(self.process.returncode)
            say(f"{self.name} died ({ending}); the end of its log:\n{tail(self.log)}")
            if len(self._deaths) == DEATHS_TOO_MANY and now_s - self._deaths[0] < DEATHS_WITHIN_S:
                raise WorkerKeepsDying(f"{self.name} died {DEATHS_TOO_MANY} times within {DEATHS_WITHIN_S:g} s")
        elif now_s >= self._restart_at_s:
            self.start()
            say(f"{self.name} restarted")

    def kill(self) -> None:
        """SIGKILL, without waiting."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()


async def stop_workers(workers: list[Worker], timeout_s: float) -> list[str]:
    """SIGTERM to all, SIGKILL to those still there after timeout_s; returns the names of the killed."""
    for worker in workers:
        if worker.process is not None and worker.alive:
            worker.process.terminate()
    deadline_s = time.monotonic() + timeout_s
    while any(worker.alive for worker in workers) and time.monotonic() < deadline_s:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    killed = [worker for worker in workers if worker.alive]
    for worker in killed:
        worker.kill()
    for worker in workers:
        if worker.process is not None:
            worker.process.wait()
    return [worker.name for worker in killed]


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log file, indented."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (empty)"


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
