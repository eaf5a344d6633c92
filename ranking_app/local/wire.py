"""Asks a broker who is in its cluster: one Metadata request over a plain socket.

A client library would do, but ours is asyncio, and a broker is started from synchronous code that may itself
run inside an event loop (a fixture, the demo).
"""

import socket
import struct

_METADATA, _VERSION, _CORRELATION = 3, 1, 7
_CLIENT_ID = b"ranking-app"
_NO_TOPICS = 0


def brokers_known_to(host: str, port: int, timeout_s: float) -> set[int]:
    """Node ids of the brokers that this one would send clients to. OSError while it does not answer."""
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        header = struct.pack(">hhih", _METADATA, _VERSION, _CORRELATION, len(_CLIENT_ID)) + _CLIENT_ID
        request = header + struct.pack(">i", _NO_TOPICS)
        connection.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", _read(connection, 4))
        return _broker_ids(_read(connection, length))


def _broker_ids(response: bytes) -> set[int]:
    # correlation id, then an array of (node id, host, port, nullable rack); what follows is of no interest
    (count,) = struct.unpack_from(">i", response, 4)
    at, ids = 8, set()
    for _ in range(count):
        node_id, host_length = struct.unpack_from(">ih", response, at)
        at += 6 + host_length + 4
        (rack_length,) = struct.unpack_from(">h", response, at)
        at += 2 + max(0, rack_length)
        ids.add(node_id)
    return ids


def _read(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = connection.recv(length - len(data))
        if not more:
            raise ConnectionError("the broker closed the connection")
        data += more
    return data
