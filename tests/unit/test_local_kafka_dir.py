"""The data directory of a local Kafka has one user at a time and keeps to the number of brokers it was made for."""

import subprocess
import sys
from pathlib import Path

import pytest

from ranking_app.errors import LocalKafkaDirUnusable, LocalKafkaFailed, WrongUse
from ranking_app.local import kafka_dir
from ranking_app.local.broker_config import NodePorts, broker_config
from ranking_app.local.kafka import LocalKafka
from ranking_app.local.kafka_dir import KafkaDir

# Stands for `java … kafka.tools.StorageTool format -t ID -c CONFIG`: makes the directory that CONFIG names.
FORMATTER = """
import sys, pathlib
config = pathlib.Path(sys.argv[-1]).read_text()
target = pathlib.Path(config.partition("log.dirs=")[2].split()[0])
target.mkdir()
(target / "meta.properties").write_text(f"#\\nnode.id=1\\ndirectory.id=abc\\ncluster.id={sys.argv[4]}\\n")
"""


def config_of(node_id: int, log_dir: str) -> str:
    return broker_config(node_id, {1: NodePorts(1, 11), 2: NodePorts(2, 12)}, "127.0.0.1", log_dir)


def meta(directory: Path, node_id: int) -> dict[str, str]:
    lines = (directory / f"broker-{node_id}" / "meta.properties").read_text().splitlines()
    return dict(line.split("=") for line in lines if "=" in line)


def test_each_broker_gets_a_directory_of_its_own_in_one_cluster(tmp_path: Path) -> None:
    made = KafkaDir(tmp_path)
    made.take(brokers=2)
    made.prepare([1, 2], config_of, [sys.executable, "-c", FORMATTER])

    one, two = meta(tmp_path, 1), meta(tmp_path, 2)
    assert (one["node.id"], two["node.id"]) == ("1", "2")
    assert one["cluster.id"] == two["cluster.id"]
    assert one["directory.id"] != two["directory.id"]
    assert "log.dirs=broker-2\n" in (tmp_path / "broker-2.properties").read_text()
    assert not list(tmp_path.glob("formatting*"))


def test_what_is_formatted_is_left_alone_and_what_is_missing_is_made(tmp_path: Path) -> None:
    made = KafkaDir(tmp_path)
    made.take(brokers=2)
    made.prepare([1], config_of, [sys.executable, "-c", FORMATTER])
    before = meta(tmp_path, 1)
    (tmp_path / "formatting-2").mkdir()  # of a start that was broken off

    made.prepare([1, 2], config_of, [sys.executable, "-c", FORMATTER])
    assert meta(tmp_path, 1) == before
    assert meta(tmp_path, 2)["cluster.id"] == before["cluster.id"]


def test_a_format_that_fails_says_why_and_leaves_nothing_formatted(tmp_path: Path) -> None:
    made = KafkaDir(tmp_path)
    made.take(brokers=1)
    with pytest.raises(LocalKafkaFailed, match="no room"):
        made.prepare([1], config_of, [sys.executable, "-c", "raise SystemExit('no room')"])
    assert not (tmp_path / "broker-1").exists()


def test_a_format_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_dir, "FORMAT_TIMEOUT_S", 0.2)
    made = KafkaDir(tmp_path)
    made.take(brokers=1)
    with pytest.raises(LocalKafkaFailed, match="took over"):
        made.prepare([1], config_of, [sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_directory_has_one_user_at_a_time(tmp_path: Path) -> None:
    first, second = KafkaDir(tmp_path), KafkaDir(tmp_path)
    first.take(brokers=1)
    with pytest.raises(LocalKafkaDirUnusable, match="Another local Kafka runs"):
        second.take(brokers=1)
    first.release()
    second.take(brokers=1)


def test_a_user_that_was_killed_does_not_keep_the_directory(tmp_path: Path) -> None:
    code = "import sys, pathlib; from ranking_app.local.kafka_dir import KafkaDir as K; "
    code += "it = K(pathlib.Path(sys.argv[1])); it.take(1); print('taken', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "taken\n"
        with pytest.raises(LocalKafkaDirUnusable):
            KafkaDir(tmp_path).take(brokers=1)
        holder.kill()
    KafkaDir(tmp_path).take(brokers=1)


def test_another_number_of_brokers_is_refused(tmp_path: Path) -> None:
    made = KafkaDir(tmp_path)
    made.take(brokers=3)
    made.release()
    with pytest.raises(LocalKafkaDirUnusable, match=r"made for 3 broker\(s\)"):
        KafkaDir(tmp_path).take(brokers=1)
    KafkaDir(tmp_path).take(brokers=3)  # the refused one did not keep it locked


def test_a_path_that_is_no_directory_or_holds_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalKafkaDirUnusable, match="file"):
        KafkaDir(tmp_path / "file").take(brokers=1)
    (tmp_path / "cluster.json").write_text("[]")
    with pytest.raises(LocalKafkaDirUnusable, match=r"cluster\.json"):
        KafkaDir(tmp_path).take(brokers=1)


def test_three_brokers_keep_three_copies_and_do_without_one() -> None:
    nodes = {i: NodePorts(9091 + i, 9190 + i) for i in (1, 2, 3)}
    text = broker_config(2, nodes, "127.0.0.1", "broker-2")
    for line in (
        "controller.quorum.voters=1@127.0.0.1:9191,2@127.0.0.1:9192,3@127.0.0.1:9193",
        "listeners=PLAINTEXT://127.0.0.1:9093,CONTROLLER://127.0.0.1:9192",
        "offsets.topic.replication.factor=3",
        "transaction.state.log.min.isr=2",
        "min.insync.replicas=2",
        "auto.create.topics.enable=false",
    ):
        assert line in text.splitlines()


def test_one_broker_keeps_one_copy() -> None:
    text = broker_config(1, {1: NodePorts(9092, 9192)}, "127.0.0.1", "broker-1")
    assert {"default.replication.factor=1", "min.insync.replicas=1"} <= set(text.splitlines())


@pytest.mark.parametrize(("brokers", "port"), [(0, 9092), (1, 0), (3, 65_534)])
def test_brokers_that_cannot_be_are_wrong_use(tmp_path: Path, brokers: int, port: int) -> None:
    with pytest.raises(WrongUse):
        LocalKafka(tmp_path, brokers=brokers, port=port)


def test_ports_follow_the_first_one(tmp_path: Path) -> None:
    kafka = LocalKafka(tmp_path, brokers=3, port=9092)
    assert kafka.bootstrap == "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094"
    assert kafka.url == "kafka://127.0.0.1:9092;kafka://127.0.0.1:9093;kafka://127.0.0.1:9094"
