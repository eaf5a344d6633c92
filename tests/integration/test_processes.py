"""The way tests start and stop the app, itself tested: nothing survives, and a failure shows the logs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT, AppFailed, Fleet, app_environment, free_port
from tests.support.waiting import WaitedInVain, wait_until

STARTED_WITHIN_S = 30.0
GONE_WITHIN_S = 10.0

PARENT = """
import sys, time
from pathlib import Path
from tests.support.processes import Fleet
with Fleet({"RANKING_BROKER": "kafka://127.0.0.1:%d"}, Path(sys.argv[1])) as fleet:
    print(fleet.serve("orphan")._process.pid, flush=True)
    time.sleep(300)
"""


def nowhere() -> dict[str, str]:
    """A broker that does not exist: `serve` waits for it, which is all that is needed here."""
    return {"RANKING_BROKER": f"kafka://127.0.0.1:{free_port()}"}


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"  # dead, but not yet fetched by its parent


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_nothing_survives_a_killed_test_run(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT % free_port(), str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not is_alive(pid), GONE_WITHIN_S, "the orphan has gone")


def test_a_fleet_ends_its_processes_and_shows_their_logs_on_failure(tmp_path: Path) -> None:
    fleet = Fleet(nowhere(), tmp_path)
    process = fleet.serve("left-running")
    process.wait_for(lambda: "127.0.0.1" in process.output(), STARTED_WITHIN_S, "has logged")
    with pytest.raises(ValueError, match="the test failed") as caught, fleet:
        raise ValueError("the test failed")
    assert not process.is_running
    assert "left-running: the end of" in caught.value.__notes__[0]
    assert "127.0.0.1" in caught.value.__notes__[0]


def test_a_process_that_ends_by_itself_fails_the_wait_with_its_log(tmp_path: Path) -> None:
    with Fleet(nowhere(), tmp_path) as fleet:
        worker = fleet.worker("wrong", RANKING_CLOCK="sundial")
        with pytest.raises(AppFailed, match=r"ended by itself with 2[\s\S]*RANKING_CLOCK"):
            worker.wait_ready(STARTED_WITHIN_S)


def test_a_kill_needs_a_living_victim_and_a_restart_a_dead_one(tmp_path: Path) -> None:
    with Fleet(nowhere(), tmp_path) as fleet:
        process = fleet.serve("victim")
        process.kill()
        assert not process.is_running
        with pytest.raises(AppFailed):
            process.kill()
        process.start()
        assert (process.is_running, process.starts) == (True, 2)


def test_settings_of_the_surroundings_do_not_reach_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANKING_FOO", "1")
    settings = {name for name in app_environment({"RANKING_CLOCK": "event"}) if name.startswith("RANKING_")}
    assert settings == {"RANKING_CLOCK"}


def test_waiting_in_vain_says_what_for_and_what_came_last() -> None:
    with pytest.raises(WaitedInVain, match="a miracle: not within 0 s; last: 0"):
        wait_until(lambda: 0, 0, "a miracle")
