"""Faults as an operator meets them: the command line from outside, its exit code, its one line."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ranking_app.local.kafka import LocalKafka
from tests.support.own_settings import own_settings, own_topics
from tests.support.processes import Fleet, free_port, run_app

BROKER_WAIT_S = 5
STARTUP_AT_MOST_S = 30
"""For the interpreter and its imports on a busy machine."""

SERVERS = ["worker", "serve"]
COMMANDS = [["worker"], ["serve"], ["topics"], ["produce", "-"]]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


# Wrong settings


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_wrong_setting_is_one_line_and_exit_2(command: list[str], tmp_path: Path) -> None:
    ended = run_app(command, {"RANKING_CLOCK": "sundial"}, tmp_path)
    assert ended.code == 2
    assert "RANKING_CLOCK" in ended.complaint
    assert ended.stderr.strip() == ended.complaint, "nothing but the one line"
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RANKING_FOO", "1"),
        ("RANKING_TIMEZONE", "Mars/Olympus"),
        ("RANKING_WEB_PORT", "65536"),
        ("RANKING_BROKER", "nonsense"),
        ("RANKING_MAX_FUTURE", "soon"),
    ],
)
def test_an_unknown_name_or_value_is_named(name: str, value: str, tmp_path: Path) -> None:
    ended = run_app(["worker"], {name: value}, tmp_path)
    assert ended.code == 2
    assert name in ended.complaint


def test_a_wrong_setting_in_the_env_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RANKING_CLOCK=sundial\n")
    ended = run_app(["worker"], {}, tmp_path)
    assert ended.code == 2
    assert "RANKING_CLOCK" in ended.complaint


def test_a_misspelt_setting_in_the_env_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RANKING_PARTITION=6\n")
    ended = run_app(["worker"], {}, tmp_path)
    assert ended.code == 2
    assert "RANKING_PARTITION is not a setting" in ended.complaint


@pytest.mark.parametrize("arguments", [["worker", "--no-such-flag"], ["conquer"], ["worker", "--web-port", "nine"]])
def test_a_wrong_call_is_exit_2(arguments: list[str], tmp_path: Path) -> None:
    ended = run_app(arguments, {}, tmp_path)
    assert ended.code == 2
    assert "Error" in ended.stderr and "Traceback" not in ended.stderr


# No broker


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_broker_at_start_is_retried_then_exit_1(command: list[str], tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "RANKING_BROKER": f"kafka://127.0.0.1:{port}",
        "RANKING_BROKER_WAIT": f"{BROKER_WAIT_S}s",
        "RANKING_WEB_PORT": str(free_port()),
    }
    ended = run_app(command, settings, tmp_path)
    assert ended.code == 1
    assert f"127.0.0.1:{port}" in ended.complaint
    assert BROKER_WAIT_S <= ended.took_s < BROKER_WAIT_S + STARTUP_AT_MOST_S
    retries = [line for line in ended.stderr.splitlines()[:-1] if f"127.0.0.1:{port}" in line]
    assert len(retries) >= 2, "each try that fails is a line that names the broker"


@pytest.mark.parametrize("command", SERVERS)
def test_sigterm_ends_the_wait_for_a_broker(command: str, tmp_path: Path) -> None:
    settings = {"RANKING_BROKER": f"kafka://127.0.0.1:{free_port()}"}
    with Fleet(settings, tmp_path) as fleet:
        process = fleet.worker("waiting") if command == "worker" else fleet.serve("waiting")
        process.wait_for(lambda: "127.0.0.1" in process.output(), STARTUP_AT_MOST_S, "has tried once")
        assert process.terminate() == 0


def test_the_probes_say_alive_but_not_ready_while_there_is_no_broker(tmp_path: Path) -> None:
    with Fleet({"RANKING_BROKER": f"kafka://127.0.0.1:{free_port()}"}, tmp_path) as fleet:
        worker = fleet.worker("waiting")
        worker.wait_for(lambda: worker.client.status("/health/live") == 200, STARTUP_AT_MOST_S, "is alive")
        assert worker.client.status("/health/ready") == 503
        assert worker.client.status("/v1/rankings/sales") == 503


# Ports, directories, topics


@pytest.mark.parametrize("command", SERVERS)
def test_a_port_in_use_is_one_line(command: str, taken_port: int, kafka: LocalKafka, tmp_path: Path) -> None:
    settings = own_settings("port", kafka.url) | {"RANKING_WEB_PORT": str(taken_port)}
    ended = run_app([command], settings, tmp_path)
    assert ended.code in (1, 2)
    assert str(taken_port) in ended.complaint


def test_a_data_directory_that_cannot_be_made_is_one_line(kafka: LocalKafka, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    data_dir = tmp_path / "file" / "data"
    settings = own_settings("data-dir", kafka.url) | {
        "RANKING_DATA_DIR": str(data_dir),
        "RANKING_WEB_PORT": str(free_port()),
    }
    ended = run_app(["worker"], settings, tmp_path)
    assert ended.code in (1, 2)
    assert str(data_dir) in ended.complaint


def test_a_read_only_data_directory_is_one_line(kafka: LocalKafka, tmp_path: Path) -> None:
    data_dir = tmp_path / "read-only"
    data_dir.mkdir(mode=0o500)
    if _can_write(data_dir):  # root may write everywhere, except where the kernel itself says no
        data_dir = Path("/proc/ranking-data")
    settings = own_settings("data-dir", kafka.url) | {"RANKING_DATA_DIR": str(data_dir)}
    ended = run_app(["worker"], settings, tmp_path)
    assert ended.code in (1, 2)
    assert str(data_dir) in ended.complaint


def _can_write(directory: Path) -> bool:
    try:
        (directory / "probe").touch()
    except OSError:
        return False
    return True


def test_two_workers_do_not_share_a_data_directory(kafka: LocalKafka, tmp_path: Path) -> None:
    settings = own_settings("shared-data", kafka.url)
    with Fleet(settings, tmp_path) as fleet:
        first = fleet.worker("first").wait_ready()
        other = settings | {"RANKING_DATA_DIR": str(first.data_dir), "RANKING_WEB_PORT": str(free_port())}
        ended = run_app(["worker"], other, tmp_path)
        assert ended.code in (1, 2)
        assert str(first.data_dir) in ended.complaint
        first.check_running()


@pytest.mark.parametrize("command", ["topics", *SERVERS])
def test_a_wrong_partition_count_is_refused(command: str, kafka: LocalKafka, tmp_path: Path) -> None:
    prefix = f"two-partitions-{command}"
    topic = own_topics(prefix).completed
    asyncio.run(_create_topic(kafka.bootstrap, topic, partitions=2))
    settings = own_settings(prefix, kafka.url) | {"RANKING_WEB_PORT": str(free_port())}
    ended = run_app([command], settings, tmp_path)
    assert ended.code in (1, 2)
    complaint = ended.complaint
    assert topic in complaint
    assert "2 partitions" in complaint and "3" in complaint
    assert "recreate" in complaint or "RANKING_PARTITIONS" in complaint, "it says how to fix it"


def test_a_missing_topic_is_created_and_an_existing_one_is_kept(kafka: LocalKafka, tmp_path: Path) -> None:
    settings = own_settings("topics", kafka.url)
    first = run_app(["topics"], settings, tmp_path)
    again = run_app(["topics"], settings, tmp_path)
    assert (first.code, again.code) == (0, 0)
    for topic in own_topics("topics"):
        assert topic in first.stdout and f"{topic}-dlt" in first.stdout


async def _create_topic(bootstrap: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()
