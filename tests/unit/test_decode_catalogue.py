"""Records of the catalogue topic."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from ranking_app import errors
from schemas.catalogue import Listing, decode_listing, latest_listing_ms
from tests.support.events import ABSENT, NOW_MS, as_bytes, envelope, flat, listing

JUNE_14_MS = 1_781_395_200_000


def test_a_listing_with_everything():
    event = listing(
        title="World DJ Festival",
        venue="Seoul Land",
        region="Gyeonggi",
        genre="EDM",
        saleOpensAt="2026-06-14T00:00:00Z",
        startsAt="2027-01-01",
    )
    assert decode_listing(as_bytes(event), UTC) == Listing(
        "A", 100, "World DJ Festival", "Seoul Land", "Gyeonggi", "EDM", JUNE_14_MS, 1_798_761_600_000
    )


@pytest.mark.parametrize("nothing", [None, ABSENT])
def test_all_but_id_and_capacity_is_optional(nothing):
    optional = dict.fromkeys(["title", "venue", "region", "genre", "saleOpensAt", "startsAt", "eventTime"], nothing)
    assert decode_listing(as_bytes(listing(**optional)), UTC) == Listing("A", 100)


def test_an_integer_and_its_digits_are_the_same_id():
    assert decode_listing(as_bytes(listing(concertScheduleId=5, eventId=5)), UTC).concert_schedule_id == "5"


@pytest.mark.parametrize("time", ["2099-01-01", "9999-12-31T23:59:59.999Z", 4_102_444_800_000])
def test_times_may_lie_in_the_future(time):
    found = decode_listing(as_bytes(listing(saleOpensAt=time, startsAt=time, eventTime=time)), UTC)
    assert found.sale_opens_at_ms == found.starts_at_ms and (found.starts_at_ms or 0) > NOW_MS


def test_times_without_an_offset_are_in_the_time_zone_that_is_set():
    found = decode_listing(as_bytes(listing(saleOpensAt="20260614")), ZoneInfo("Asia/Seoul"))
    assert found.sale_opens_at_ms == JUNE_14_MS - 9 * 3_600_000


def test_fields_that_are_unknown_are_ignored_unchecked():
    assert decode_listing(as_bytes(listing(quantity=True, promoter=[1.5])), UTC) == Listing("A", 100)


@pytest.mark.parametrize(
    ("event", "cause", "words"),
    [
        (listing(concertScheduleId=None), errors.MissingField, "payload.concertScheduleId"),
        (listing(capacity=ABSENT), errors.MissingField, "payload.capacity"),
        (listing(eventId=None), errors.MissingField, "eventId"),
        (listing(eventType=None), errors.MissingField, "eventType"),
        (listing(payload=None), errors.MissingField, "payload"),
        ({"concertScheduleId": "A", "capacity": 100}, errors.MissingField, "eventType"),
        (listing(capacity=0), errors.NumberOutOfRange, "from 1 to"),
        (listing(capacity=-5), errors.NumberOutOfRange, "from 1 to"),
        (listing(capacity=2**63), errors.NumberOutOfRange, "from 1 to"),
        (listing(capacity=100.0), errors.WrongType, "payload.capacity"),
        (listing(capacity="100"), errors.WrongType, "payload.capacity"),
        (listing(capacity=True), errors.WrongType, "payload.capacity"),
        (listing(concertScheduleId=""), errors.IdLength, "payload.concertScheduleId"),
        (listing(title=5), errors.WrongType, "payload.title: expected a text"),
        (listing(genre=["EDM"]), errors.WrongType, "payload.genre"),
        (listing(saleOpensAt=True), errors.WrongType, "payload.saleOpensAt"),
        (listing(saleOpensAt="soon"), errors.UnreadableTime, "payload.saleOpensAt"),
        (listing(startsAt=""), errors.UnreadableTime, "payload.startsAt"),
        (listing(startsAt=10**15), errors.UnreadableTime, "year 9999"),
        (listing(startsAt="1999-12-31"), errors.TimeTooOld, "payload.startsAt"),
        (listing(saleOpensAt=NOW_MS // 1000), errors.TimeTooOld, "payload.saleOpensAt"),
        (listing(eventTime="soon"), errors.UnreadableTime, "eventTime"),
        (listing(eventType="concert.schedule.deleted"), errors.UnknownEventType, "concert.schedule.deleted"),
        (envelope(), errors.EventOnWrongTopic, "expected concert.schedule.created"),
        (envelope(eventType="payment.cancelled"), errors.EventOnWrongTopic, "payment.cancelled"),
        (flat(), errors.MissingField, "eventType"),
        ([], errors.NotAnObject, "a list"),
    ],
)
def test_what_is_no_listing_is_bad(event, cause, words):
    with pytest.raises(errors.BadRecord, match=words) as caught:
        decode_listing(as_bytes(event), UTC)
    assert type(caught.value) is cause


def test_an_event_time_may_be_a_little_ahead_of_when_the_record_was_written():
    latest_ms = latest_listing_ms(record_timestamp_ms=1_781_434_800_000, max_future_ms=300_000)
    assert decode_listing(as_bytes(listing(eventTime=latest_ms)), UTC, latest_ms=latest_ms).capacity > 0
    with pytest.raises(errors.TimeInFuture, match="expected at most 2026-06-14T11:05:00"):
        decode_listing(as_bytes(listing(eventTime=latest_ms + 1)), UTC, latest_ms=latest_ms)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (None, errors.NoValue),
        (b"", errors.NotJson),
        (as_bytes(listing())[:-1] + b',"x":NaN}', errors.NotJson),
        (as_bytes(listing(title="x" * 65_536)), errors.ValueTooLarge),
    ],
)
def test_what_is_no_json_object_is_bad(value, cause):
    with pytest.raises(cause):
        decode_listing(value, UTC)


def test_the_limit_of_a_value_can_be_set():
    value = as_bytes(listing())
    assert decode_listing(value, UTC, max_bytes=len(value)).capacity > 0
    with pytest.raises(errors.ValueTooLarge):
        decode_listing(value, UTC, max_bytes=len(value) - 1)
