"""Runs the program of a peer until its report is there, and watches what it uses."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.peer import Run
from benchmarks.peers.programs.task import Task
from benchmarks.peers.result import Outcome
from benchmarks.peers.usage import Usage
from ranking_app.local.child import start_child

ROOT = Path(__file__).resolve().parents[2]
"""Where `python -m benchmarks…` finds the programs, whichever Python it is."""

PATIENCE_S = 240
"""Nobody takes a minute for what it is given; Bytewax with 100,000 schedules was not through after ten."""

LOOK_EVERY_S = 0.05

LOG_TAIL_CHARS = 1_500


class ProgramFailed(Exception):
    """The program of a peer ended without a report, or took too long. Its row says so; the end of its log is here."""


def task_of(run: Run, service: str = "") -> Task:
    """What the program of this run is told."""
    return Task(
        bootstrap=run.kafka.bootstrap,
        topic=run.filled.topic,
        partitions=run.filled.partitions,
        kind=run.kind,
        form=run.filled.workload.form,
        keyed=run.filled.workload.keyed,
        count=run.count,
        folder=str(run.folder / "state"),
        report=str(run.folder / "report.json"),
        service=service,
    )


def run_module(
    run: Run, module: str, python: Path | None = None, service: str = "", also: Sequence[int] = ()
) -> Outcome:
    """Run benchmarks.peers.programs.MODULE with this Python (None: ours).

    also: processes that do part of the work, such as a store: what they use counts.
    """
    task = task_of(run, service)
    command = [str(python or sys.executable), "-m", f"benchmarks.peers.programs.{module}", task.to_json()]
    return run_command(task, command, run.folder / f"{module}.log", also)


def run_command(task: Task, command: Sequence[str], log: Path, also: Sequence[int] = ()) -> Outcome:
    """Run it to its report. ProgramFailed."""
    process = start_child(command, log, cwd=ROOT)
    try:
        with Usage([process.pid, *also]) as usage:
            facts = _report(process, Path(task.report), log)
    finally:
        ended(process)
    first_s, done_s = facts["first_s"], facts["done_s"]
    upto = {int(partition): number for partition, number in facts["upto"].items()}
    return Outcome(
        events=facts["events"],
        first_s=first_s,
        done_s=done_s,
        cpu_s=usage.cpu_s(first_s, done_s),
        peak_rss_mib=usage.peak_rss_mib,
        sums=facts["sums"],
        overlaps=task.length_ms // task.step_ms,
        upto=upto or None,
    )


def ended(process: "subprocess.Popen[bytes]") -> None:
    """End a process, by force if it takes long."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    process.kill()
    process.wait()


def _report(process: "subprocess.Popen[bytes]", report: Path, log: Path) -> Any:
    deadline_s = time.monotonic() + PATIENCE_S
    while not report.exists():
        if process.poll() is not None and not report.exists():
            raise ProgramFailed(f"ended with code {process.returncode}: {_tail(log)}")
        if time.monotonic() > deadline_s:
            raise ProgramFailed(f"not done after {PATIENCE_S} s: {_tail(log)}")
        time.sleep(LOOK_EVERY_S)
    return json.loads(report.read_text())


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-LOG_TAIL_CHARS:]
