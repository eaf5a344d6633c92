"""The headers of a dead letter, byte by byte as Spring Kafka writes them."""

from schemas.dead_letter import dead_letter_headers


def test_names_and_encodings_are_those_of_spring_kafka():
    headers = dead_letter_headers(
        "reservation.completed",
        2,
        258,
        1_781_434_803_412,
        "ranking-app",
        "ranking_app.errors.NotJson",
        "expected JSON – é",
    )
    assert headers == [
        ("kafka_dlt-original-topic", b"reservation.completed"),
        ("kafka_dlt-original-partition", b"\x00\x00\x00\x02"),
        ("kafka_dlt-original-offset", b"\x00\x00\x00\x00\x00\x00\x01\x02"),
        ("kafka_dlt-original-timestamp", b"\x00\x00\x01\x9e\xc5\xc9\xe4\xd4"),
        ("kafka_dlt-original-consumer-group", b"ranking-app"),
        ("kafka_dlt-exception-fqcn", b"ranking_app.errors.NotJson"),
        ("kafka_dlt-exception-message", b"expected JSON \xe2\x80\x93 \xc3\xa9"),
    ]


def test_a_record_without_a_timestamp_keeps_minus_one():
    headers = dict(dead_letter_headers("t", 0, 0, -1, "g", "e", "m"))
    assert headers["kafka_dlt-original-timestamp"] == b"\xff" * 8


def test_the_largest_offset_fits():
    headers = dict(dead_letter_headers("t", 2**31 - 1, 2**63 - 1, 0, "g", "e", "m"))
    assert headers["kafka_dlt-original-offset"] == b"\x7f" + b"\xff" * 7


def test_a_message_of_any_length_and_any_characters_becomes_a_header():
    headers = dict(dead_letter_headers("t", 0, 0, 0, "g", "e", "\ud800" + "x" * 100_000))
    assert headers["kafka_dlt-exception-message"].startswith(b"\\ud800xxx")
    assert len(headers["kafka_dlt-exception-message"]) < 1_100
