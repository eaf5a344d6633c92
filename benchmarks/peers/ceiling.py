"""The ceiling: a plain aiokafka consumer, the same validation, a dict."""

from benchmarks.peers.peer import Peer
from benchmarks.peers.running import run_module

PEER = Peer(
    name="aiokafka into a dict",
    available=lambda: None,
    run=lambda run: run_module(run, "ceiling"),
    configuration={"aiokafka": "0.14.0, defaults, no group", "validation": "pydantic, a batch in one call"},
    leaves_out="durable state, delivery, duplicates, HTTP",
)
