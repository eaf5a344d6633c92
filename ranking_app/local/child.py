"""Starts processes that die with this one, also when a SIGKILL leaves this one no time to see to it."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

# Runs in the child before it becomes the real program. Not a preexec_fn: Python code between fork and exec
# can deadlock in a process with threads, and we have many. PR_SET_PDEATHSIG is 1, and it survives exec.
_SHIM = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]): sys.exit("the parent died first")
os.execv(sys.argv[2], sys.argv[2:])
"""


def start_child(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, *, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start this command, its output appended to `log`, in a session of its own.

    command: its first part an absolute path. env, cwd: ours by default. OSError if `log` cannot be opened; a
    program that cannot be started is, on Linux, a child that ends with 1 and says so in `log`.

    Its own session keeps the terminal's Ctrl-C away from it: we are told, and stop it in our own time. On
    Linux the kernel kills it when we die; elsewhere it outlives a SIGKILL of ours.
    """
    full = list(command)
    if sys.platform == "linux":
        full = [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), *full]

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(  # noqa: S603  (no shell, and nothing in it comes from outside)
                full,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    return _starter.run(start)


class _Starter:
    """One thread that starts all children and lives as long as the process.

    The kernel sends the death signal when the *thread* that made the child ends. Brokers that are started
    from somebody's worker thread must outlive that thread.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._pid = 0
        self._guard = threading.Lock()

    def run(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        with self._guard:
            if self._pid != os.getpid():  # first use, or first use after a fork, which takes no threads along
                self._pid = os.getpid()
                self._jobs = queue.SimpleQueue()
                threading.Thread(target=_serve, args=(self._jobs,), name="child-starter", daemon=True).start()
        job = _Job(start)
        self._jobs.put(job)
        return job.result.result()


class _Job:
    def __init__(self, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.start = start
        self.result: Future[subprocess.Popen[bytes]] = Future()


def _serve(jobs: "queue.SimpleQueue[_Job]") -> None:
    while True:
        job = jobs.get()
        try:
            job.result.set_result(job.start())
        except BaseException as exc:  # handed to the caller, whatever it is: this thread must live on
            job.result.set_exception(exc)


_starter = _Starter()
