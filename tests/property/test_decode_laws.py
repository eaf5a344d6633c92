"""Laws of decoding: the fast way, the careful way and a second opinion say the same of every record."""

import json
import math
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from ranking_app import errors
from schemas.catalogue import decode_listing
from schemas.decode import DecodeRules, decode_batch
from schemas.reservation import decode_sale
from schemas.times import FIRST_S, LAST_S, format_s, parse_as_of_s
from tests.support import oracle_events as oracle
from tests.support.events import ABSENT, NOW_MS, SourceRecord, envelope, flat, listing

MAX_BYTES = 400
"""Sometimes so small that some records are over it."""


def mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Drawn from the bad ones now and then: an event has several fields, and one that is bad is enough."""
    return st.sampled_from([good] * 7 + [bad]).flatmap(lambda chosen: chosen)


zones = st.sampled_from(["Z", "+09:00", "-03:30", "+0900", "-05", "+23:59", ""])
moments = st.datetimes(datetime(1999, 12, 30), datetime(2026, 6, 16))
times = mostly(
    st.one_of(
        st.integers(946_684_800_000, NOW_MS + 300_000),
        moments.map(datetime.isoformat),
        st.builds(lambda at, zone: at.isoformat(timespec="milliseconds") + zone, moments, zones),
        st.builds(lambda at, zone: at.isoformat() + zone, moments, zones),
        st.builds(lambda at, zone: f"{at:%Y%m%dT%H%M%S}{zone}", moments, zones),
        moments.map(lambda at: f"{at:%Y-%m-%d}"),
        moments.map(lambda at: f"{at:%Y%m%d}"),
    ),
    st.one_of(
        st.sampled_from(
            [NOW_MS + 300_001, 946_684_799_999, 0, -1, 10**15, 10**30, "0001-01-01", "9999-12-31T23:59:59-23:59"]
        ),
        st.sampled_from(
            ["20260230", "2026-06-14T24:00:00Z", "1781434803412", "2026-06-14T11:00:60Z", "٢٠٢٦٠٦١٤", "now"]
        ),
        st.datetimes().map(datetime.isoformat),
        moments.map(str),
    ),
)
ids = mostly(
    st.text(min_size=1, max_size=3)
    | st.integers()
    | st.sampled_from([":NaN", "x" * 200, 2**63, 2**64, -(2**64), "\x00", "5", 5]),
    st.sampled_from(["", "x" * 201, 1.0, True, [], {}]),
)
"""No integer of more than 200 digits: this app refuses it, since its text would be refused (tests/unit/test_decode.py);
the contract names no limit for integers, so the second opinion takes it."""
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([1.0, "1", math.nan, -math.inf]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)
event_types = mostly(
    st.sampled_from(list(oracle.SIGNS)), st.sampled_from([oracle.CATALOGUE_TYPE, "reservation.expired", ""])
)
absent = st.sampled_from([None, ABSENT])
quantities = mostly(st.integers(1, 10_000) | absent, st.sampled_from([0, 10_001, 2**63, True, 1.0, "1"]))
amounts = mostly(st.integers(0, 2**63 - 1) | absent, st.sampled_from([2**63, 2**64, -1, False, 0.0]))


def _events(build: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Every field redrawn, and sometimes one of them as anything at all."""
    names = st.sampled_from([*fields, "payload"])
    spoilt = mostly(st.just({}), st.dictionaries(names, junk | absent, max_size=1))
    return st.builds(lambda drawn, one: build(**{**drawn, **one}), st.fixed_dictionaries(fields), spoilt)


unused = mostly(st.text(max_size=3), junk)
envelopes = _events(
    envelope,
    eventId=ids,
    eventType=event_types,
    eventTime=times,
    concertScheduleId=ids,
    quantity=quantities,
    amount=amounts,
    userId=unused,
)
flats = _events(flat, concertScheduleId=ids, reservedAt=times, quantity=quantities, amount=amounts, userId=unused)
listings = _events(
    listing,
    eventId=ids,
    eventType=mostly(st.just(oracle.CATALOGUE_TYPE), event_types),
    concertScheduleId=ids,
    capacity=mostly(st.integers(1, 2**63 - 1), quantities),
    title=mostly(st.text(max_size=3), junk),
    saleOpensAt=mostly(absent, times),
    startsAt=mostly(absent, times | st.datetimes().map(datetime.isoformat)),
)


def _as_json(event: Any, ascii_only: bool, spaced: bool) -> bytes:
    """With NaN and Infinity where they are; a lone surrogate only as an escape."""
    text = json.dumps(event, ensure_ascii=ascii_only, indent=1 if spaced else None)
    return text.encode(errors="surrogatepass")


