"""The load that benchmarks send: what it is made of, when each part is due, and that it says what became of it."""

import json
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC
from io import BytesIO
from typing import NamedTuple

import pytest
from aiokafka.protocol.api import RequestHeader_v1
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7
from aiokafka.record import MemoryRecords

from benchmarks.peers.load import SLICE_MS, Answers, Load, Slice, send, sending, slices
from benchmarks.peers.running import ProgramFailed
from schemas.decode import DecodeRules, decode_batch

STARTS_MS = 1_800_000_000_000
LOAD = Load("sales", 3, rate=2_500, seconds=2.0, schedules=50)


class Written(NamedTuple):
    partition: int
    timestamp: int
    offset: int
    value: bytes


def written(each: Slice) -> list[Written]:
    """What a broker reads out of a request."""
    assert struct.unpack_from(">i", each.request) == (len(each.request) - 4,)
    data = BytesIO(each.request[4:])
    api_key, api_version, *_ = (field.decode(data) for field in RequestHeader_v1.SCHEMA.fields)
    assert (api_key, api_version) == (0, 7)
    ((topic, partitions),) = ProduceRequest_v7.decode(data).topics
    assert topic == "sales" and not data.read()
    found = []
    for partition, batch in partitions:
        records = MemoryRecords(batch)
        while records.has_next():
            one = records.next_batch()
            assert one.validate_crc()
            found += [Written(partition, record.timestamp, record.offset, record.value) for record in one]
    return found


@pytest.mark.parametrize("rate", [100, 1_000, 2_500, 10_000, 50_000])
def test_every_slice_has_its_share_of_the_events_of_a_second(rate: int):
    made = list(slices(replace(LOAD, rate=rate), STARTS_MS))
    assert sum(each.events for each in made) == 2 * rate
    share = rate * SLICE_MS / 1000
    assert all(share - 1 < each.events < share + 1 for each in made) and all(each.events for each in made)
    assert all(len(written(each)) == each.events for each in made)


def test_slices_are_due_one_after_the_other_until_the_load_ends():
    due_ms = [each.at_ms for each in slices(LOAD, STARTS_MS)]
    assert due_ms == [STARTS_MS + number * SLICE_MS for number in range(1, 501)]


def test_an_event_has_the_time_at_which_it_is_due():
    for each in slices(LOAD, STARTS_MS):
        events = written(each)
        assert {event.timestamp for event in events} == {each.at_ms}
        rules = DecodeRules(timezone=UTC, max_future_ms=0, max_record_bytes=65_536, flat_cancels=False)
        decoded = decode_batch(events, rules, each.at_ms)
        assert decoded.bad == []
        assert [(sale.at_ms, sale.quantity) for sale in decoded.sales] == [(each.at_ms, 1)] * each.events


def test_an_id_comes_once_also_in_the_next_run():
    values = [event.value for _ in range(2) for each in slices(LOAD, STARTS_MS) for event in written(each)]
    assert len({json.loads(value)["eventId"] for value in values}) == len(values) == 10_000


def test_every_partition_gets_the_same():
    events = [event for each in slices(replace(LOAD, rate=3_000), STARTS_MS) for event in written(each)]
    assert Counter(event.partition for event in events) == {0: 2_000, 1: 2_000, 2: 2_000}


def test_some_schedules_sell_more_than_others():
    values = [event.value for each in slices(LOAD, STARTS_MS) for event in written(each)]
    sold = Counter(json.loads(value)["payload"]["concertScheduleId"] for value in values)
    assert len(sold) == 50 and sold.most_common(1)[0][0] == "WorldDJFestival2025000000"


# --- sending ---


def answer(number: int, code: int = 0) -> bytes:
    body = ProduceResponse_v7([("sales", [(0, code, 17, -1, 0)])], 0).encode()
    return struct.pack(">ii", len(body) + 4, number) + body


def test_answers_are_read_however_they_are_cut():
    both = answer(4) + answer(8)
    for cut in range(len(both) + 1):
        answers = Answers()
        answers.expected.extend([10, 7, 5])
        answers.read(both[:cut])
        answers.read(both[cut:])
        assert answers.acknowledged == 17 and list(answers.expected) == [5]


def test_a_refused_write_ends_the_load():
    answers = Answers()
    answers.expected.append(10)
    with pytest.raises(ProgramFailed, match="sales, partition 0: NotLeaderForPartitionError"):
        answers.read(answer(4, code=6))


def sent(late_s: float, answered: int = 5) -> list[float]:
    """The rates that a load of 5 slices tells which begins so late, from a broker that answers some and then closes."""
    starts_ms = int((time.time() - late_s) * 1000)
    run = list(slices(replace(LOAD, seconds=0.02), starts_ms))
    told: list[float] = []
    ours, broker = socket.socketpair()

    def serve() -> None:
        for number, each in enumerate(run[:answered]):
            assert broker.recv(len(each.request), socket.MSG_WAITALL) == each.request
            broker.sendall(answer(number))
        broker.shutdown(socket.SHUT_WR)

    serving = threading.Thread(target=serve)
    serving.start()
    with ours, broker:
        try:
            send(run, starts_ms, ours, told.append)
        finally:
            serving.join()
    return told


def test_what_is_late_is_sent_at_once_and_the_rate_tells_it():
    told = sent(late_s=10.0)
    assert told[0] == 0.0 and told[-1] == pytest.approx(50 / 10.0, rel=0.1)


def test_a_slice_is_not_sent_before_it_is_due():
    began_s = time.monotonic()
    sent(late_s=-0.2)
    assert time.monotonic() - began_s > 0.2


def test_a_broker_that_closes_the_connection_ends_the_load():
    with pytest.raises(ProgramFailed, match="closed the connection"):
        sent(late_s=0.0, answered=4)


def test_a_load_that_cannot_begin_says_why(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ProgramFailed, match="ConnectionRefusedError"), sending(LOAD, nobody, tmp_path):
        raise AssertionError("began")


def test_a_load_that_ended_has_no_rate_any_more(tmp_path):
    got: list[int] = []

    def serve(listening: socket.socket) -> None:
        stream, _ = listening.accept()
        with stream:
            while head := stream.recv(4, socket.MSG_WAITALL):
                (length,) = struct.unpack(">i", head)
                got.append(len(stream.recv(length, socket.MSG_WAITALL)))
                stream.sendall(answer(len(got)))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=[listening])
        serving.start()
        with sending(replace(LOAD, seconds=0.2), f"127.0.0.1:{listening.getsockname()[1]}", tmp_path) as sent_rate:
            assert sent_rate() >= 0.0
            serving.join()
            time.sleep(1.0)  # its connection is closed, soon its process is gone
            with pytest.raises(ProgramFailed, match="ended with 0"):
                sent_rate()
    assert len(got) == 50
