"""Dead letters on their way: batches below the topic's limit, in order, nothing left out, larger ones squeezed."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from agents.dead_letters import DeadLetterNotAcknowledged, DeadLetters, cut
from agents.dead_letters import Letter as Outgoing
from ranking_app.upstream.odd_batches import TolerantRecords
from schemas.dead_letter import cut_header, dead_letter_headers, read_dead_letter_headers
from tests.support.memory import FakeRecord


class Producer:
    """Keeps the batches that it is given, built."""

    def __init__(self, batch_bytes: int = 15 * 1024 * 1024, fails: bool = False) -> None:
        self.batches: list[bytes] = []
        self._batch_bytes = batch_bytes
        self._fails = fails

    async def partitions_for(self, topic: str) -> set[int]:
        return {0, 1, 2}

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(self._batch_bytes, 0)

    async def send_batch(self, batch: BatchBuilder, topic: str, partition: int) -> "asyncio.Future[None]":
        assert (topic, partition) == ("t-dlt", 2)
        self.batches.append(bytes(batch._build()))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._fails:
            done.set_exception(KafkaTimeoutError())
        else:
            done.set_result(None)
        return done

    def records(self) -> list[Any]:
        found = []
        for data in self.batches:
            found += list(TolerantRecords(data).next_batch())
        return found


class Log:
    """Keeps what was logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))

    error = warning


def send(producer: Producer, records: Sequence[FakeRecord], limit: int = 1_000_000) -> Log:
    async def limit_of(topic: str) -> int:
        return limit

    log = Log()
    letters = DeadLetters(producer, "group", limit_of, log)
    bad: list[tuple[Any, str, str]] = [(record, "ranking_app.errors.NotJson", "expected JSON") for record in records]
    asyncio.run(letters.send("t", 2, bad))
    return log


noise = random.Random(1).randbytes(40_000)
values = st.none() | st.binary(max_size=20) | st.integers(0, 40_000).map(lambda n: noise[:n]) | st.just(b"x" * 40_000)


@given(st.lists(values, min_size=1, max_size=12), st.sampled_from([2_000, 10_000, 45_000, 1_000_000]))
def test_every_record_is_there_in_order_and_no_batch_is_over_the_limit(found: list[bytes | None], limit: int) -> None:
    producer = Producer()
    records = [FakeRecord(n, value, b"k", (("h", b"v"),)) for n, value in enumerate(found)]
    send(producer, records, limit)
    assert max(map(len, producer.batches)) <= limit
    written = producer.records()
    assert len(written) == len(found)
    for record, letter in zip(records, written, strict=True):
        parsed = read_dead_letter_headers(letter.headers)
        assert parsed is not None
        origin, headers = parsed
        assert (origin.offset, headers, letter.key) == (record.offset, [("h", b"v")], b"k")
        if origin.cut_from is None:
            assert letter.value == record.value
        else:
            assert origin.cut_from == len(record.value or b"")
            assert (record.value or b"").startswith(letter.value)


def test_a_large_key_or_large_headers_do_not_lose_a_letter() -> None:
    # aiokafka's batch says None, and does nothing else, where a record finds no room.
    producer = Producer(batch_bytes=2_000)
    send(producer, [FakeRecord(n, b"v", b"k" * 900, (("h", b"x" * 900),)) for n in range(5)])
    assert [record.value for record in producer.records()] == [b"v"] * 5
    assert len(producer.batches) == 5


def test_what_is_logged_has_no_payload() -> None:
    log = send(Producer(), [FakeRecord(7, noise, b"secret", (("secret", b"secret"),))], limit=2_000)
    assert [event for event, _ in log.lines] == ["dead_letter_cut", "dead_letters"]
    assert log.lines[0][1] == {
        "topic": "t", "partition": 2, "offset": 7, "value_bytes": 40_000, "max_message_bytes": 2_000,
    }  # fmt: skip
    assert "secret" not in str(log.lines)


def test_a_letter_that_the_brokers_refuse_is_an_error_that_names_it() -> None:
    with pytest.raises(DeadLetterNotAcknowledged, match=r"'t' partition 2 from offset 7 .*'t-dlt'.*KafkaTimeoutError"):
        send(Producer(fails=True), [FakeRecord(7, b"x")])


def test_a_topic_that_takes_no_letter_at_all_is_an_error_that_says_so() -> None:
    with pytest.raises(DeadLetterNotAcknowledged, match="takes records of 100 bytes"):
        send(Producer(), [FakeRecord(7, b"x")], limit=100)


def test_cutting_gives_up_the_key_and_the_headers_of_the_original_only_where_it_must() -> None:
    own = dead_letter_headers("t", 0, 0, 0, "g", "e", "m")
    roomy = cut(Outgoing(b"k" * 100, noise, [("h", b"v" * 100), *own]), 1_000)
    assert (roomy.key, roomy.headers) == (b"k" * 100, [("h", b"v" * 100), cut_header(40_000), *own])
    tight = cut(Outgoing(b"k" * 5_000, noise, [("h", b"v" * 5_000), *own]), 1_000)
    assert (tight.key, tight.headers) == (None, [cut_header(40_000), *own])
    assert tight.value
    assert noise.startswith(tight.value)
    assert tight.size <= 1_000


@given(st.lists(st.tuples(st.text(), st.none() | st.binary()), max_size=12))
def test_any_headers_are_a_dead_letters_or_not_and_raise_nothing(headers: list[tuple[str, bytes | None]]) -> None:
    assert read_dead_letter_headers(headers) is None
    own = dead_letter_headers("t", 1, 2, 3, "g", "e", "m")
    spoilt = [(name, value) for (name, _), (_, value) in zip(own, headers, strict=False)]
    read_dead_letter_headers([*spoilt, *own[len(spoilt) :]])
    found = read_dead_letter_headers([*headers, *own])
    assert found is not None
    assert found[1] == headers


def test_a_letter_of_a_letter_keeps_the_first_ones_headers() -> None:
    first = dead_letter_headers("t", 1, 2, 3, "g", "e", "m")
    found = read_dead_letter_headers([*first, *dead_letter_headers("u", 4, 5, 6, "h", "f", "n")])
    assert found is not None
    assert (found[0].topic, found[0].offset, found[1]) == ("u", 5, first)
