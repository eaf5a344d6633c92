"""Which records count, as what, and why the others do not. Sentences of the contract, section Events."""

import json
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from ranking_app import errors
from schemas.decode import Bad, DecodeRules, decode_batch
from schemas.reservation import decode_sale
from schemas.sale import Sale
from tests.support.events import ABSENT, NOW_MS, SourceRecord, as_bytes, envelope, flat, listing

RULES = DecodeRules(UTC, max_future_ms=300_000, max_record_bytes=65_536, flat_cancels=False)
SEOUL_RULES = DecodeRules(ZoneInfo("Asia/Seoul"), max_future_ms=300_000, max_record_bytes=65_536, flat_cancels=True)
FESTIVAL = "WorldDJFestival20250614"
MAY_28_MS = 1_748_390_400_000


def sale_of(event, rules=RULES) -> Sale:
    """Decoded both ways, which must agree."""
    value = event if isinstance(event, bytes) else as_bytes(event)
    decoded = decode_batch([SourceRecord(7, value)], rules, NOW_MS)
    assert decoded.bad == []
    (sale,) = decoded.sales
    assert sale == decode_sale(7, value, rules, NOW_MS) and type(sale) is Sale
    return sale


def bad_of(event, rules=RULES) -> Bad:
    value = event if isinstance(event, bytes | None) else as_bytes(event)
    decoded = decode_batch([SourceRecord(7, value)], rules, NOW_MS)
    assert decoded.sales == []
    (bad,) = decoded.bad
    return bad


def assert_bad(event, cause, *words, rules=RULES) -> None:
    bad = bad_of(event, rules)
    assert bad.error == f"ranking_app.errors.{cause.__name__}"
    for word in words:
        assert word in bad.message


def test_the_event_of_the_contract():
    assert sale_of(envelope()) == Sale(7, FESTIVAL, NOW_MS, 1, 150_000, False, "7d1f")


@pytest.mark.parametrize(
    ("event_type", "cancelled"),
    [
        ("reservation.completed", False),
        ("reservation.cancelled", True),
        ("payment.completed", False),
        ("payment.cancelled", True),
    ],
)
@pytest.mark.parametrize("rules", [RULES, SEOUL_RULES])
def test_the_event_type_decides_the_sign_whatever_the_topic(event_type, cancelled, rules):
    assert sale_of(envelope(eventType=event_type), rules).cancelled is cancelled


def test_payment_events_with_a_payment_id_and_integer_ids_are_taken_as_they_are():
    payment = envelope(
        eventType="payment.completed", eventId=42, paymentId=9, concertScheduleId=5, reservationId=ABSENT
    )
    assert sale_of(payment) == Sale(7, "5", NOW_MS, 1, 150_000, False, "42")


@pytest.mark.parametrize("number", [0, 5, -5, 2**63, 2**64, -(2**64), 10**30, 10**200 - 1])
def test_an_integer_and_its_digits_are_the_same_id(number):
    as_integers = sale_of(envelope(eventId=number, concertScheduleId=number))
    assert as_integers == sale_of(envelope(eventId=str(number), concertScheduleId=str(number)))
    assert as_integers.schedule_id == as_integers.event_id == str(number)


@pytest.mark.parametrize(
    "text", ["A", " ", "a" * 200, "é" * 200, "🎸" * 200, "\x00", "\n", "null", "WorldDJ/Festival%20,;'\""]
)
def test_an_id_is_any_text_of_1_to_200_characters(text):
    sale = sale_of(envelope(eventId=text, concertScheduleId=text))
    assert (sale.event_id, sale.schedule_id) == (text, text)


def test_the_flat_form_has_no_id_and_subtracts_on_the_cancelled_topic():
    assert sale_of(flat()) == Sale(7, FESTIVAL, MAY_28_MS, 1, 0, False, None)
    nine_hours_ms = 9 * 3_600_000
    assert sale_of(flat(), SEOUL_RULES) == Sale(7, FESTIVAL, MAY_28_MS - nine_hours_ms, 1, 0, True, None)


