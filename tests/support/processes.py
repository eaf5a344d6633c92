"""The app as users run it: `ranking-app` in processes of its own, started, watched and always ended.

Every process has its own data directory, web port and log file. On Linux the kernel kills it when the test
run dies.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tests.support.waiting import wait_until
from tests.support.web_client import Client

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 90.0
STOP_WITHIN_S = 10.0
"""The contract's bound for SIGTERM."""

KILL_WITHIN_S = 10.0
TAIL_LINES = 40
PR_SET_PDEATHSIG = 1


class AppFailed(AssertionError):
    """A process ended by itself, or did not do in time what it should. The message has the end of its log."""


class AppProcess:
    """One `ranking-app COMMAND …`. settings: its RANKING_* variables; none are inherited.

    Start it from a thread that outlives it: for the kernel, the end of that thread is the parent's.
    """

    module = "ranking_app.cli"

    def __init__(self, name: str, arguments: Sequence[str], settings: Mapping[str, str], directory: Path) -> None:
        self.name = name
        self.arguments = list(arguments)
        self.settings = dict(settings)
        self.log = directory / f"{name}.log"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> Self:
        """Start it, or start it again. stdout and stderr are appended to the log."""
        assert not self.is_running, f"{self.name} is running already"
        self.starts += 1
        with self.log.open("ab") as log:
            log.write(f"=== start {self.starts}: {' '.join(self.arguments)}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                app_command(*self.arguments, module=self.module),
                cwd=self._directory,  # not the project's: a developer's .env must not be read
                env=app_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        return self

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def check_running(self) -> None:
        """AppFailed if it ended by itself."""
        if not self.is_running:
            raise AppFailed(f"{self.name} ended by itself with {self._returncode()}\n{self.tail()}")

    def wait(self, timeout_s: float) -> int:
        """Its exit code once it has ended. AppFailed if it has not within timeout_s."""
        try:
            return self._running().wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AppFailed(f"{self.name} still runs after {timeout_s:g} s\n{self.tail()}") from None

    def terminate(self) -> int:
        """SIGTERM, then its exit code. AppFailed if it is not down within the contract's 10 s."""
        self.ask_to_stop()
        return self.wait(STOP_WITHIN_S)

    def ask_to_stop(self) -> None:
        """SIGTERM; returns at once. AppFailed if it had ended by itself before."""
        self.check_running()
        self._running().terminate()

    def kill(self) -> None:
        """SIGKILL; returns when it is dead. AppFailed if it had ended by itself before."""
        self.check_running()
        self._running().kill()
        self.wait(KILL_WITHIN_S)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    def pause(self) -> None:
        """SIGSTOP: for everybody else it looks dead, and it does not know."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._running().send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Whatever state it is in: afterwards neither it nor a child of it runs."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # its own session, so its process group has its id
        self._process.wait(KILL_WITHIN_S)

    def output(self) -> str:
        """All it has written, over all starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.output().splitlines()[-TAIL_LINES:]
        return "\n".join([f"--- {self.name}: the end of {self.log} ---", *lines])

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    def _returncode(self) -> int | None:
        return None if self._process is None else self._process.poll()


class WebProcess(AppProcess):
    """A `worker` or `serve`: with a data directory and a web port of its own."""

    def __init__(self, name: str, command: str, settings: Mapping[str, str], directory: Path) -> None:
        self.data_dir = directory / f"{name}-data"
        self.port = free_port()
        own = {"RANKING_DATA_DIR": str(self.data_dir), "RANKING_WEB_PORT": str(self.port)}
        super().__init__(name, [command], {**settings, "RANKING_WEB_HOST": "127.0.0.1", **own}, directory)
        self.client = Client(self.port)

    def wait_ready(self, timeout_s: float = READY_WITHIN_S) -> Self:
        """Return when `GET /health/ready` says 200. AppFailed if it ends before, or is not ready in time."""
        self.wait_for(lambda: self.client.status("/health/ready") == 200, timeout_s, "ready")
        return self

    def wait_for(self, condition: Callable[[], object], timeout_s: float, what: str) -> None:
        """Wait for a condition while this process runs. AppFailed with the log if it ends or is too slow."""

        def holds() -> object:
            self.check_running()
            return condition()

        try:
            wait_until(holds, timeout_s, f"{self.name} {what}")
        except AppFailed:
            raise
        except AssertionError as exc:
            raise AppFailed(f"{exc}\n{self.tail()}") from None

    def lose_disk(self) -> None:
        """Delete its data directory. It must not be running."""
        assert not self.is_running
        shutil.rmtree(self.data_dir)

    def end(self) -> None:
        """As for every process; its connection is closed too."""
        super().end()
        self.client.close()


class Fleet:
    """Processes that share settings and end together: `with Fleet(settings, directory) as fleet: …`.

    If the body raises, the end of every log is shown with the exception.
    """

    def __init__(self, settings: Mapping[str, str], directory: Path) -> None:
        self.settings = dict(settings)
        self.directory = directory
        self.processes: list[AppProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.end()
        if error is not None:
            for process in self.processes:
                error.add_note(process.tail())

    def worker(self, name: str, **settings: str) -> WebProcess:
        """A started worker, not yet ready."""
        return self._web(name, "worker", self.settings | settings)

    def serve(self, name: str, **settings: str) -> WebProcess:
        """A started web endpoint, not yet ready."""
        return self._web(name, "serve", self.settings | settings)

    def command(self, name: str, *arguments: str, **settings: str) -> AppProcess:
        """Any other command, started."""
        process = AppProcess(name, arguments, self.settings | settings, self.directory)
        self.processes.append(process)
        return process.start()

    def run(self, name: str, *arguments: str, timeout_s: float = 60.0, **settings: str) -> str:
        """What a command wrote that has to end well. AppFailed with its log for an exit code other than 0."""
        process = self.command(name, *arguments, **settings)
        code = process.wait(timeout_s)
        if code != 0:
            raise AppFailed(f"{name} ended with {code}\n{process.tail()}")
        return process.output()

    def _web(self, name: str, command: str, settings: Mapping[str, str]) -> WebProcess:
        process = WebProcess(name, command, settings, self.directory)
        self.processes.append(process)
        process.start()
        return process


class Ended(NamedTuple):
    """What a command that has ended left behind."""

    code: int
    stdout: str
    stderr: str
    took_s: float

    @property
    def complaint(self) -> str:
        """The one line that says what was wrong. AssertionError if it is not one, or with a traceback."""
        assert "Traceback" not in self.stdout + self.stderr, self.stderr
        lines = [line for line in self.stderr.splitlines() if line.startswith("ranking-app: ")]
        assert len(lines) == 1, f"expected one line of complaint:\n{self.stderr}"
        return lines[0]


def run_app(arguments: Sequence[str], settings: Mapping[str, str], directory: Path, timeout_s: float = 60.0) -> Ended:
    """Run a command that ends by itself, stdout and stderr apart. TimeoutExpired if it does not."""
    began_s = time.monotonic()
    done = subprocess.run(
        app_command(*arguments),
        cwd=directory,
        env=app_environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )
    return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - began_s)


def app_command(*arguments: str, module: str = "ranking_app.cli") -> list[str]:
    """The command line of the app with the interpreter of the tests."""
    return [sys.executable, "-m", module, *arguments]


def app_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This environment with only the given RANKING_* variables, able to import the project."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RANKING_")}
    path = os.pathsep.join([str(ROOT), *filter(None, [inherited.get("PYTHONPATH")])])
    return {**inherited, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **settings}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PARENT = os.getpid()


def _die_with_parent() -> None:
    """Between fork and exec: SIGKILL for this process when its parent dies, also if the parent is killed."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != _PARENT:  # it died before the line above
            os._exit(1)
