"""The events as pydantic knows them: strict, the fields that ranking uses, for the peers that run on Python."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

Id = Annotated[str, Field(min_length=1, max_length=200)]
STRICT = with_config(ConfigDict(strict=True, cache_strings="keys"))


@STRICT
class Payload(TypedDict):
    """What was reserved."""

    concertScheduleId: Id
    quantity: Annotated[int, Field(ge=1, le=10_000)]
    amount: Annotated[int, Field(ge=0)]


@STRICT
class Envelope(TypedDict):
    """The contract's envelope."""

    eventId: Id
    eventType: Literal["reservation.completed"]
    eventTime: str
    payload: Payload


@STRICT
class Flat(TypedDict):
    """The flat form: one seat."""

    concertScheduleId: Id
    reservedAt: str


ONE: dict[str, TypeAdapter[Any]] = {"envelope": TypeAdapter(Envelope), "flat": TypeAdapter(Flat)}
"""Validates one event, by form."""

LIST: dict[str, TypeAdapter[Any]] = {"envelope": TypeAdapter(list[Envelope]), "flat": TypeAdapter(list[Flat])}
"""Validates a list of events, by form."""


def schedule_and_quantity(event: Any) -> tuple[str, int]:
    """Of a validated event."""
    payload = event.get("payload")
    return (event["concertScheduleId"], 1) if payload is None else (payload["concertScheduleId"], payload["quantity"])
