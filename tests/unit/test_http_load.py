"""The HTTP client of the read benchmarks: it understands answers however they are cut, and hides nothing."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks import http_load
from benchmarks.http_load import Connection, Unexpected, answered, load

REQUEST = b"GET /board HTTP/1.1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\nETag: x\r\n\r\nhello"
GONE = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    ours, server = socket.socketpair()
    with ours, server:
        yield Connection(ours, REQUEST), server


def read_on(connection: Connection) -> int:
    while (status := connection.read()) is None:
        pass
    return status


def test_an_answer_is_read_however_it_is_cut(pair):
    connection, server = pair
    for cut in range(1, len(OK)):
        server.sendall(OK[:cut])
        assert connection.read() is None
        server.sendall(OK[cut:])
        assert connection.read() == 200


def test_a_body_may_be_longer_than_the_buffer(pair):
    connection, server = pair
    body = b"x" * (2 * http_load.BUFFER_BYTES + 1)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    sending = threading.Thread(target=server.sendall, args=[answer])
    sending.start()
    assert read_on(connection) == 200
    sending.join()
    server.sendall(GONE)
    assert connection.read() == 503


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "without Content-Length"),
        (OK + b"H", "more than one answer"),
        (b"x" * http_load.BUFFER_BYTES, "a head of more than"),
    ],
)
def test_what_it_does_not_understand_is_no_figure(pair, answer: bytes, said: str):
    connection, server = pair
    sending = threading.Thread(target=server.sendall, args=[answer])
    sending.start()
    with pytest.raises(Unexpected, match=said):
        read_on(connection)
    sending.join()


def test_a_closed_connection_is_no_figure(pair):
    connection, server = pair
    server.sendall(OK[:-1])
    assert connection.read() is None
    server.close()
    with pytest.raises(Unexpected, match="closed"):
        connection.read()


def answering(server: socket.socket, answers: list[bytes], stall_s: float = 0.0) -> threading.Thread:
    """A server that stalls once, with its first request, and answers each with the next of these."""

    def run() -> None:
        for number, each in enumerate(answers):
            assert server.recv(len(REQUEST), socket.MSG_WAITALL) == REQUEST
            if number == 0:  # not sooner: it is a stall only for whoever has begun to ask
                time.sleep(stall_s)
            server.sendall(each)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_every_answer_is_timed_and_those_without_200_are_counted(pair):
    connection, server = pair
    serving = answering(server, [OK, GONE, OK, GONE, GONE])
    found = answered([connection], rate=1_000, count=5, warm_up_s=0)
    serving.join()
    assert len(found.times_ms) == 5 and found.not_200 == 3


def test_a_stall_counts_for_every_request_that_was_due_meanwhile(pair):
    connection, server = pair
    serving = answering(server, [OK] * 20, stall_s=0.3)
    found = answered([connection], rate=100, count=20, warm_up_s=0)  # the last one is due after 190 ms
    serving.join()
    assert len(found.times_ms) == 20
    assert all(ms > 300 - 10 * number - 1 for number, ms in enumerate(found.times_ms))


def test_what_is_due_during_the_warm_up_is_not_timed(pair):
    connection, server = pair
    serving = answering(server, [OK] * 20)
    found = answered([connection], rate=100, count=20, warm_up_s=0.1)
    serving.join()
    assert len(found.times_ms) in (9, 10)  # the due time of the eleventh is a sum of fractions


def test_answers_that_do_not_come_are_an_error(pair, monkeypatch):
    monkeypatch.setattr(http_load, "GIVE_UP_S", 0.05)
    connection, _ = pair
    with pytest.raises(TimeoutError, match="2 requests"):
        answered([connection], rate=1_000, count=2, warm_up_s=0)


def test_the_figures_are_of_a_url(monkeypatch):
    monkeypatch.setattr(http_load, "CONNECTIONS", 1)
    monkeypatch.setattr(http_load, "WARM_UP_S", 0.0)
    got: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        stream, _ = listening.accept()
        with stream:
            for _ in range(10):
                got.append(stream.recv(1_000))
                stream.sendall(OK)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=[listening])
        serving.start()
        found = load(f"http://127.0.0.1:{listening.getsockname()[1]}/board?limit=3", 100, 0.1)
        serving.join()
    assert set(got) == {b"GET /board?limit=3 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n"}
    assert found["failed"] == 0 and set(found) == {"requests", "failed", "p50", "p99", "p99.9", "max"}
