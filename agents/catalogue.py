"""The Faust agent of the catalogue topic: bad records go to its dead-letter topic.

The listings themselves are read by every read model straight from the topic (it is compacted: the topic is the
table). The worker that Faust assigns the topic's one partition to is also the one that raises notifications.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any

import faust

from agents.dead_letters import DeadLetters
from ranking_app.errors import BadRecord
from ranking_app.upstream.schema import RecordsSchema
from schemas.catalogue import decode_listing, latest_listing_ms
from schemas.record import Record


def attach(
    app: faust.App,
    topic: str,
    dead_letters: DeadLetters,
    timezone: tzinfo,
    max_record_bytes: int,
    max_future_ms: int,
    on_failure: Callable[[BaseException], None],
) -> None:
    """Define the agent. A batch is acknowledged once its bad records are in the dead-letter topic."""
    source = app.topic(topic, schema=RecordsSchema())

    async def catalogue(stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                message = event.message
                bad = bad_listings(message.value, timezone, max_record_bytes, max_future_ms)
                if bad:
                    await dead_letters.send(message.topic, message.partition, bad)
                event.ack()
            except Exception as error:
                on_failure(error)
                raise

    app.agent(source, name="catalogue")(catalogue)


def bad_listings(
    records: Sequence[Record], timezone: tzinfo, max_record_bytes: int, max_future_ms: int
) -> list[tuple[Record, str, str]]:
    """The records that are no listings, with error class and message; tombstones are fine."""
    bad = []
    for record in records:
        if record.value is None and record.key is not None:
            continue
        try:
            latest_ms = latest_listing_ms(record.timestamp, max_future_ms)
            decode_listing(record.value, timezone, max_record_bytes, latest_ms)
        except BadRecord as error:
            bad.append((record, f"{type(error).__module__}.{type(error).__qualname__}", str(error)))
    return bad
