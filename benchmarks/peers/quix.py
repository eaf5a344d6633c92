"""Quix Streams."""

from benchmarks.peers.environments import missing, python_of
from benchmarks.peers.peer import Peer
from benchmarks.peers.running import run_module

NAME = "quix"

PEER = Peer(
    name="Quix Streams",
    available=lambda: missing(NAME),
    run=lambda run: run_module(run, NAME, python_of(NAME)),
    configuration={
        "quixstreams": "3.28.1, defaults (at least once, changelog topics)",
        "windows": "Sum, current(), grace of 2 h",
        "re-keying": "group_by where the topic is not keyed",
        "validation": "pydantic as loads of JSONDeserializer",
    },
    leaves_out="duplicates, HTTP",
    most={"tumbling": 200_000, "hopping": 60_000},
)
