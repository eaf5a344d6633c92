"""Picks TCP ports for brokers."""

import random
import socket
from collections.abc import Iterable

_FIRST, _LAST = 15_000, 29_999
"""Below what systems hand out to outgoing connections (Linux: from 32768). A port from that range, as bind(0)
gives, can be gone again by the time a JVM has started and asks for it."""

_TRIES = 1_000


def is_free(host: str, port: int) -> bool:
    """Can somebody listen on this port now?"""
    with socket.socket() as probe:
        # As Kafka does: connections of a broker that just stopped (TIME_WAIT) must not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def pick_ports(host: str, count: int, avoid: Iterable[int] = ()) -> list[int]:
    """`count` free ports in a row, none of them in `avoid`. Random: those who ask together rarely collide."""
    taken = set(avoid)
    for _ in range(_TRIES):
        first = random.randint(_FIRST, _LAST - count)  # noqa: S311  (no secret)
        ports = list(range(first, first + count))
        if taken.isdisjoint(ports) and all(is_free(host, port) for port in ports):
            return ports
    raise OSError(f"no {count} free ports in a row between {_FIRST} and {_LAST} on {host}")
