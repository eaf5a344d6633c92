"""`ranking-app produce` against a real Kafka: every line arrives once, where it belongs, and is counted."""

import asyncio
import gzip
import json
import re
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ranking_app.errors import NoSuchPartition, NotAcknowledged, RankingError, RecordTooLarge, TopicMissing
from ranking_app.kafka_client import BrokersUnreachable, client_options
from ranking_app.line_source import InputUnusable
from ranking_app.local.kafka import LocalKafka
from ranking_app.partitioner import partition_of
from ranking_app.produce import produce
from ranking_app.settings import Settings, load_settings
from ranking_app.topics import ensure_topics
from tests.support.dead_letters import read_topic
from tests.support.in_process import settings_of
from tests.support.own_settings import own_settings
from tests.support.processes import app_command, app_environment, free_port
from tests.support.waiting import wait_until


@pytest.fixture
def settings(kafka: LocalKafka, tmp_path: Path) -> Settings:
    made = settings_of(f"p{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data")
    asyncio.run(ensure_topics(made, client_options(made)))
    return made


def event(number: int, event_type: str = "reservation.completed", **more: Any) -> dict[str, Any]:
    at = "2026-06-14T11:00:00Z"
    return {"eventId": f"e-{number}", "eventType": event_type, "eventTime": at, "payload": {"n": number, **more}}


