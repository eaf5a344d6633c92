"""The local Kafka of tests and the demo, with real brokers: it starts, stops, keeps its data, never stays behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ranking_app.errors import LocalKafkaDirUnusable, LocalKafkaPortInUse
from ranking_app.local.kafka import LocalKafka
from tests.support.pids import is_running
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("can_run_kafka")

WITHIN_S = 60.0
"""For a killed broker to be in sync again, on a machine that has other things to do."""


async def create_topic(bootstrap: str, copies: int) -> str:
    name = f"sales-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=copies)])
    finally:
        await admin.close()
    return name


async def send(bootstrap: str, topic: str, *values: bytes, compression: str | None = None) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", compression_type=compression) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)


async def read_all(bootstrap: str, topic: str) -> list[bytes]:
    """All records of partition 0, read as a group that commits, so that the internal topics are used too."""
    partition = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=f"g-{uuid.uuid4().hex[:8]}", enable_auto_commit=False
    ) as consumer:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        values: list[bytes] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                values += [record.value or b"" for record in records]
        await consumer.commit()
        return values


async def replicas_in_sync(bootstrap: str, topic: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([topic])
        return len(described["partitions"][0]["isr"])
    finally:
        await admin.close()


async def test_what_was_written_is_there_after_a_stop_and_a_start_on_the_same_directory(
    tmp_path: Path,
) -> None:
    with LocalKafka(tmp_path / "공연 data, 2026") as kafka:
        topic = await create_topic(kafka.bootstrap, copies=1)
        await send(kafka.bootstrap, topic, b"before")
        first_url = kafka.url

        kafka.stop()
        assert kafka.processes == []
        kafka.start()

        assert kafka.url == first_url
        for compression in ("gzip", "snappy", "lz4", "zstd"):
            await send(kafka.bootstrap, topic, compression.encode(), compression=compression)
        assert await read_all(kafka.bootstrap, topic) == [b"before", b"gzip", b"snappy", b"lz4", b"zstd"]


async def test_another_kafka_is_refused_on_a_directory_or_a_port_in_use(kafka: LocalKafka, tmp_path: Path) -> None:
    port = int(kafka.bootstrap.rpartition(":")[2])
    with pytest.raises(LocalKafkaPortInUse, match=str(port)):
        LocalKafka(tmp_path, port=port).start()
    with pytest.raises(LocalKafkaDirUnusable, match="Another local Kafka runs"):
        LocalKafka(kafka.data_dir).start()


async def test_three_brokers_work_on_when_one_is_killed_and_take_it_back(tmp_path: Path) -> None:
    with LocalKafka(tmp_path, brokers=3) as kafka:
        assert kafka.url.count("kafka://127.0.0.1:") == 3
        topic = await create_topic(kafka.bootstrap, copies=3)
        await send(kafka.bootstrap, topic, b"three brokers")

        kafka.kill(0)
        assert kafka.alive() == [1, 2]
        await send(kafka.bootstrap, topic, b"two brokers")
        assert await read_all(kafka.bootstrap, topic) == [b"three brokers", b"two brokers"]

        kafka.restart(0)
        async with asyncio.timeout(WITHIN_S):
            while await replicas_in_sync(kafka.bootstrap, topic) < 3:  # noqa: ASYNC110 - brokers tell nobody
                await asyncio.sleep(0.1)
        pids = [process.pid for process in kafka.processes]
    assert not any(is_running(pid) for pid in pids)


class Foreground:
    """`ranking-app kafka` as a process, as far as this package goes: the command line is tested elsewhere."""

    def __init__(self, data_dir: Path, port: int) -> None:
        code = "import sys, pathlib; from ranking_app.local.kafka import run_foreground as run; "
        code += "sys.exit(run(1, int(sys.argv[1]), pathlib.Path(sys.argv[2])))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(port), str(data_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.broker_pid = int(self.line.rpartition("pid ")[2].partition(")")[0])

    def wait(self, timeout_s: float) -> tuple[int, str]:
        _, stderr = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, stderr


@pytest.fixture(scope="module")
def foreground_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foreground")


@pytest.fixture
def foreground(foreground_dir: Path) -> Iterator[Foreground]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Foreground(foreground_dir, port)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_it_says_where_it_is_and_stops_cleanly_on_a_signal(
    foreground: Foreground, number: signal.Signals
) -> None:
    assert "is up: kafka://127.0.0.1:" in foreground.line
    foreground.process.send_signal(number)
    assert foreground.wait(timeout_s=10) == (0, "")
    assert not is_running(foreground.broker_pid)


def test_in_the_foreground_it_ends_with_1_and_the_log_when_its_broker_dies(foreground: Foreground) -> None:
    os.kill(foreground.broker_pid, signal.SIGKILL)
    code, stderr = foreground.wait(timeout_s=10)
    assert code == 1
    assert "broker 1 died (code -9), 0 of 1 left" in stderr
    assert "Kafka Server started" in stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_no_broker_survives_a_parent_that_was_killed(foreground: Foreground) -> None:
    assert is_running(foreground.broker_pid)
    foreground.process.kill()
    wait_until(lambda: not is_running(foreground.broker_pid), timeout_s=5)
