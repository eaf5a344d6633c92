"""What must hold for any bytes, wherever they come from: hypothesis, atheris, or the corpus kept of its findings."""

import re
from zoneinfo import ZoneInfo

from ranking_app.errors import BadRecord, WrongLine
from ranking_app.rankings.panes import Pane, decode_pane, encode_pane, fold
from schemas.catalogue import decode_listing
from schemas.decode import DecodeRules, decode_batch
from schemas.produce_line import TopicNames, parse_line
from schemas.reservation import decode_sale
from schemas.sale import Sale
from tests.support import oracle_events as oracle
from tests.support.events import NOW_MS, SourceRecord, as_bytes, envelope

ZONES = ("UTC", "Asia/Seoul", "America/Los_Angeles")
MAX_BYTES = 65_536
GOOD = as_bytes(envelope())
WEEK_DATE = re.compile(rb"[0-9]{4}-?W[0-9]{2}")
LONGEST_MESSAGE = 1_000
"""What the header of a dead letter holds uncut."""


def check_decoders(data: bytes) -> None:
    """The first byte chooses the rules, the rest is a record's value. AssertionError, or whatever was not expected."""
    choice, value = (data[0], data[1:]) if data else (0, b"")
    rules = DecodeRules(ZoneInfo(ZONES[choice % 3]), 300_000, MAX_BYTES, flat_cancels=bool(choice & 8))
    sale = _alone(value, rules)
    _among_others(value, rules, sale)
    _second_opinion(value, rules, sale)
    _into_a_pane(sale)
    try:
        decode_listing(value, rules.timezone, MAX_BYTES, NOW_MS + rules.max_future_ms)
    except BadRecord as bad:
        assert 10 < len(str(bad)) < LONGEST_MESSAGE
    try:
        parse_line(value, 1, TopicNames())
    except WrongLine as wrong:
        assert str(wrong).startswith("line 1: ")


def _alone(value: bytes, rules: DecodeRules) -> Sale | None:
    """The careful way: a sale, or a bad record with a message for people."""
    try:
        return decode_sale(7, value, rules, NOW_MS)
    except BadRecord as bad:
        assert 10 < len(str(bad)) < LONGEST_MESSAGE, str(bad)
        return None


def _among_others(value: bytes, rules: DecodeRules, sale: Sale | None) -> None:
    """The fast way says the same, and the records around it mean what they mean without it."""
    records = [SourceRecord(6, GOOD), SourceRecord(7, value), SourceRecord(8, GOOD)]
    sales, bad = decode_batch(records, rules, NOW_MS)
    assert [found.offset for found in sales] == ([6, 8] if sale is None else [6, 7, 8])
    assert [found.index for found in bad] == ([1] if sale is None else [])
    assert sale is None or sales[1] == sale


def _second_opinion(value: bytes, rules: DecodeRules, sale: Sale | None) -> None:
    """Another reading of the contract, which shares no code with the app's, agrees."""
    topic = "reservation.cancelled" if rules.flat_cancels else "reservation.completed"
    try:
        event_id, row = oracle.read_sale(
            oracle.Record(topic, 0, 7, value),
            NOW_MS,
            oracle.Rules(now_ms=NOW_MS, timezone=str(rules.timezone), max_record_bytes=MAX_BYTES),
        )
    except oracle.Bad:
        # Week dates are ISO 8601 as well; the second opinion knows only days of months.
        assert sale is None or WEEK_DATE.search(value), f"counted, though the second opinion calls it bad: {sale}"
    else:
        if sale is None:
            # An integer id of more than 200 digits is refused: its text would be (tests/unit/test_decode.py).
            assert max(len(str(event_id)), len(str(row[0]))) > 200, f"bad, though the second opinion counts {row}"
        else:
            assert tuple(sale) == (7, *row, event_id)


def _into_a_pane(sale: Sale | None) -> None:
    """Whatever decodes can be folded, once, and written."""
    if sale is not None:
        pane = Pane()
        fold(lambda *_: pane, [sale])
        once = encode_pane(pane)
        fold(lambda *_: pane, [sale])
        assert encode_pane(pane) == once
        assert encode_pane(decode_pane(once, sale.at_ms // 60_000)) == once