def test_a_flat_record_may_have_a_quantity_and_an_amount():
    sale = sale_of(flat(quantity=4, amount=600_000, eventId="ignored"))
    assert (sale.quantity, sale.amount, sale.event_id) == (4, 600_000, None)


@pytest.mark.parametrize("nothing", [None, ABSENT])
def test_null_means_absent(nothing):
    sale = sale_of(envelope(quantity=nothing, amount=nothing, reservationId=nothing))
    assert (sale.quantity, sale.amount) == (1, 0)
    sale = sale_of(flat(quantity=nothing, amount=nothing, eventType=nothing, payload=nothing, eventId=nothing))
    assert (sale.quantity, sale.amount) == (1, 0)


@pytest.mark.parametrize("junk", [True, -1, 1.5, {"a": [None]}, [], "", "x" * 5_000])
def test_fields_that_are_unknown_or_unused_are_ignored_unchecked(junk):
    expected = sale_of(envelope())
    assert sale_of(envelope(reservationId=junk, userId=junk, seatId=junk, reservedAt=junk, capacity=junk)) == expected
    assert sale_of({**envelope(), "version": junk, "concertScheduleId": junk, "quantity": junk}) == expected


@pytest.mark.parametrize("quantity", [1, 2, 10_000])
@pytest.mark.parametrize("amount", [0, 1, 2**63 - 1])
def test_quantity_is_1_to_10000_and_amount_at_least_0_and_not_multiplied(quantity, amount):
    sale = sale_of(envelope(quantity=quantity, amount=amount))
    assert (sale.quantity, sale.amount) == (quantity, amount)


@pytest.mark.parametrize(
    ("time", "at_ms"),
    [
        (NOW_MS, NOW_MS),
        ("2026-06-14T11:00:03.412Z", NOW_MS),
        ("2026-06-14T20:00:03.412+09:00", NOW_MS),
        ("2026-06-14T11:00:03.412345Z", NOW_MS),
        ("2026-06-14T11:00:03.412", NOW_MS),
        ("20250528", MAY_28_MS),
        ("2025-05-28", MAY_28_MS),
        ("2000-01-01", 946_684_800_000),
        (946_684_800_000, 946_684_800_000),
    ],
)
def test_times_are_iso_8601_or_yyyymmdd_texts_or_integers_of_epoch_milliseconds(time, at_ms):
    assert sale_of(envelope(eventTime=time)).at_ms == at_ms
    assert sale_of(flat(reservedAt=time)).at_ms == at_ms


def test_a_time_exactly_max_future_ahead_counts_and_a_millisecond_more_does_not():
    latest_ms = NOW_MS + RULES.max_future_ms
    assert sale_of(envelope(eventTime=latest_ms)).at_ms == latest_ms
    assert sale_of(flat(reservedAt=latest_ms)).at_ms == latest_ms
    for event in (envelope(eventTime=latest_ms + 1), flat(reservedAt=latest_ms + 1)):
        assert_bad(event, errors.TimeInFuture, "at most 300 s after the clock", "2026-06-14T11:00:03.412Z")


