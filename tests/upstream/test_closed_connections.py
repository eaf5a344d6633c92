"""What is sent on a connection that uvloop has closed is told as a lost connection."""

from typing import Any, cast

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError

from ranking_app.upstream import closed_connections


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (RuntimeError("the handler is closed"), KafkaConnectionError),
        (NodeNotReadyError("not yet"), NodeNotReadyError),
        (TypeError("a bug"), TypeError),
    ],
)
def test_a_closed_transport_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, told: type[Exception]
) -> None:
    closed: list[Any] = []

    def fails(self: Any, request: Any, expect_response: bool = True) -> None:
        raise raised

    monkeypatch.setattr(closed_connections, "_send", fails)
    connection = AIOKafkaConnection.__new__(AIOKafkaConnection)
    connection._host, connection._port = "127.0.0.1", 9092
    monkeypatch.setattr(connection, "close", lambda reason: closed.append(reason))
    with pytest.raises(told):
        closed_connections.send(connection, cast(Any, None))
    assert len(closed) == (told is KafkaConnectionError)
