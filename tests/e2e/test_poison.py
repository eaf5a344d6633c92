"""Poison on a real broker: a tenth of everything malformed, in every codec, and a topic of nothing but garbage."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from ranking_app.local.kafka import LocalKafka
from ranking_app.upstream.odd_batches import read_odd_batches
from tests.e2e.test_bad_records import bad_lines, check_untouched
from tests.support.comparison import assert_same
from tests.support.dead_letters import read_dead_letters, read_topic
from tests.support.odd_batches import GZIP, LZ4, SNAPPY, ZSTD, OddBatch, RawName, send_odd, with_junk_behind
from tests.support.oracle import Oracle
from tests.support.oracle_builders import cancelled, envelope
from tests.support.oracle_events import Record
from tests.support.oracle_history import time_s
from tests.support.own_settings import own_rules, own_settings, own_topics
from tests.support.processes import Fleet, WebProcess, run_app
from tests.support.replay import bad_positions, has_applied_all

APPLY_WITHIN_S = 90.0
CODECS = (0, GZIP, SNAPPY, LZ4, ZSTD)
GOOD_PER_BAD = 9
GARBAGE = 5_000


def bad_values(now_s: int) -> list[bytes | None]:
    """Every kind of bad record as `ranking-app produce` would send it, and larger ones than it would."""
    found: list[bytes | None] = []
    for line in bad_lines(now_s):
        if "raw" in line:
            found.append(line["raw"].encode())
        else:
            found.append(None if line["value"] is None else json.dumps(line["value"]).encode())
    noise = random.Random(7)
    return [*found, b"\xff\xfe\x00", noise.randbytes(65_537), noise.randbytes(900_000)]


def batches(now_s: int) -> list[OddBatch]:
    """Nine good events to each bad record, in every codec, and what only a careless or evil producer sends."""
    found = []
    for codec in CODECS:
        for number, bad in enumerate(bad_values(now_s)):
            batch = OddBatch(codec)
            for place in range(GOOD_PER_BAD):
                event = envelope(f"S{place % 4}", now_s - number) if place % 3 else cancelled(f"S{place % 4}", now_s)
                batch.add(json.dumps(event).encode())
            batch.add(bad, b"bad", [("trace", b"1"), ("null", None)])
            found.append(batch)
    # 3 MB that come as a few kilobytes: larger than the dead-letter topic takes, unless they are compressed again.
    squeezed = OddBatch(GZIP)
    squeezed.add(b"z" * 3_000_000, b"bad")
    nameless = OddBatch()
    nameless.add(json.dumps(envelope("S0", now_s)).encode(), None, [(RawName.of(b"\xff\xfe"), b"v")])
    nameless.add(b"bad", b"bad", [(RawName.of(b"\xff\xfe"), b"v")])
    behind = [OddBatch(codec, with_junk_behind) for codec in (GZIP, LZ4)]
    for batch in behind:
        batch.add(json.dumps(envelope("S1", now_s)).encode())
        batch.add(b"bad" * 200, b"bad")  # aiokafka compresses only where it helps
    return [*found, squeezed, nameless, *behind]


async def send(bootstrap: str, placed: Sequence[tuple[str, int, OddBatch]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for topic, partition, batch in placed:
            await send_odd(producer, topic, partition, batch)
    finally:
        await producer.stop()


def check(kafka: LocalKafka, prefix: str, worker: WebProcess, records: Sequence[Any], now_s: int) -> int:
    """Everything good is counted, everything bad is a dead letter as it came; returns how many are bad."""
    truth = Oracle([Record(r.topic, r.partition, r.offset, r.value, r.key) for r in records], own_rules(prefix))
    worker.wait_for(partial(has_applied_all, worker, truth), APPLY_WITHIN_S, "applied all")
    as_of_s = now_s + 3_600
    board = worker.client.board("/v1/rankings/sales", window="all", asOf=time_s(as_of_s))
    assert_same(board["entries"], truth.sales_board(None, as_of_s)["entries"])
    assert {name: board["completeness"][name] for name in truth.totals()} == truth.totals()
    letters = read_dead_letters(kafka.bootstrap, own_topics(prefix))
    assert sorted(letter.position for letter in letters) == bad_positions(truth)
    originals = {(record.topic, record.partition, record.offset): record for record in records}
    for letter in letters:
        check_untouched(letter, originals[letter.position], group=f"{prefix}-app")
    return len(letters)


def test_a_tenth_of_everything_malformed_in_every_codec(kafka: LocalKafka, tmp_path: Path) -> None:
    read_odd_batches()  # the test reads what the worker reads
    prefix, now_s = "poison", int(time.time())
    topics = own_topics(prefix)
    sources = [(topic, number) for topic in (topics.completed, topics.cancelled) for number in range(3)]
    made = batches(now_s)
    with Fleet(own_settings(prefix, kafka.url), tmp_path) as fleet:
        fleet.run("topics", "topics")
        worker = fleet.worker("worker").wait_ready()
        asyncio.run(send(kafka.bootstrap, [(*sources[n % 6], batch) for n, batch in enumerate(made)]))
        records = [r for topic in topics for r in read_topic(kafka.bootstrap, topic)]
        bad = check(kafka, prefix, worker, records, now_s)
        assert bad == len(CODECS) * len(bad_values(now_s)) + 4
        assert worker.starts == 1
        assert "zzzz" not in worker.output(), "a payload is in the log"


def test_a_topic_of_nothing_but_garbage_holds_up_nothing(kafka: LocalKafka, tmp_path: Path) -> None:
    prefix, now_s = "garbage", int(time.time())
    topics, noise = own_topics(prefix), random.Random(3)
    placed = []
    for number in range(3):
        batch = OddBatch(CODECS[number])
        for _ in range(GARBAGE // 3):
            batch.add(noise.randbytes(noise.randrange(200)))
        good = OddBatch()
        good.add(json.dumps(envelope("S", now_s)).encode())
        placed += [(topics.cancelled, number, batch), (topics.completed, number, good)]
    with Fleet(own_settings(prefix, kafka.url), tmp_path) as fleet:
        fleet.run("topics", "topics")
        asyncio.run(send(kafka.bootstrap, placed))
        worker = fleet.worker("worker").wait_ready()
        records = [r for topic in topics for r in read_topic(kafka.bootstrap, topic)]
        assert check(kafka, prefix, worker, records, now_s) == GARBAGE // 3 * 3


def test_mended_and_replayed_letters_count_once(kafka: LocalKafka, tmp_path: Path) -> None:
    prefix, now_s = "mended", int(time.time())
    topics = own_topics(prefix)
    settings = own_settings(prefix, kafka.url)
    broken, flat = OddBatch(), OddBatch()
    broken.add(json.dumps(envelope("A", now_s, quantity="2")).encode())
    flat.add(b'{"concertScheduleId": "A", "reservedAt": "2O250528"}')

    def run(*arguments: str) -> str:
        done = run_app(["dead-letters", *arguments], settings, tmp_path)
        assert done.code == 0, done.stderr
        return done.stdout

    def sold(worker: WebProcess) -> int:
        return sum(entry["sold"] for entry in worker.client.board("/v1/rankings/sales", window="all")["entries"])

    with Fleet(settings, tmp_path) as fleet:
        fleet.run("topics", "topics")
        worker = fleet.worker("worker").wait_ready()
        asyncio.run(send(kafka.bootstrap, [(topics.completed, 0, broken), (topics.completed, 1, flat)]))
        worker.wait_for(lambda: len(run("list", "--json").splitlines()) == 2, 30, "two dead letters")
        assert [line.split()[2] for line in sorted(run("list").splitlines())] == ["WrongType", "UnreadableTime"]
        for position in ("0:0", "1:0"):
            value = run("show", position, "--value-only").replace('"2"', "2").replace("2O", "20")
            (tmp_path / "mended").write_text(value)
            for _ in range(2):
                run("replay", position, "--value-file", "mended", "--yes")
        worker.wait_for(lambda: sold(worker) == 3, 30, "counts what was mended")
        assert "0 records sent\n2 left out: sent by an earlier replay" in run("replay", "--all", "--yes")
        time.sleep(1.0)  # a second one would be counted now
        assert sold(worker) == 3
        assert run_app(["dead-letters", "replay", "--yes"], settings, tmp_path).code == 2
        assert run_app(["dead-letters", "show", "0:99"], settings, tmp_path).complaint.endswith("shows those there are")
