"""What `ranking-app produce` makes of a line."""

import json

import pytest

from ranking_app.errors import WrongLine
from ranking_app.settings import Settings
from schemas.produce_line import OutRecord, TopicNames, parse_line
from tests.support.events import ABSENT, as_bytes, envelope, flat, listing

TOPICS = TopicNames("done", "undone", "shows")


def parsed(line) -> OutRecord:
    return parse_line(line if isinstance(line, bytes | str) else json.dumps(line), 3, TOPICS)


@pytest.mark.parametrize(
    ("event_type", "topic"),
    [
        ("reservation.completed", "done"),
        ("reservation.cancelled", "undone"),
        ("payment.completed", "done"),
        ("payment.cancelled", "undone"),
    ],
)
def test_an_event_goes_to_the_topic_of_its_type_without_a_key(event_type, topic):
    line = as_bytes(envelope(eventType=event_type))
    assert parsed(line) == OutRecord(topic, None, None, line, [])


def test_a_flat_event_goes_to_the_completed_topic():
    assert parsed(flat()) == OutRecord("done", None, None, as_bytes(flat()), [])
    assert parsed(flat(eventType=None, payload=None)).topic == "done"


@pytest.mark.parametrize(("schedule_id", "key"), [("A", b"A"), ("é", "é".encode()), (5, b"5")])
def test_a_catalogue_record_is_keyed_by_its_id(schedule_id, key):
    line = as_bytes(listing(concertScheduleId=schedule_id))
    assert parsed(line) == OutRecord("shows", None, key, line, [])


def test_an_event_is_sent_as_it_is_written():
    line = b'{ "eventType":"reservation.completed", "x": 1.0, "x": 1e2, "y": "\\u0041" }'
    assert parsed(b"  " + line + b"\r\n").value == line
    assert parsed(line.decode()).value == line


def test_an_event_that_is_bad_otherwise_is_sent_all_the_same():
    assert parsed(envelope(quantity=-1, eventId=None)).topic == "done"


def test_topics_are_those_that_are_set():
    assert TopicNames.of(Settings(completed_topic="a", cancelled_topic="b", catalogue_topic="c")) == ("a", "b", "c")
    assert TopicNames() == ("reservation.completed", "reservation.cancelled", "concert.schedule.created")


@pytest.mark.parametrize("event_type", ["reservation.expired", "ranking.milestone.reached", "", 5, True, ["x"]])
def test_an_unknown_event_type_is_an_error_with_its_line_number(event_type):
    with pytest.raises(WrongLine, match=r"line 3: eventType: expected one of .*, got"):
        parsed(envelope(eventType=event_type))


@pytest.mark.parametrize(
    "line",
    [
        b"nope",
        b"{",
        b"[]",
        b"5",
        b"null",
        b'"x"',
        b"{}",
        b"\xff",
        b'{"eventId":NaN}',
        b'{"a":1}{"a":2}',
        "\ud800",
        flat(reservedAt=ABSENT),
        flat(payload={}),
        envelope(eventType=ABSENT),
    ],
)
def test_a_line_that_is_no_event_is_an_error_with_its_line_number(line):
    with pytest.raises(WrongLine, match=r"^line 3: expected "):
        parsed(line)


@pytest.mark.parametrize("schedule_id", [None, ABSENT, "", True, 1.5, []])
def test_a_catalogue_record_without_an_id_has_no_key_and_is_an_error(schedule_id):
    with pytest.raises(WrongLine, match=r"line 3: payload.concertScheduleId: expected the id"):
        parsed(listing(concertScheduleId=schedule_id))


# {"topic": ...}


def test_a_whole_record():
    line = {"topic": "t", "partition": 2, "key": "é", "headers": {"a": "1", "b": ""}, "value": {"x": [1, None]}}
    assert parsed(line) == OutRecord("t", 2, "é".encode(), b'{"x": [1, null]}', [("a", b"1"), ("b", b"")])


@pytest.mark.parametrize(
    "value", ["{}", "[]", '"text"', "5", "true", "1.0", "1e400", "12345678901234567890123", '{"a":1,"a":2}']
)
@pytest.mark.parametrize(
    "line", ['{"topic":"t","value":%s}', '{ "value" :  %s , "topic" : "t" }', '{"value":0,"topic":"t","value":%s}']
)
def test_a_value_is_sent_as_it_is_written(line, value):
    assert parsed(line % value) == OutRecord("t", None, None, value.encode(), [])


@pytest.mark.parametrize("value", ['{"x":NaN}', '"\\ud800"', '{"x":[[["\\udc00"]]]}', "[" * 400 + "]" * 400])
def test_a_value_may_be_what_our_own_parser_refuses(value):
    assert parsed('{"topic":"t","value":' + value + "}").value == value.encode()


def test_a_value_null_is_a_tombstone():
    assert parsed({"topic": "t", "key": "A", "value": None}) == OutRecord("t", None, b"A", None, [])


@pytest.mark.parametrize("raw", ["", "nope", "{", "null", "\x00", "é🎸", '{"a":1,}'])
def test_raw_is_sent_as_text(raw):
    assert parsed({"topic": "t", "raw": raw}) == OutRecord("t", None, None, raw.encode(), [])


@pytest.mark.parametrize("field", ["partition", "key", "headers"])
def test_null_means_absent(field):
    assert parsed({"topic": "t", "raw": "x", field: None}) == OutRecord("t", None, None, b"x", [])


def test_an_event_with_a_field_topic_is_still_an_event():
    assert parsed({**envelope(), "topic": "t"}).topic == "done"
    assert parsed(flat(topic="t")).topic == "done"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"topic": "t"}, "value or raw"),
        ({"topic": "t", "value": 1, "raw": "1"}, "not both"),
        ({"topic": "t", "val": 1}, "'val'"),
        ({"topic": "", "value": 1}, "topic: expected a name"),
        ({"topic": None, "value": 1}, "topic: expected a name"),
        ({"topic": 5, "value": 1}, "topic: expected a name"),
        ({"topic": "t", "value": 1, "partition": -1}, "partition: expected an integer"),
        ({"topic": "t", "value": 1, "partition": "0"}, "partition: expected an integer"),
        ({"topic": "t", "value": 1, "partition": True}, "partition: expected an integer"),
        ({"topic": "t", "value": 1, "partition": 1.0}, "partition: expected an integer"),
        ({"topic": "t", "value": 1, "key": 5}, "key: expected a text"),
        ({"topic": "t", "value": 1, "headers": []}, "headers: expected an object of texts"),
        ({"topic": "t", "value": 1, "headers": {"a": 1}}, "headers: expected an object of texts"),
        ({"topic": "t", "value": 1, "headers": {"a": None}}, "headers: expected an object of texts"),
        ({"topic": "t", "raw": 5}, "raw: expected a text"),
        ({"topic": "t", "raw": None}, "raw: expected a text"),
        ('{"topic":"t","key":"\\ud800","value":1}', "surrogates"),
        ('{"topic":"t","raw":"\\ud800"}', "surrogates"),
        ('{"topic":"t","value":%s}' % ("[" * 100_000 + "]" * 100_000), "line 3"),
    ],
)
def test_a_record_that_cannot_be_meant_is_an_error_with_its_line_number(line, words):
    with pytest.raises(WrongLine, match=r"^line 3: ") as caught:
        parsed(line)
    assert words in str(caught.value) and len(str(caught.value)) < 300
