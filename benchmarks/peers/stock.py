"""Stock faust-streaming."""

from benchmarks.peers.peer import Peer
from benchmarks.peers.running import run_module

PEER = Peer(
    name="stock Faust",
    available=lambda: None,
    run=lambda run: run_module(run, "stock"),
    configuration={
        "faust-streaming": "0.15.3",
        "store": "rocksdb",
        "table": "tumbling(60) or hopping(3600, 300), with changelog",
        "validation": "pydantic, event by event",
    },
    leaves_out="duplicates, sums over partitions (each worker ranks its own), HTTP",
    most={"tumbling": 30_000, "hopping": 6_000},
)
