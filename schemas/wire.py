"""The forms in which events arrive, as pydantic knows them. Strict: true, 1.0 and "1" are no integers.

Only fields that ranking uses are here; everything else in a record is ignored unchecked. `null` means absent.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config

# pydantic takes typing.TypedDict only from Python 3.12 on; this one is the same everywhere.
from typing_extensions import TypedDict

MAX_ID_CHARS = 200
MAX_QUANTITY = 10_000
MAX_AMOUNT = 2**63 - 1
"""Also for a capacity: what JSON libraries and the changelog's readers can take as an integer."""

CANCELS = {
    "reservation.completed": False,
    "reservation.cancelled": True,
    "payment.completed": False,
    "payment.cancelled": True,
}
"""eventType to whether it subtracts, whatever the topic."""

CATALOGUE_EVENT_TYPE = "concert.schedule.created"

# Left to right: with pydantic's own way of choosing, each id would be tried both as text and as number.
Id = Annotated[
    Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)]
    | Annotated[int, Field(gt=-(10 ** (MAX_ID_CHARS - 1)), lt=10**MAX_ID_CHARS)],
    Field(union_mode="left_to_right"),
]
"""Not yet normalised: 5 and "5" are the same id, so str() follows. An integer has at most 200 characters, too."""

Time = Annotated[str | int, Field(union_mode="left_to_right")]
"""Not yet read: schemas.times does that."""

Quantity = Annotated[Annotated[int, Field(ge=1, le=MAX_QUANTITY)] | None, Field(default=1)]
Amount = Annotated[Annotated[int, Field(ge=0, le=MAX_AMOUNT)] | None, Field(default=0)]
"""Both may still be None (null means absent) and are never 0 by mistake: `or 1` and `or 0` give the default."""

STRICT = with_config(ConfigDict(strict=True, cache_strings="keys"))


@STRICT
class ReservationPayload(TypedDict):
    """What a reservation or payment says, as far as ranking uses it."""

    concertScheduleId: Id
    quantity: Quantity
    amount: Amount


@STRICT
class ReservationEvent(TypedDict):
    """The envelope of a reservation or payment event."""

    eventId: Id
    eventType: Literal["reservation.completed", "reservation.cancelled", "payment.completed", "payment.cancelled"]
    eventTime: Time
    payload: ReservationPayload


@STRICT
class FlatReservation(TypedDict):
    """The flat form, without eventType and payload.

    The contract shows its first two fields. It does not exclude quantity and amount, and says for every event that
    quantity defaults to 1 and amount to 0: where a flat record has them they count, by the same rules.
    """

    eventType: NotRequired[None]
    payload: NotRequired[None]
    concertScheduleId: Id
    reservedAt: Time
    quantity: Quantity
    amount: Amount


@STRICT
class CataloguePayload(TypedDict):
    """What the catalogue says of one schedule."""

    concertScheduleId: Id
    capacity: Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
    title: NotRequired[str | None]
    venue: NotRequired[str | None]
    region: NotRequired[str | None]
    genre: NotRequired[str | None]
    saleOpensAt: NotRequired[Time | None]
    startsAt: NotRequired[Time | None]


@STRICT
class CatalogueEvent(TypedDict):
    """The envelope of a catalogue event."""

    eventId: Id
    eventType: Literal["concert.schedule.created"]
    eventTime: NotRequired[Time | None]
    payload: CataloguePayload


RESERVATION_EVENT = TypeAdapter(ReservationEvent)
FLAT_RESERVATION = TypeAdapter(FlatReservation)
EITHER_RESERVATION: TypeAdapter[ReservationEvent | FlatReservation] = TypeAdapter(
    Annotated[ReservationEvent | FlatReservation, Field(union_mode="left_to_right")]
)
"""Only one of the two can fit. An envelope is no slower to validate with it than alone."""

CATALOGUE_EVENT = TypeAdapter(CatalogueEvent)
