"""Bytewax."""

from benchmarks.peers.environments import missing, python_of
from benchmarks.peers.peer import Peer, Run
from benchmarks.peers.result import Outcome
from benchmarks.peers.running import run_module

NAME = "bytewax"


def _run(run: Run) -> Outcome:
    return run_module(run, "bytewax_flow", python_of(NAME))


PEER = Peer(
    name="Bytewax",
    available=lambda: missing(NAME),
    run=_run,
    configuration={
        "bytewax": "0.21.1, one worker",
        "windows": "fold_window, EventClock, SlidingWindower, not ordered, grace of 2 h",
        "recovery": "SQLite, every 10 s",
        "validation": "pydantic, event by event",
    },
    leaves_out="top 10 out every second (windows come when they close), duplicates, HTTP",
    most={"tumbling": 60_000, "hopping": 60_000},  # of 100,000 schedules, 200,000 are not counted in four minutes
)
