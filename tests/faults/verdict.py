"""Everything that came out against everything that went in: Kafka's log is the witness, the oracle the judge."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.faults.news import compare_notifications
from tests.faults.producers import Acknowledged
from tests.faults.shows import Show
from tests.support.arrival import Topics
from tests.support.comparison import Comparison, compare_boards, compare_schedules
from tests.support.dead_letters import read_dead_letters, read_topic
from tests.support.oracle import Oracle
from tests.support.oracle_events import Record, Rules, parse_time_ms
from tests.support.oracle_history import time_s
from tests.support.web_client import Client

LATER_S = 3_600
SCHEDULES_COMPARED = 16
SCHEDULE_INSTANTS = 2
CURVE_POINTS = 600
Position = tuple[str, int, int]


class Evidence(NamedTuple):
    """What lies on the source topics, by position, and the oracle for it."""

    records: "dict[Position, ConsumerRecord[bytes, bytes]]"
    oracle: Oracle


def read_evidence(bootstrap: str, topics: Topics, rules: Rules) -> Evidence:
    """Read the source topics from their beginning."""
    found = {
        (record.topic, record.partition, record.offset): record
        for topic in topics
        for record in read_topic(bootstrap, topic)
    }
    records = (Record(*position, record.value, record.key) for position, record in found.items())
    return Evidence(found, Oracle(records, rules))


def compare_acknowledged(evidence: Evidence, acknowledged: Iterable[Acknowledged]) -> Comparison:
    """Kafka kept what it confirmed: else the run would prove nothing of the app."""
    comparison = Comparison()
    for batch in acknowledged:
        for offset, sent in enumerate(batch.records, batch.first_offset):
            found = evidence.records.get((batch.topic, batch.partition, offset))
            comparison.values += 1
            if found is None or found.value != sent.value or found.key != sent.key:
                comparison.differences.append(
                    f"{batch.topic} {batch.partition} offset {offset}: not what was acknowledged"
                )
    return comparison


def compare_answers(clients: Sequence[Client], oracle: Oracle, began_s: int, ended_s: int, seed: int) -> Comparison:
    """Boards, schedules and curves on every reader. began_s, ended_s: seconds since the epoch of the run's events."""
    random = Random(f"instants {seed}")
    within: list[int | None] = [began_s + 1, *sorted(random.sample(range(began_s + 2, ended_s), 2)), ended_s]
    before, later = began_s - random.randrange(86_400, 5 * 86_400), ended_s + LATER_S
    comparison = compare_boards(clients, oracle, [before, *within, later])
    count = min(SCHEDULES_COMPARED, len(oracle.histories))
    comparison.add(compare_schedules(clients, oracle, [*within[-SCHEDULE_INSTANTS + 1 :], later], seed, count))
    comparison.add(_compare_details(clients, oracle, began_s, min(ended_s, began_s + CURVE_POINTS), later))
    comparison.add(_compare_live(clients, oracle))
    return comparison


def _compare_details(clients: Sequence[Client], oracle: Oracle, from_s: int, to_s: int, later_s: int) -> Comparison:
    """Every schedule: its milestones, and its curve second by second over the run."""
    comparison = Comparison()
    asked = {"from": time_s(from_s), "to": time_s(to_s), "step": "1s"}
    for name in sorted(oracle.histories):
        details = oracle.schedule(name, later_s)
        curve = oracle.curve(name, from_s, to_s, 1)
        for client in clients:
            where = f"{client.name} {name!r}"
            comparison.same(where, client.schedule(name, asOf=time_s(later_s)), details)
            comparison.same(f"{where} by the second", client.curve(name, asked), curve)
    return comparison


def _compare_live(clients: Sequence[Client], oracle: Oracle) -> Comparison:
    """Without asOf: the answer says what it took for now."""
    comparison = Comparison()
    for client in clients:
        found = client.board("/v1/rankings/sales", window="1h")
        as_of_s = parse_time_ms(found["asOf"], "UTC") // 1000
        expected = oracle.sales_board(3_600, as_of_s) | {"completeness": oracle.completeness(as_of_s)}
        comparison.same(f"{client.name} live", found, expected)
    return comparison


def compare_dead_letters(bootstrap: str, topics: Topics, evidence: Evidence) -> tuple[Comparison, int]:
    """Every bad record, key, value and headers untouched, and nothing else; and how many are there twice.

    The contract allows those: a crash between dead letter and acknowledgement. Its position is its identity.
    """
    comparison = Comparison()
    letters = read_dead_letters(bootstrap, topics)
    expected = {record[:3] for record, _ in evidence.oracle.verdict.bad}
    found = Counter(letter.position for letter in letters)
    comparison.values += len(expected)
    for position in sorted(expected ^ found.keys()):
        what = "is bad, but not a dead letter" if position in expected else "is a dead letter, but not bad"
        comparison.differences.append(f"{position} {what}")
    for letter in letters:
        original = evidence.records.get(letter.position)
        if original is not None:
            said = (letter.key, letter.value, letter.other_headers, letter.partition, letter.original_timestamp_ms)
            kept = (original.key, original.value, original.headers, original.partition, original.timestamp)
            comparison.values += len(said)
            if said != kept:
                comparison.differences.append(f"dead letter of {letter.position}: {said!r} in place of {kept!r}")
    return comparison, len(letters) - len(found)


def compare_raised(bootstrap: str, topic: str, shows: Sequence[Show], oracle: Oracle) -> Comparison:
    """Notifications as a read_committed reader has them."""
    raised: list[dict[str, Any]] = [json.loads(record.value or b"{}") for record in read_topic(bootstrap, topic)]
    steady = {show.id for show in shows if show.steady}
    return compare_notifications(raised, oracle, steady)


def group_lag(bootstrap: str, group: str, topics: Topics) -> dict[str, int]:
    """Records that the group has not committed yet, by partition; those without any are left out."""
    return asyncio.run(_group_lag(bootstrap, group, topics))


async def _group_lag(bootstrap: str, group: str, topics: Topics) -> dict[str, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap)
    try:
        await admin.start()
        await consumer.start()
        committed = await admin.list_consumer_group_offsets(group)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(consumer.assignment())
        done = {tp: max(found.offset, 0) for tp, found in committed.items()}
        return {
            f"{tp.topic} {tp.partition}": end - done.get(tp, 0) for tp, end in ends.items() if end > done.get(tp, 0)
        }
    finally:
        await consumer.stop()
        await admin.close()
