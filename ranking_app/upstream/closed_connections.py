"""A connection that was closed a moment ago is lost, and no bug: aiokafka 0.14.0 under uvloop 0.23 tells it as one.

asyncio's transports ignore what is written to them after they were closed; uvloop's raise RuntimeError, and
AIOKafkaConnection.send expects OSError. A worker ended by that when a broker had died (tests/e2e/test_brokers_lost.py).
Replaces `AIOKafkaConnection.send`; tests/upstream fails when it changes.
"""

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

_send = AIOKafkaConnection.send


def send(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
    """As upstream, but KafkaConnectionError also where the transport is closed."""
    try:
        return _send(self, request, expect_response)
    except KafkaError:
        raise  # which is a RuntimeError, too
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"Connection at {self.host}:{self.port} broken: {error}") from error


def know_closed_connections() -> None:
    """From now on, for all connections of the process. May be called again."""
    AIOKafkaConnection.send = send
