"""Malformed records on a real broker: each becomes a dead letter as it came, everything else counts."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

from ranking_app.local.kafka import LocalKafka
from tests.support.comparison import assert_same
from tests.support.dead_letters import DeadLetter, read_dead_letters, read_topic
from tests.support.oracle import Oracle
from tests.support.oracle_builders import cancelled, envelope, listing
from tests.support.oracle_events import Record
from tests.support.oracle_history import time_s
from tests.support.own_settings import own_rules, own_settings, own_topics
from tests.support.processes import Fleet
from tests.support.replay import bad_positions, has_applied_all

PREFIX = "bad-records"
TOPICS = own_topics(PREFIX)
APPLY_WITHIN_S = 60.0
Json = dict[str, Any]


def good_events(now_s: int) -> list[Json]:
    return [
        envelope("A", now_s - 10, quantity=2, amount=500),
        envelope("B", now_s - 9, amount=900),
        cancelled("A", now_s - 8, amount=250),
        {"concertScheduleId": "B", "reservedAt": (now_s - 7) * 1000},
        envelope(5, now_s - 6, eventType="payment.completed", paymentId=77),
    ]


def bad_lines(now_s: int) -> list[Json]:
    """Lines for `ranking-app produce`: `raw` or `value`, some with a key and headers."""
    good = envelope("A", now_s)
    return [
        {"raw": "not json", "key": "k-1", "headers": {"trace": "abc", "kafka_dlt-note": "kept"}},
        {"raw": ""},
        {"raw": "[]"},
        {"raw": '{"a": NaN}'},
        {"value": None, "key": "k-2"},
        {"value": {}},
        {"value": {**good, "eventType": "reservation.created"}},
        {"value": {**good, "eventType": "concert.schedule.created"}},
        {"value": {**good, "eventTime": now_s}},
        {"value": {**good, "eventTime": (now_s + 3_600) * 1000}},
        {"value": {**good, "payload": {"quantity": 1}}},
        {"value": envelope("A", now_s, quantity=10_001)},
        {"value": envelope("A", now_s, quantity="1")},
        {"value": envelope("A", now_s, amount=-1)},
        {"value": envelope("A", now_s, note="x" * 65_536), "key": "large"},
    ]


def lines_of_the_test(now_s: int) -> list[Json]:
    """Good and bad ones in turn on the same partitions of both reservation topics, and a bad listing."""
    lines: list[Json] = []
    good = good_events(now_s)
    for number, bad in enumerate(bad_lines(now_s)):
        topic = TOPICS.cancelled if number % 4 == 3 else TOPICS.completed
        place = {"topic": topic, "partition": number % 3}
        lines.append(place | bad)
        if number < len(good):
            lines.append({"topic": topic, "partition": number % 3, "value": good[number]})
    lines.append({"topic": TOPICS.completed, "partition": 0, "value": good[0]})  # a duplicate
    catalogue = {"topic": TOPICS.catalogue, "partition": 0}
    lines.append(catalogue | {"key": "A", "value": listing("A", 10)})
    lines.append(catalogue | {"key": "B", "value": listing("B", 0)})
    return lines


def test_bad_records_become_dead_letters_and_the_rest_counts(kafka: LocalKafka, tmp_path: Path) -> None:
    now_s = int(time.time())
    file = tmp_path / "events.ndjson"
    lines = lines_of_the_test(now_s)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Fleet(own_settings(PREFIX, kafka.url), tmp_path) as fleet:
        fleet.run("topics", "topics")
        worker = fleet.worker("worker").wait_ready()
        fleet.run("produce", "produce", str(file))
        arrived = [record for topic in TOPICS for record in read_topic(kafka.bootstrap, topic)]
        assert len(arrived) == len(lines)
        records = [Record(r.topic, r.partition, r.offset, r.value, r.key) for r in arrived]
        truth = Oracle(records, own_rules(PREFIX))
        worker.wait_for(partial(has_applied_all, worker, truth), APPLY_WITHIN_S, "applied all")

        as_of_s = now_s + 3_600
        board = worker.client.board("/v1/rankings/sales", window="all", asOf=time_s(as_of_s))
        expected = truth.sales_board(None, as_of_s)
        assert_same(board["entries"], expected["entries"])
        assert {name: board["completeness"][name] for name in truth.totals()} == truth.totals()
        assert truth.totals()["deadLetters"] == len(bad_lines(now_s))

        letters = read_dead_letters(kafka.bootstrap, TOPICS)
        assert sorted(letter.position for letter in letters) == bad_positions(truth)
        originals = {(record.topic, record.partition, record.offset): record for record in arrived}
        for letter in letters:
            check_untouched(letter, originals[letter.position])


def check_untouched(letter: DeadLetter, original: Any, group: str = f"{PREFIX}-app") -> None:
    """Same partition, key, value and headers, and the facts about the original."""
    assert letter.partition == original.partition
    assert (letter.key, letter.value) == (original.key, original.value)
    assert letter.other_headers == tuple(original.headers)
    assert letter.original_timestamp_ms == original.timestamp
    assert letter.original_group == group
    assert letter.exception and letter.message