@pytest.mark.parametrize(
    "time", [946_684_799_999, 0, -1, NOW_MS // 1000, "1999-12-31T23:59:59.999Z", "19991231", "0001-01-01"]
)
def test_a_time_before_2000_is_a_mistake_of_units(time):
    assert_bad(envelope(eventTime=time), errors.TimeTooOld, "eventTime", "2000-01-01", "milliseconds")
    assert_bad(flat(reservedAt=time), errors.TimeTooOld, "reservedAt")


@pytest.mark.parametrize("time", [NOW_MS * 1000, 10**30, "9999-12-31", "2026-06-14T11:05:03.413Z"])
def test_a_time_far_ahead_is_bad(time):
    assert_bad(envelope(eventTime=time), errors.TimeInFuture, "eventTime")


@pytest.mark.parametrize("time", ["", "yesterday", str(NOW_MS), "20260230", "2026-06-14T25:00:00Z"])
def test_a_text_that_is_no_time_is_bad(time):
    assert_bad(envelope(eventTime=time), errors.UnreadableTime, "eventTime", "ISO 8601 or YYYYMMDD", repr(time))
    assert_bad(flat(reservedAt=time), errors.UnreadableTime, "reservedAt")


def test_a_time_without_an_offset_is_in_the_time_zone_that_is_set():
    nine_hours_ms = 9 * 3_600_000
    assert sale_of(envelope(eventTime="2026-06-14T20:00:03.412"), SEOUL_RULES).at_ms == NOW_MS
    assert sale_of(envelope(eventTime="20250528"), SEOUL_RULES).at_ms == MAY_28_MS - nine_hours_ms


@pytest.mark.parametrize("nothing", [None, ABSENT])
@pytest.mark.parametrize("field", ["eventId", "eventType", "eventTime", "payload", "concertScheduleId"])
def test_an_envelope_needs_its_ids_type_time_and_payload(field, nothing):
    assert_bad(envelope(**{field: nothing}), errors.MissingField, field, "got nothing")


@pytest.mark.parametrize("nothing", [None, ABSENT])
@pytest.mark.parametrize("field", ["concertScheduleId", "reservedAt"])
def test_the_flat_form_needs_its_id_and_time(field, nothing):
    assert_bad(flat(**{field: nothing}), errors.MissingField, field, "got nothing")


@pytest.mark.parametrize("event", [{}, {"eventId": "x"}, {"eventId": "x", "eventTime": NOW_MS}, {"quantity": 1}])
def test_an_object_that_is_nothing_of_the_kind_is_bad(event):
    assert_bad(event, errors.MissingField)


@pytest.mark.parametrize("field", ["eventId", "concertScheduleId"])
def test_an_id_has_a_length(field):
    assert_bad(envelope(**{field: ""}), errors.IdLength, field, "got 0 characters")
    assert_bad(envelope(**{field: "x" * 201}), errors.IdLength, field, "got 201 characters")
    assert_bad(envelope(**{field: 10**200}), errors.IdLength, field, "more than 200 digits")
    assert_bad(envelope(**{field: -(10**199)}), errors.IdLength, field)


@pytest.mark.parametrize("value", [0, -1, 10_001, 2**63, 10**30, -(10**30)])
def test_a_quantity_outside_its_limits_is_bad(value):
    assert_bad(envelope(quantity=value), errors.NumberOutOfRange, "payload.quantity", "from 1 to 10000", str(value))
    assert_bad(flat(quantity=value), errors.NumberOutOfRange, "quantity")


@pytest.mark.parametrize("value", [-1, 2**63, 10**30])
def test_an_amount_outside_its_limits_is_bad(value):
    assert_bad(envelope(amount=value), errors.NumberOutOfRange, "payload.amount", str(value))
    assert_bad(flat(amount=value), errors.NumberOutOfRange, "amount")


WRONG = {"eventId", "eventTime", "concertScheduleId", "quantity", "amount"}


@pytest.mark.parametrize("value", [True, False, 1.0, 1e3, -0.5, [], {}, ["A"]])
@pytest.mark.parametrize("field", sorted(WRONG))
def test_booleans_floats_lists_and_objects_are_wrong_types(field, value):
    assert_bad(envelope(**{field: value}), errors.WrongType, field)


@pytest.mark.parametrize("value", [True, 1.0, [], {}, "1", ""])
@pytest.mark.parametrize("field", ["quantity", "amount"])
def test_a_number_in_quotes_is_no_number(field, value):
    assert_bad(envelope(**{field: value}), errors.WrongType, field)
    assert_bad(flat(**{field: value}), errors.WrongType, field)


@pytest.mark.parametrize("value", [True, 1, 1.0, [], {}])
def test_an_event_type_is_a_text(value):
    assert_bad(envelope(eventType=value), errors.WrongType, "eventType")


@pytest.mark.parametrize("value", [True, 0, "payload", [], [{}]])
def test_a_payload_is_an_object(value):
    assert_bad(envelope(payload=value), errors.WrongType, "payload: expected an object")
    assert_bad(flat(payload=value), errors.MissingField, "eventType")


@pytest.mark.parametrize(
    "value", ["", "reservation.expired", "Reservation.completed", "ranking.milestone.reached", "x" * 300]
)
def test_an_unknown_event_type_is_bad(value):
    assert_bad(envelope(eventType=value), errors.UnknownEventType, "eventType", value[:80])


def test_a_catalogue_event_on_a_reservation_topic_is_bad():
    assert_bad(listing(), errors.EventOnWrongTopic, "concert.schedule.created")
    assert_bad(listing(eventTime=ABSENT, eventId=ABSENT), errors.EventOnWrongTopic)


NOT_JSON = [
    b"",
    b" ",
    b"nope",
    b"{",
    b"{}x",
    b"{}{}",
    b"1,2",
    b"{'a':1}",
    b'{"a":1,}',
    b"[1,]",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b'{"a":NaN}',
    b'{"a":[1,NaN]}',
    b'{"a": -Infinity }',
    b'{"a":01}',
    b'{"a":"\n"}',
    b"\xff",
    b'"\xff"',
    b"\xef\xbb\xbf{}",
    b"\x00",
    b'{"a":"\\ud800"}',
    b'{"a":"\\udc00\\ud800"}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\\x41"}',
    b'{"a":+1}',
    b"[" * 300 + b"]" * 300,
    as_bytes(envelope())[:-1],
    as_bytes(envelope()) + b",",
    as_bytes(envelope()).decode().encode("utf-16"),
]


@pytest.mark.parametrize("value", NOT_JSON)
def test_what_is_not_json_is_bad(value):
    assert_bad(value, errors.NotJson, "expected JSON in UTF-8")


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize("before", [b'"x":', b'"x": ', b'"x":\n', b'"x":[1,', b'"x":['])
def test_a_good_event_with_a_constant_that_is_not_json_in_an_ignored_field_is_bad(constant, before):
    after = b"]" if b"[" in before else b""
    value = as_bytes(envelope())[:-1] + b"," + before + constant + after + b"}"
    assert json.loads(value)["eventId"] == "7d1f"  # Python would take it
    assert_bad(value, errors.NotJson)


@pytest.mark.parametrize("text", ["NaN", "xNaN", ":NaN", ",Infinity", "-Infinity", " NaN NaN"])
def test_the_same_letters_inside_a_text_are_just_letters(text):
    assert sale_of(envelope(userId=text, concertScheduleId=text)).schedule_id == text


@pytest.mark.parametrize("value", [b"null", b"true", b"1", b"1.5", b'"text"', b"[]", b"[{}]", b'["eventId"]'])
def test_json_that_is_no_object_is_bad(value):
    assert_bad(value, errors.NotAnObject, "expected a JSON object")


def test_a_null_value_is_bad_on_a_reservation_topic():
    assert_bad(None, errors.NoValue)


def test_a_value_over_the_limit_is_bad_and_one_at_the_limit_is_not():
    room = 65_536 - len(as_bytes(envelope(userId="")))
    assert sale_of(envelope(userId="u" * room))
    assert_bad(envelope(userId="u" * (room + 1)), errors.ValueTooLarge, "at most 65536 bytes, got 65537")
    small = DecodeRules(UTC, 300_000, 10, flat_cancels=False)
    assert_bad(b"x" * 11, errors.ValueTooLarge, rules=small)
    assert_bad(b"x" * 10, errors.NotJson, rules=small)


def test_a_key_that_is_there_twice_has_its_last_value():
    assert (
        sale_of(
            b'{"concertScheduleId":"A","reservedAt":true,"concertScheduleId":"B","reservedAt":"20250528"}'
        ).schedule_id
        == "B"
    )


def test_white_space_around_and_inside_is_json():
    assert sale_of(b" \r\n" + json.dumps(envelope(), indent=2).encode() + b"\t\n") == sale_of(envelope())


def test_escaped_names_and_texts_mean_what_they_mean_unescaped():
    value = b'{"concert\\u0053cheduleId":"\\u0041\\ud83c\\udfb8","reservedAt":"2025\\u00305\\u00328"}'
    assert sale_of(value) == Sale(7, "A🎸", MAY_28_MS, 1, 0, False, None)


def test_a_message_never_shows_more_than_80_characters_of_a_value_and_nothing_of_a_payload():
    secret = "4111-1111-1111-1111"
    for event in (
        envelope(quantity={"card": secret}),
        envelope(payload=[secret]),
        envelope(eventId=[secret]),
        envelope(eventTime="x" * 80 + secret),
        envelope(eventType="x" * 80 + secret),
        envelope(amount=-int("1" * 80 + "4111111111111111")),
        json.dumps([secret]).encode(),
    ):
        message = bad_of(event).message
        assert secret not in message and "4111111111111111" not in message and len(message) < 400


# Batches.


def records_of(*values: bytes | None) -> list[SourceRecord]:
    return [SourceRecord(100 + 2 * index, value) for index, value in enumerate(values)]


def test_the_rest_of_a_batch_goes_on_and_both_lists_keep_the_order():
    good, bad = as_bytes(envelope()), b"nope"
    decoded = decode_batch(records_of(bad, good, None, good, bad, b"x" * 70_000, good), RULES, NOW_MS)
    assert [sale.offset for sale in decoded.sales] == [102, 106, 112]
    assert [(b.index, b.error.rpartition(".")[2]) for b in decoded.bad] == [
        (0, "NotJson"),
        (2, "NoValue"),
        (4, "NotJson"),
        (5, "ValueTooLarge"),
    ]


def test_an_empty_batch():
    assert decode_batch([], RULES, NOW_MS) == ([], [])


OPEN = as_bytes(envelope())[:-1]
PAIRS = [
    (as_bytes(envelope()) + b',{"x":[{}', b"{}]}"),
    (as_bytes(envelope()) + b"," + OPEN + b',"x":[1', b"2]}"),
    (b'{"x":[{}', b"{}]}"),
    (OPEN + b',"x":"', b'"}'),
    (OPEN, b'"x":1}'),
    (as_bytes(envelope()) + b"]", b"[" + as_bytes(envelope())),
    (as_bytes(envelope()) + b"," + as_bytes(envelope()), b""),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_records_that_are_json_only_when_they_are_joined_are_bad(pair):
    good = as_bytes(envelope())
    decoded = decode_batch(records_of(good, *pair, good), RULES, NOW_MS)
    assert [sale.offset for sale in decoded.sales] == [100, 106]
    assert [bad.error for bad in decoded.bad] == ["ranking_app.errors.NotJson"] * 2


def test_a_constant_that_is_not_json_spoils_no_other_record_of_its_batch():
    values = [as_bytes(envelope(eventId=str(n))) for n in range(5)]
    values[2] = values[2][:-1] + b',"x":NaN}'
    decoded = decode_batch(records_of(*values), RULES, NOW_MS)
    assert [sale.event_id for sale in decoded.sales] == ["0", "1", "3", "4"]
    assert [bad.index for bad in decoded.bad] == [2]


def test_every_cause_has_its_own_class_that_tells_the_operator_what_to_do():
    causes = [
        cause for cause in vars(errors).values() if isinstance(cause, type) and issubclass(cause, errors.BadRecord)
    ]
    assert len(causes) == 14
    assert all(cause.__doc__ and "Operator:" in cause.__doc__ for cause in causes)
