"""Which records count: the oracle of the end-to-end tests against examples worked out by hand."""

from typing import Any

import pytest

from tests.support.oracle_builders import (
    DONE,
    GONE,
    LIST,
    NOON_S,
    RULES,
    cancelled,
    envelope,
    listing,
    on,
    oracle,
)
from tests.support.oracle_events import Record, Sale, judge, parse_time_ms
from tests.support.oracle_history import time_ms


def reason(value: Any, topic: str = DONE) -> str | None:
    """Why a value is bad, None if it counts."""
    bad = judge(on(topic, value), RULES).bad
    return bad[0][1] if bad else None


def test_the_envelope_of_the_contract_counts() -> None:
    value = (
        b'{"eventId": "7d1f", "eventType": "reservation.completed", "eventTime": "2026-06-14T11:00:03.412Z",'
        b' "payload": {"reservationId": "R-1", "concertScheduleId": "WorldDJFestival20250614",'
        b' "userId": "U-7", "seatId": "A-12", "quantity": 1, "amount": 150000}}'
    )
    at_ms = (NOON_S - 3600 + 3) * 1000 + 412
    assert judge(on(DONE, value), RULES).sales == [Sale("WorldDJFestival20250614", at_ms, 1, 150_000, False)]


def test_the_flat_form_takes_its_sign_from_the_topic() -> None:
    flat = {"concertScheduleId": "WorldDJFestival20250614", "reservedAt": "20250528"}
    at_ms = 1_748_390_400_000  # 2025-05-28T00:00:00Z
    sale = Sale("WorldDJFestival20250614", at_ms, 1, 0, cancelled=False)
    assert judge(on(DONE, flat), RULES).sales == [sale]
    assert judge(on(GONE, flat), RULES).sales == [sale._replace(cancelled=True)]


def test_the_event_type_decides_the_sign_whatever_the_topic() -> None:
    assert judge(on(DONE, cancelled("A", NOON_S)), RULES).sales[0].cancelled
    assert not judge(on(GONE, envelope("A", NOON_S)), RULES).sales[0].cancelled
    assert judge(on(DONE, envelope("A", NOON_S, eventType="payment.cancelled")), RULES).sales[0].cancelled


def test_five_as_a_number_and_as_a_text_is_one_id() -> None:
    verdict = judge(on(DONE, envelope(5, NOON_S, eventId=7), envelope("5", NOON_S, eventId="7")), RULES)
    assert [sale.schedule for sale in verdict.sales] == ["5"] and len(verdict.duplicates) == 1


def test_null_means_absent() -> None:
    sale = judge(on(DONE, envelope("A", NOON_S, quantity=None, amount=None)), RULES).sales[0]
    assert (sale.quantity, sale.amount) == (1, 0)


@pytest.mark.parametrize(
    ("text", "timezone", "expected"),
    [
        ("2026-06-14T12:00:00Z", "UTC", "2026-06-14T12:00:00.000Z"),
        ("2026-06-14T12:00:00.9999Z", "UTC", "2026-06-14T12:00:00.999Z"),
        ("2026-06-14T12:00:00+09:00", "UTC", "2026-06-14T03:00:00.000Z"),
        ("20260614T120000Z", "UTC", "2026-06-14T12:00:00.000Z"),
        ("2026-06-14", "UTC", "2026-06-14T00:00:00.000Z"),
        ("20260614", "Asia/Seoul", "2026-06-13T15:00:00.000Z"),
        ("2026-06-14T12:00", "Asia/Seoul", "2026-06-14T03:00:00.000Z"),
    ],
)
def test_times(text: str, timezone: str, expected: str) -> None:
    assert time_ms(parse_time_ms(text, timezone)) == expected


GOOD = envelope("A", NOON_S, eventId="good")
TOO_LATE_S = RULES.now_ms / 1000 + 300


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"not json",
        b"\xff",
        b"[]",
        b"5",
        b"{} {}",
        b'{"eventId": NaN}',
        {},
        {**GOOD, "eventId": None},
        {**GOOD, "eventId": ""},
        {**GOOD, "eventId": "x" * 201},
        {**GOOD, "eventId": True},
        {**GOOD, "eventId": 1.0},
        {**GOOD, "eventType": None},
        {**GOOD, "eventType": "reservation.created"},
        {**GOOD, "eventType": "concert.schedule.created"},
        {**GOOD, "eventType": 5},
        {**GOOD, "eventTime": None},
        {**GOOD, "eventTime": "yesterday"},
        {**GOOD, "eventTime": "2026-02-30"},
        {**GOOD, "eventTime": True},
        {**GOOD, "eventTime": 1.5e12},
        {**GOOD, "eventTime": 1_781_438_400},  # seconds, not milliseconds: 1970
        {**GOOD, "eventTime": "1999-12-31T23:59:59.999Z"},
        {**GOOD, "payload": None},
        {**GOOD, "payload": []},
        {**GOOD, "payload": {}},
        {**GOOD, "payload": {"concertScheduleId": ""}},
        envelope("A", NOON_S, quantity=0),
        envelope("A", NOON_S, quantity=10_001),
        envelope("A", NOON_S, quantity=1.0),
        envelope("A", NOON_S, quantity="1"),
        envelope("A", NOON_S, quantity=True),
        envelope("A", NOON_S, amount=-1),
        envelope("A", NOON_S, amount=0.5),
        envelope("A", TOO_LATE_S + 0.001),
        {"concertScheduleId": "A"},
        {"reservedAt": "20250528"},
        {"concertScheduleId": "A", "reservedAt": TOO_LATE_S * 1000 + 1},
        envelope("A", NOON_S, unused="x" * 65_536),
    ],
)
def test_bad_records_go_to_the_dead_letters(value: Any) -> None:
    assert reason(value) is not None


