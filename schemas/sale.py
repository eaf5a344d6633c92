"""A sale: what one reservation or cancellation event means to the ranking."""

from typing import NamedTuple


class Sale(NamedTuple):
    """One event, decoded and checked.

    offset: of its source record. at_ms: event time, milliseconds since the epoch, UTC. quantity: 1 to 10,000 and
    amount: >= 0, in the currency's smallest unit; both count as negative where cancelled is true. event_id: None for
    the flat form, whose identity is topic, partition and offset.
    """

    offset: int
    schedule_id: str
    at_ms: int
    quantity: int
    amount: int
    cancelled: bool
    event_id: str | None
