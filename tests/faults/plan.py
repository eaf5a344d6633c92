"""Which fault comes when: drawn from the seed before anything runs, so that a run can be had again.

Two sequences run beside each other, one for the workers and one for the brokers and the network, so that faults
of both kinds meet. Each is a deck of all its kinds in random order, shuffled again when it is used up.
"""

from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import NamedTuple

WORKERS = 3
BROKERS = 3
FIRST_AT_S = 2.0
GAP_S = (1.0, 4.0)
"""Between two faults of one sequence."""

CALM_SHARE = 0.7
"""Of the faults, so many wait until events are applied again; the others hit what is still recovering."""

OVER_SESSION_TIMEOUT_S = (11.5, 14.0)
"""A worker's session times out after 10 s: this long, and its partitions have other owners when it wakes."""


class Kind(StrEnum):
    """What is done; the text is what the diary says."""

    KILL_ONE = "SIGKILL of one worker"
    KILL_TWO = "SIGKILL of two workers"
    KILL_ALL = "SIGKILL of all workers"
    TERM_ONE = "SIGTERM of one worker"
    TERM_TWO = "SIGTERM of two workers"
    TERM_ALL = "SIGTERM of all workers"
    PAUSE = "SIGSTOP of a worker, SIGCONT after its session"
    LOST_DISK = "a data directory lost"
    TRUNCATED_STORE = "a RocksDB file truncated"
    CORRUPTED_STORE = "a RocksDB file corrupted"
    FULL_DISK = "no room for the data directory"
    JOIN_AND_LEAVE = "a worker joins and leaves"
    BROKER_KILLED = "a broker killed and restarted"
    BROKERS_RESTARTED = "all brokers restarted, one after the other"
    NETWORK_CUT = "the network between a worker and the brokers cut"
    NETWORK_STALLED = "the network between a worker and the brokers stalled"
    NETWORK_SLOW = "the network between a worker and the brokers slow"


class Fault(NamedTuple):
    """One fault. at_s: since the faults began. victims: workers or brokers by number. for_s: how long it lasts.

    calm: it waits until every partition is being applied again, for some time at most. seed: for what can only be
    drawn when the time has come, such as which file.
    """

    at_s: float
    kind: Kind
    victims: tuple[int, ...]
    for_s: float
    calm: bool
    seed: int

    def __str__(self) -> str:
        whom = f" ({', '.join(map(str, self.victims))})" if self.victims else ""
        return f"{self.kind}{whom} for {self.for_s:.1f} s"


class Plan(NamedTuple):
    """The faults of a run, by sequence."""

    workers: tuple[Fault, ...]
    cluster: tuple[Fault, ...]


DOWN_S = (0.0, 4.0)
_WORKER_FAULTS: dict[Kind, tuple[int, tuple[float, float]]] = {  # how many victims, how long
    Kind.KILL_ONE: (1, DOWN_S),
    Kind.KILL_TWO: (2, DOWN_S),
    Kind.KILL_ALL: (WORKERS, DOWN_S),
    Kind.TERM_ONE: (1, DOWN_S),
    Kind.TERM_TWO: (2, DOWN_S),
    Kind.TERM_ALL: (WORKERS, DOWN_S),
    Kind.PAUSE: (1, OVER_SESSION_TIMEOUT_S),
    Kind.LOST_DISK: (1, DOWN_S),
    Kind.TRUNCATED_STORE: (1, (0.0, 1.0)),
    Kind.CORRUPTED_STORE: (1, (0.0, 1.0)),
    Kind.FULL_DISK: (1, (8.0, 12.0)),
    Kind.JOIN_AND_LEAVE: (0, (9.0, 15.0)),
}
_CLUSTER_FAULTS: dict[Kind, tuple[int, tuple[float, float]]] = {
    Kind.BROKER_KILLED: (1, (2.0, 8.0)),
    Kind.BROKERS_RESTARTED: (BROKERS, (0.0, 1.0)),
    Kind.NETWORK_CUT: (0, (2.0, 13.0)),
    Kind.NETWORK_STALLED: (0, (5.0, 14.0)),
    Kind.NETWORK_SLOW: (0, (5.0, 12.0)),
}
RECOVERY_S = {
    Kind.BROKER_KILLED: 5.0,
    Kind.BROKERS_RESTARTED: 20.0,
    Kind.TERM_ONE: 4.0,
    Kind.TERM_TWO: 4.0,
    Kind.TERM_ALL: 4.0,
    Kind.FULL_DISK: 0.0,
    Kind.JOIN_AND_LEAVE: 6.0,
    Kind.NETWORK_CUT: 0.0,
    Kind.NETWORK_STALLED: 0.0,
    Kind.NETWORK_SLOW: 0.0,
}
"""About what a fault takes beyond for_s: brokers have to be in sync again before the next one goes, workers to be
members of their group. Only to plan a number of faults that fits."""

SESSION_S = 10.0
"""The same for all others: a worker that was killed is a member until its session ends."""


def draw_plan(seed: int, duration_s: float) -> Plan:
    """The same seed and duration give the same faults. Every fault begins before duration_s."""
    return Plan(
        _sequence(Random(f"workers {seed}"), _WORKER_FAULTS, WORKERS, duration_s),
        _sequence(Random(f"cluster {seed}"), _CLUSTER_FAULTS, BROKERS, duration_s),
    )


def _sequence(
    random: Random, faults: dict[Kind, tuple[int, tuple[float, float]]], of: int, duration_s: float
) -> tuple[Fault, ...]:
    found: list[Fault] = []
    next_kind = _deck(random, list(faults))
    at_s = FIRST_AT_S
    while True:
        kind = next_kind()
        victims, lasts_s = faults[kind]
        for_s = random.uniform(*lasts_s)
        whom, calm = tuple(random.sample(range(of), victims)), random.random() < CALM_SHARE
        fault = Fault(at_s, kind, whom, for_s, calm, random.getrandbits(32))
        if at_s + min(for_s, duration_s / 2) > duration_s:
            return tuple(found)
        found.append(fault)
        at_s += for_s + RECOVERY_S.get(kind, SESSION_S) + random.uniform(*GAP_S)


def _deck(random: Random, kinds: list[Kind]) -> Callable[[], Kind]:
    """Draws without putting back, and shuffles anew when all are drawn."""
    left: list[Kind] = []

    def draw() -> Kind:
        if not left:
            left.extend(random.sample(kinds, len(kinds)))
        return left.pop()

    return draw
