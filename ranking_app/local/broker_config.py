"""The server.properties of a local broker: broker and controller in one, tuned for tests and the demo."""

from collections.abc import Mapping
from dataclasses import dataclass

CLEANER_BUFFER_BYTES = 16 * 1024 * 1024
"""Kafka's log cleaner takes 128 MiB of heap at once by default, a quarter of ours. This much compacts 600,000
keys in one pass over a log; more keys take more passes."""


@dataclass(frozen=True, slots=True)
class NodePorts:
    """Where one node listens: clients and other brokers on `client`, the Raft quorum on `controller`."""

    client: int
    controller: int


def broker_config(node_id: int, nodes: Mapping[int, NodePorts], host: str, log_dir: str) -> str:
    """The text of server.properties for one node.

    nodes: all of the cluster, by node id. log_dir: relative to where the broker runs, plain ASCII.
    """
    copies = min(3, len(nodes))
    in_sync = max(1, copies - 1)  # of three brokers one may be away without stopping writes
    own = nodes[node_id]
    values = {
        "process.roles": "broker,controller",
        "node.id": node_id,
        # Voters by configuration, not written into the data directory (--standalone, --initial-controllers):
        # so a data directory can be started again on other controller ports when the old ones are taken.
        "controller.quorum.voters": ",".join(f"{i}@{host}:{node.controller}" for i, node in nodes.items()),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{host}:{own.client},CONTROLLER://{host}:{own.controller}",
        "log.dirs": log_dir,
        # A misspelt topic must fail, not spring up with one partition.
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        # 50 each by default, all made when the first group or transaction comes: seconds of waiting.
        "offsets.topic.num.partitions": 3,
        "transaction.state.log.num.partitions": 3,
        # How long a new group waits for more members before its first assignment; 3 s by default.
        "group.initial.rebalance.delay.ms": 0,
        # So that tests may let a dead worker's partitions move soon; 6 s by default.
        "group.min.session.timeout.ms": 1_000,
        "log.cleaner.dedupe.buffer.size": CLEANER_BUFFER_BYTES,
    }
    if len(nodes) > 1:
        # A killed broker's partitions get new leaders when its session ends: 9 s by default. Not less than 5:
        # on a busy machine a live broker can be slow to beat, and would be thrown out.
        values |= {"broker.session.timeout.ms": 5_000, "broker.heartbeat.interval.ms": 1_000}
    return "".join(f"{key}={value}\n" for key, value in values.items())