def _written(events: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return st.builds(_as_json, events, st.booleans(), st.booleans())


def _damaged(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A piece cut out of the middle, and something in its place."""
    scraps = st.sampled_from(
        [b"", b",", b"}", b"]", b'"', b"NaN", b"-Infinity", b"\xff", b"\\ud800", b"1.0", b"null", b"{}", b"\x00"]
    )
    return st.builds(
        lambda value, a, b, scrap: value[: min(a, b) % len(value)] + scrap + value[max(a, b) % len(value) :],
        values,
        st.integers(0, MAX_BYTES),
        st.integers(0, MAX_BYTES),
        scraps,
    )


def _torn(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    """Two records that only make sense together: `a,{"x":[b` and `c]}`."""
    return st.builds(
        lambda a, b, open_, close: [a + b"," + b[:-1] + b',"x":' + open_, close + b"}"],
        values,
        values,
        st.sampled_from([b"[{}", b"[1", b'"', b'{"y":1']),
        st.sampled_from([b"{}]", b"2]", b'"', b'"z":2}']),
    )


reservations = _written(envelopes | flats)
others = st.one_of(st.none(), _damaged(reservations), _written(listings), _written(junk), st.binary(max_size=9))
groups = st.one_of(
    st.lists(reservations, max_size=4),
    others.map(lambda value: [value]),
    _torn(reservations),
)
batches = st.lists(groups, max_size=5).map(
    lambda groups: [SourceRecord(100 + 3 * n, value) for n, value in enumerate(v for group in groups for v in group)]
)
rules_of_topics = st.builds(
    lambda zone, max_bytes, flat_cancels: DecodeRules(ZoneInfo(zone), 300_000, max_bytes, flat_cancels),
    st.sampled_from(["UTC", "Asia/Seoul", "America/Los_Angeles"]),
    st.sampled_from([MAX_BYTES, 65_536, 65_536]),
    st.booleans(),
)


def _oracle_rules(rules: DecodeRules) -> oracle.Rules:
    return oracle.Rules(now_ms=NOW_MS, timezone=str(rules.timezone), max_record_bytes=rules.max_record_bytes)


@given(batches, rules_of_topics)
def test_the_fast_way_and_the_careful_way_agree_on_every_record(records, rules):
    decoded = decode_batch(records, rules, NOW_MS)
    sales, bad = [], []
    for index, record in enumerate(records):
        try:
            sales.append(decode_sale(record.offset, record.value, rules, NOW_MS))
        except errors.BadRecord as exc:
            bad.append((index, f"ranking_app.errors.{type(exc).__name__}", str(exc)))
    assert decoded.sales == sales
    assert [(b.index, b.error, b.message) for b in decoded.bad] == bad
    assert all(type(b.error) is str and 10 < len(b.message) < 400 for b in decoded.bad)


@given(batches, rules_of_topics)
def test_a_second_reading_of_the_contract_counts_the_same_records_as_the_same_sales(records, rules):
    topic = "reservation.cancelled" if rules.flat_cancels else "reservation.completed"
    expected = []
    for offset, value in records:
        try:
            event_id, sale = oracle.read_sale(oracle.Record(topic, 0, offset, value), NOW_MS, _oracle_rules(rules))
        except oracle.Bad:
            continue
        expected.append((offset, *sale, event_id))
    assert [tuple(sale) for sale in decode_batch(records, rules, NOW_MS).sales] == expected


@given(st.permutations(range(6)), st.lists(reservations, min_size=6, max_size=6), rules_of_topics)
def test_what_a_record_means_does_not_depend_on_the_others_of_its_batch(order, values, rules):
    records = [SourceRecord(n, value) for n, value in enumerate(values)]
    together = decode_batch([records[n] for n in order], rules, NOW_MS)
    alone = [sale for n in order for sale in decode_batch([records[n]], rules, NOW_MS).sales]
    assert together.sales == alone


@given(_written(listings) | _damaged(_written(listings)) | reservations, st.sampled_from(["UTC", "Asia/Seoul"]))
@example(_as_json(listing(startsAt="9999-12-31"), True, False), "UTC")
@example(b'{"eventType": "\\ud800", ' + _as_json(listing(), True, False)[1:], "UTC")  # the second one counts
def test_a_second_reading_of_the_contract_lists_the_same_schedules(value, zone):
    rules = oracle.Rules(now_ms=10**18, timezone=zone, max_record_bytes=MAX_BYTES)
    verdict = oracle.judge([oracle.Record(rules.catalogue_topic, 0, 0, value)], rules)
    try:
        found = decode_listing(value, ZoneInfo(zone), MAX_BYTES)
    except errors.BadRecord:
        # Beyond the year 9999 no answer could be written: bad here, no business of the oracle's.
        assert all(
            max(row.sale_opens_ms or 0, row.starts_ms or 0) > LAST_S * 1000 for row in verdict.catalogue.values()
        )
    else:
        expected = oracle.Listing(
            found.capacity,
            found.title,
            found.venue,
            found.region,
            found.genre,
            found.sale_opens_at_ms,
            found.starts_at_ms,
        )
        assert verdict.catalogue == {found.concert_schedule_id: expected}


@given(st.integers(FIRST_S, LAST_S))
def test_what_is_written_reads_back_as_the_same_second(at_s):
    assert parse_as_of_s(format_s(at_s), UTC) == at_s
