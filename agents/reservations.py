"""The Faust agent of the reservation topics: hands each partition batch to the worker that owns the partition."""

from collections.abc import Callable
from typing import Any

import faust

from agents.ownership import Ownership
from ranking_app.upstream.schema import RecordsSchema


def attach(
    app: faust.App, topics: tuple[str, str], ownership: Ownership, on_failure: Callable[[BaseException], None]
) -> None:
    """Define the agent. Events are acknowledged by their owner, when they are durable, never by the stream."""
    source = app.topic(*topics, schema=RecordsSchema())

    async def reservations(stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                message = event.message
                ownership.offer(message.topic, message.partition, message.value, event.ack)
            except Exception as error:  # Faust would acknowledge the event and go on: it must not
                on_failure(error)
                raise

    app.agent(source, name="reservations")(reservations)