def write(path: Path, lines: Iterable[object]) -> str:
    """A file of these lines, gzipped by its name; a string is a line as it is."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return str(path)


def send(settings: Settings, path: str, rate: float | None = None) -> int:
    return asyncio.run(produce(path, settings=settings, rate=rate, progress=False))


def records(settings: Settings, topic: str) -> list[Any]:
    return list(read_topic(",".join(settings.bootstrap_servers), topic))


def values(found: Iterable[Any]) -> list[Any]:
    return [json.loads(record.value) for record in found]


def create(settings: Settings, name: str, partitions: int, **config: str) -> str:
    async def body() -> None:
        admin = AIOKafkaAdminClient(**client_options(settings))
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
        finally:
            await admin.close()

    asyncio.run(body())
    wait_until(lambda: records(settings, name) == [], 10, f"topic {name}")
    return name


def test_each_event_goes_to_the_topic_of_its_type(settings: Settings, tmp_path: Path) -> None:
    done = [event(1), event(2, "payment.completed"), {"concertScheduleId": "A", "reservedAt": "20250528"}]
    undone = [event(3, "reservation.cancelled"), event(4, "payment.cancelled")]
    show = event(5, "concert.schedule.created", concertScheduleId="WorldDJFestival20250614", capacity=9)
    assert send(settings, write(tmp_path / "f", [*done, *undone, show])) == 6
    assert sorted(map(str, values(records(settings, settings.completed_topic)))) == sorted(map(str, done))
    assert sorted(map(str, values(records(settings, settings.cancelled_topic)))) == sorted(map(str, undone))
    [listing] = records(settings, settings.catalogue_topic)
    assert (listing.key, json.loads(listing.value)) == (b"WorldDJFestival20250614", show)


def test_events_without_a_key_go_round_robin_and_the_same_way_every_time(settings: Settings, tmp_path: Path) -> None:
    lines: list[object] = []
    for number in range(9):
        lines += [event(number), event(number, "reservation.cancelled")]  # each topic has turns of its own
    path = write(tmp_path / "f", lines)
    for _ in range(2):
        assert send(settings, path) == 18
    for topic in (settings.completed_topic, settings.cancelled_topic):
        found = [(r.partition, json.loads(r.value)["payload"]["n"]) for r in records(settings, topic)]
        assert found == [(p, n) for p in range(3) for n in [p, p + 3, p + 6] * 2]
        assert all(r.key is None for r in records(settings, topic))


def test_a_line_with_a_topic_is_sent_as_it_says(settings: Settings, tmp_path: Path) -> None:
    topic = settings.completed_topic
    keys = [f"key-{number}" for number in range(20)]
    lines = [
        {"topic": topic, "partition": 2, "value": {"any": ["json"]}},
        {"topic": topic, "partition": 1, "key": "k", "headers": {"a": "1", "b": "두"}, "raw": "not json {"},
        {"topic": topic, "partition": 0, "key": "gone", "value": None},
        {"topic": topic, "partition": 0, "value": None},
        *({"topic": topic, "key": key, "value": 1} for key in keys),
    ]
    assert send(settings, write(tmp_path / "f.gz", lines)) == 24
    found = records(settings, topic)
    assert [json.loads(r.value) for r in found if r.partition == 2 and r.key is None] == [{"any": ["json"]}]
    [raw] = [r for r in found if r.key == b"k"]
    assert (raw.partition, raw.value) == (1, b"not json {")
    assert list(raw.headers) == [("a", b"1"), ("b", "두".encode())]
    assert [(r.partition, r.key) for r in found if r.value is None] == [(0, b"gone"), (0, None)]
    keyed = {r.key: r.partition for r in found if r.key is not None and r.key.startswith(b"key-")}
    assert keyed == {key.encode(): partition_of(key.encode(), 3) for key in keys}


@pytest.mark.parametrize(
    "wrong",
    [
        {"eventId": "x", "eventType": "reservation.pondered", "eventTime": "2026-06-14T11:00:00Z", "payload": {}},
        "{cut",
        '"text"',
    ],
)
def test_a_wrong_line_is_named_and_what_came_before_is_sent_and_counted(
    settings: Settings, tmp_path: Path, wrong: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "f", [event(1), "", event(2), wrong, event(3)])
    with pytest.raises(RankingError, match="line 4") as caught:
        send(settings, path)
    assert caught.value.exit_code == 1
    assert len(records(settings, settings.completed_topic)) == 2
    assert capsys.readouterr().out.startswith("2 events sent to ")


def test_a_file_that_is_missing_is_wrong_use_and_asks_no_broker(tmp_path: Path) -> None:
    nobody = load_settings(broker=f"kafka://127.0.0.1:{free_port()}")
    with pytest.raises(InputUnusable) as caught:
        send(nobody, str(tmp_path / "missing"))
    assert caught.value.exit_code == 2


def test_brokers_that_do_not_answer_are_waited_for_and_then_named(tmp_path: Path) -> None:
    nobody = load_settings(broker=f"kafka://127.0.0.1:{free_port()}", broker_wait=1)
    with pytest.raises(BrokersUnreachable):
        send(nobody, write(tmp_path / "f", [event(1)]))


def test_a_topic_or_partition_that_is_missing_is_named_and_not_made(settings: Settings, tmp_path: Path) -> None:
    missing = f"{settings.app_id}-nowhere"
    with pytest.raises(TopicMissing, match=rf"line 2: .*{missing}"):
        send(settings, write(tmp_path / "f", [event(1), {"topic": missing, "value": 1}]))
    with pytest.raises(TopicMissing):
        send(settings, write(tmp_path / "f", [{"topic": missing, "value": 1}]))  # still: asking did not make it
    line = {"topic": settings.completed_topic, "partition": 3, "value": 1}
    with pytest.raises(NoSuchPartition, match=r"line 2: .*partition 3"):
        send(settings, write(tmp_path / "f", [event(1), line]))
    assert len(records(settings, settings.completed_topic)) == 2


def test_a_record_may_be_as_large_as_its_topic_takes(settings: Settings, tmp_path: Path) -> None:
    large = create(settings, f"{settings.app_id}-large", 1, **{"max.message.bytes": "12000000"})
    small = create(settings, f"{settings.app_id}-small", 3, **{"max.message.bytes": "1000"})
    lines = [{"topic": large, "raw": "x" * size} for size in (10, 11_000_000, 300_000, 10)]
    lines += [{"topic": small, "raw": "y" * size} for size in [10, 900] * 50]
    assert send(settings, write(tmp_path / "f", lines)) == 104
    assert [len(r.value) for r in records(settings, large)] == [10, 11_000_000, 300_000, 10]
    assert Counter(len(r.value) for r in records(settings, small)) == {10: 50, 900: 50}
    with pytest.raises(RecordTooLarge, match=r"line 2: .*takes 1,000"):
        send(settings, write(tmp_path / "f", [{"topic": small, "raw": ""}, {"topic": small, "raw": "y" * 1000}]))
    assert len(records(settings, small)) == 101


def test_what_the_brokers_refuse_is_not_counted(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "f", [event(1), {"topic": settings.catalogue_topic, "value": 1}])
    with pytest.raises(NotAcknowledged, match="compacted"):
        send(settings, path)
    assert capsys.readouterr().out.startswith(f"1 event sent to {settings.completed_topic} (1)")


def test_a_large_file_arrives_whole_and_once(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "f.gz", (event(number) for number in range(60_000)))
    begun_s = time.monotonic()
    assert send(settings, path) == 60_000
    took_s = time.monotonic() - begun_s
    numbers = [value["payload"]["n"] for value in values(records(settings, settings.completed_topic))]
    assert sorted(numbers) == list(range(60_000))
    assert took_s < 20  # a quarter of a million a second is usual; this only notices one future per record


def test_a_rate_is_kept_without_bursts(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "f", (event(number) for number in range(1_500)))
    begun_s = time.monotonic()
    assert send(settings, path, rate=500) == 1_500
    assert 2.9 < time.monotonic() - begun_s < 6
    per_20_ms = Counter(record.timestamp // 20 for record in records(settings, settings.completed_topic))
    assert max(per_20_ms.values()) <= 30  # 10 are due; making up for a delay may triple that, a burst would not


def _holds(settings: Settings, count: int) -> bool:
    return len(records(settings, settings.completed_topic)) == count


def environment(settings: Settings) -> dict[str, str]:
    prefix = settings.app_id.removesuffix("-app")
    return app_environment({**own_settings(prefix, settings.broker), "RANKING_LOG_FORMAT": "console"})


def test_standard_input_is_sent_as_it_comes(settings: Settings, tmp_path: Path) -> None:
    child = subprocess.Popen(
        app_command("produce", "-"),
        cwd=tmp_path,
        env=environment(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert child.stdin is not None
        for number in (1, 2):
            child.stdin.write(json.dumps(event(number)).encode() + b"\n")
            child.stdin.flush()
            wait_until(partial(_holds, settings, number), 60)
        out, err = child.communicate(json.dumps(event(3)).encode(), 30)  # the last line has no end
        assert (child.returncode, err) == (0, b"")
        assert out.startswith(f"3 events sent to {settings.completed_topic} (3) in ".encode())
    finally:
        child.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)])
def test_stopped_half_way_it_counts_what_has_arrived(
    settings: Settings, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    path = write(tmp_path / "f", (event(n) for n in range(100_000)))
    child = subprocess.Popen(
        app_command("produce", path, "--rate", "300"),
        cwd=tmp_path,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: len(records(settings, settings.completed_topic)) > 300, 60)
        child.send_signal(number)
        out, err = child.communicate(timeout=10)
        assert child.returncode == code
        counted = re.match(r"(\d+) events sent to ", out)
        assert counted is not None
        assert int(counted[1]) == len(records(settings, settings.completed_topic)) < 100_000
        assert "Traceback" not in err
    finally:
        child.kill()


@pytest.mark.parametrize(
    ("line", "said", "code"), [("{cut", "line 1", 1), (None, "cannot read", 2)], ids=["wrong line", "no file"]
)
def test_the_command_exits_with_one_line(
    settings: Settings, tmp_path: Path, line: str | None, said: str, code: int
) -> None:
    path = str(tmp_path / "missing") if line is None else write(tmp_path / "f", [line])
    done = subprocess.run(
        app_command("produce", path), cwd=tmp_path, env=environment(settings), capture_output=True, text=True
    )
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
