"""A child process ends with the process that started it, however that ends, and not with a mere thread of it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ranking_app.local.child import start_child
from tests.support.pids import is_running
from tests.support.waiting import wait_until

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]


def test_a_childs_output_goes_to_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    code = "import os, sys; print(os.getcwd(), os.environ['X'], flush=True); sys.exit('end')"
    child = start_child([sys.executable, "-c", code], log, {"X": "1"}, cwd=tmp_path)
    assert child.wait(30) == 1
    assert log.read_text() == f"before\n{tmp_path} 1\nend\n"


def test_a_program_that_is_not_there_is_seen_as_a_failed_child(tmp_path: Path) -> None:
    assert start_child([str(tmp_path / "none")], tmp_path / "log").wait(30) == 1
    with pytest.raises(OSError, match="log"):
        start_child(SLEEP, tmp_path / "missing" / "log")


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    started = []
    thread = threading.Thread(target=lambda: started.append(start_child(SLEEP, tmp_path / "log")))
    thread.start()
    thread.join()
    child = started[0]
    try:
        wait_until(lambda: "here" in (tmp_path / "log").read_text(), timeout_s=30)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.3)
    finally:
        child.kill()
        child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = "import sys, pathlib; from ranking_app.local.child import start_child as start; "
    code += "print(start(sys.argv[2:], pathlib.Path(sys.argv[1])).pid, flush=True); sys.stdin.read()"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log"), *SLEEP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until(lambda: "here" in (tmp_path / "log").read_text(), timeout_s=30)
        assert is_running(pid)
        os.kill(parent.pid, 9)
    wait_until(lambda: not is_running(pid), timeout_s=10)