@pytest.mark.parametrize(
    "value",
    [
        GOOD,
        {**GOOD, "eventId": "x" * 200},
        {**GOOD, "eventTime": "2000-01-01"},
        {**GOOD, "extra": {"anything": [None]}},
        envelope("A", NOON_S, quantity=10_000, reservationId=[], userId={}, seatId=1.5),
        envelope("A", TOO_LATE_S),
    ],
)
def test_bounds_are_inside(value: Any) -> None:
    assert reason(value) is None


def test_a_value_of_exactly_the_largest_size_counts() -> None:
    value = b'{"concertScheduleId": "A", "reservedAt": "20250528", "x": "' + b"x" * 65_536
    assert reason(value[: 65_536 - 2] + b'"}') is None
    assert reason(value[: 65_536 - 1] + b'"}') is not None


def test_an_id_counts_once_on_its_source_partition() -> None:
    same = [envelope("A", NOON_S, eventId="same"), envelope("B", NOON_S, eventId="same", quantity=9)]
    verdict = judge([*on(DONE, *same), *on(DONE, same[0], partition=1), *on(GONE, same[0])], RULES)
    assert len(verdict.sales) == 3  # partitions 0 and 1 of one topic, partition 0 of the other
    assert [record[:3] for record in verdict.duplicates] == [(DONE, 0, 1)]


def test_a_bad_record_is_bad_before_it_is_a_duplicate_and_its_id_is_not_remembered() -> None:
    bad = envelope("A", NOON_S, eventId="x", quantity=0)
    good = envelope("A", NOON_S, eventId="x")
    verdict = judge(on(DONE, bad, good, bad, good), RULES)
    assert (len(verdict.bad), len(verdict.sales), len(verdict.duplicates)) == (2, 1, 1)


def test_an_id_is_remembered_for_24_hours_from_its_first_arrival() -> None:
    event, hour_ms = envelope("A", NOON_S, eventId="x"), 3_600_000
    arrivals_h = [
        0,
        23,
        25,
        47,
    ]  # first; a duplicate, which does not renew the memory; counted anew; a duplicate of that
    records = [
        Record(DONE, 0, offset, event, arrived_ms=RULES.now_ms + hours * hour_ms)
        for offset, hours in enumerate(arrivals_h)
    ]
    verdict = judge(records, RULES)
    assert len(verdict.sales) == 2 and [record.offset for record in verdict.duplicates] == [1, 3]


def test_the_same_offset_twice_is_one_record() -> None:
    record = on(DONE, envelope("A", NOON_S))
    verdict = judge(record * 3, RULES)
    assert (len(verdict.sales), len(verdict.duplicates)) == (1, 0)


def test_late_is_more_than_the_grace_behind_what_its_partition_counted() -> None:
    counted_at = [NOON_S, NOON_S - 60, NOON_S - 60.001, NOON_S + 1]
    verdict = judge(on(DONE, *(envelope("A", at_s) for at_s in counted_at)), RULES)
    assert [record.offset for record in verdict.late] == [2]
    assert verdict.watermarks_ms == {(DONE, 0): (NOON_S + 1) * 1000}
    other = judge([*on(DONE, envelope("A", NOON_S)), *on(DONE, envelope("A", 1e9), partition=1)], RULES)
    assert other.late == []


def test_bad_and_duplicate_records_move_no_watermark() -> None:
    first = envelope("A", NOON_S)
    again = {**first, "eventTime": (NOON_S + 3600) * 1000}
    bad = envelope("A", NOON_S + 3600, quantity=0)
    verdict = judge(on(DONE, first, again, bad, envelope("A", NOON_S - 60)), RULES)
    assert verdict.watermarks_ms == {(DONE, 0): NOON_S * 1000} and verdict.late == []


def test_totals_are_over_the_reservation_topics() -> None:
    found = oracle(on(DONE, b"bad", GOOD, GOOD), on(GONE, b"bad"), on(LIST, b"bad", GOOD))
    assert found.totals() == {"late": 0, "duplicates": 1, "deadLetters": 2}
    assert len(found.verdict.bad) == 4


def test_the_higher_offset_replaces_the_whole_listing_and_null_removes_it() -> None:
    records = on(LIST, listing("A", 9, title="T"), listing("A", 5), listing("B", 5))
    records.append(Record(LIST, 0, 3, None, key=b"B"))
    catalogue = judge(records, RULES).catalogue
    assert list(catalogue) == ["A"] and (catalogue["A"].capacity, catalogue["A"].title) == (5, None)


@pytest.mark.parametrize("capacity", [0, -1, 1.5, "5", None, True])
def test_a_capacity_is_a_whole_number_above_zero(capacity: Any) -> None:
    assert reason(listing("A", capacity), LIST) is not None


def test_sale_opens_at_may_lie_in_the_future() -> None:
    assert reason(listing("A", 5, saleOpensAt="2199-01-01", startsAt=7_000_000_000_000), LIST) is None
