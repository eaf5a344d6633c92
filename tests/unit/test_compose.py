"""docker-compose.yml, Dockerfile and .dockerignore: no test runs them, so their facts are compared with the code."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ranking_app.cli import cli
from ranking_app.local.broker_config import NodePorts, broker_config
from ranking_app.local.jar_list import KAFKA_VERSION
from ranking_app.settings import PREFIX, Settings, load_settings
from ranking_app.topics import required_topics
from tests.support.project import ROOT, setup_cfg

COMPOSE_FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")

BROKERS = ["kafka-1", "kafka-2", "kafka-3"]
WORKERS = ["worker-1", "worker-2", "worker-3"]
OURS = ["topics", *WORKERS, "serve"]
WORKER_STOPS_WITHIN_S = 10
"""The contract's promise for SIGTERM."""


def environment(service: str) -> dict[str, str]:
    found: dict[str, str] = SERVICES[service]["environment"]
    return found


def settings_of(service: str, monkeypatch: pytest.MonkeyPatch, empty_dir: Path) -> Settings:
    """The settings that this container sees: the image's variables, then the service's."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in {**image_environment(), **environment(service)}.items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(empty_dir)  # no .env of this machine
    return load_settings()


def image_environment() -> dict[str, str]:
    return dict(re.findall(r"\b([A-Z_]+)=(\S+)", DOCKERFILE.rpartition("\nFROM ")[2]))


def seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)s", text)
    assert found, f"this test reads whole seconds only, not {text}"
    return int(found[1])


def mistakes_by_the_compose_schema(path: Path) -> list[str]:
    """What the compose specification's own schema finds; check-jsonschema carries it, so no network is needed."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    options = ["--output-format", "json", str(path)]
    result = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert result.returncode in (0, 1), result.stderr
    report = json.loads(result.stdout)
    assert not report.get("parse_errors")
    return [error["path"] for error in report.get("errors", [])]


def test_it_is_valid_by_the_schema_of_the_compose_specification():
    assert mistakes_by_the_compose_schema(COMPOSE_FILE) == []


@pytest.mark.parametrize(
    ("right", "wrong", "path"),
    [
        ("condition: service_completed_successfully", "condition: service_finished", "$.services['worker-1']"),
        ("    start_period:", "    start_periode:", "$.services['kafka-1'].healthcheck"),
        ("command: [serve]", "commands: [serve]", "$.services.serve"),
    ],
)
def test_the_schema_would_notice_a_mistake(right: str, wrong: str, path: str, tmp_path: Path):
    text = COMPOSE_FILE.read_text("utf-8")
    assert right in text
    (tmp_path / "docker-compose.yml").write_text(text.replace(right, wrong), "utf-8")
    assert any(found.startswith(path) for found in mistakes_by_the_compose_schema(tmp_path / "docker-compose.yml"))


def test_it_has_three_brokers_one_topics_run_three_workers_and_one_serve():
    assert list(SERVICES) == [*BROKERS, *OURS]
    assert [SERVICES[name]["command"] for name in OURS] == [["topics"], ["worker"], ["worker"], ["worker"], ["serve"]]
    assert all(SERVICES[name]["command"][0] in cli.commands for name in OURS)


def test_the_brokers_are_the_kafka_that_the_demo_and_the_tests_run():
    assert {SERVICES[name]["image"] for name in BROKERS} == {f"apache/kafka:{KAFKA_VERSION}"}


def test_every_service_of_ours_runs_the_image_of_this_version():
    assert {SERVICES[name]["image"] for name in OURS} == {f"ranking-app:{setup_cfg()['metadata']['version']}"}
    assert all(SERVICES[name]["build"] == "." for name in OURS)


def test_the_brokers_replicate_as_a_local_cluster_of_three_does():
    nodes = {i: NodePorts(9092, 9093) for i in (1, 2, 3)}
    text = broker_config(1, nodes, "127.0.0.1", "/var/lib/kafka/data")
    local: dict[str, str] = dict(re.findall(r"(?m)^(.+?)=(.*)$", text))
    same = [
        "process.roles",
        "controller.listener.names",
        "auto.create.topics.enable",
        *(key for key in local if key.endswith(("replication.factor", ".isr", "insync.replicas"))),
    ]
    assert len(same) == 10
    for name in BROKERS:
        ours = {key: environment(name).get("KAFKA_" + key.upper().replace(".", "_")) for key in same}
        assert ours == {key: local[key] for key in same}


def test_three_copies_of_which_two_must_confirm():
    for name in BROKERS:
        assert environment(name)["KAFKA_DEFAULT_REPLICATION_FACTOR"] == str(len(BROKERS)) == "3"
        assert environment(name)["KAFKA_MIN_INSYNC_REPLICAS"] == "2"


def test_the_brokers_find_each_other():
    voters = ",".join(f"{i}@{name}:9093" for i, name in enumerate(BROKERS, start=1))
    for i, name in enumerate(BROKERS, start=1):
        found = environment(name)
        assert found["KAFKA_NODE_ID"] == str(i)
        assert found["KAFKA_CONTROLLER_QUORUM_VOTERS"] == voters
        assert found["KAFKA_LISTENERS"] == "PLAINTEXT://:9092,CONTROLLER://:9093"
        assert found["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{name}:9092"
        assert found["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"] == "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
        assert SERVICES[name]["healthcheck"]["test"][-1] == "localhost:9092"


def test_all_brokers_have_one_cluster_id_which_is_a_kafka_uuid():
    (cluster_id,) = {environment(name)["CLUSTER_ID"] for name in BROKERS}
    raw = base64.urlsafe_b64decode(cluster_id + "==")
    assert len(raw) == 16
    assert base64.urlsafe_b64encode(raw).decode().rstrip("=") == cluster_id


@pytest.mark.parametrize("service", OURS)
def test_the_settings_are_known_and_valid(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    settings = settings_of(service, monkeypatch, tmp_path)  # refuses unknown names and unusable values
    assert settings.bootstrap_servers == [f"{name}:9092" for name in BROKERS]
    assert not [name for name in environment(service) if not name.startswith(PREFIX)]


@pytest.mark.parametrize("service", OURS)
def test_topics_partitions_and_app_id_are_those_of_the_code(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    used = required_topics(settings_of(service, monkeypatch, tmp_path))
    assert used == required_topics(Settings.model_construct())


def test_there_is_a_partition_for_every_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert settings_of("worker-1", monkeypatch, tmp_path).partitions == len(WORKERS)


def test_web_endpoints_are_on_6066_to_6069_of_loopback_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    settings = settings_of("worker-1", monkeypatch, tmp_path)
    assert settings.web_host == "0.0.0.0"
    assert settings.web_port == Settings.model_fields["web_port"].default == 6066
    for i, name in enumerate([*WORKERS, "serve"]):
        assert SERVICES[name]["ports"] == [f"127.0.0.1:{6066 + i}:{settings.web_port}"]
    assert not [name for name in [*BROKERS, "topics"] if "ports" in SERVICES[name]]


def test_every_broker_and_worker_has_a_volume_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    data_dir = settings_of("worker-1", monkeypatch, tmp_path).data_dir
    assert [SERVICES[name]["volumes"] for name in WORKERS] == [[f"{name}:{data_dir}"] for name in WORKERS]
    for name in BROKERS:
        assert SERVICES[name]["volumes"] == [f"{name}:{environment(name)['KAFKA_LOG_DIRS']}"]
    assert list(COMPOSE["volumes"]) == [*BROKERS, *WORKERS]


def test_topics_come_after_all_brokers_and_everything_else_after_the_topics():
    healthy = {name: {"condition": "service_healthy"} for name in BROKERS}
    assert SERVICES["topics"]["depends_on"] == healthy
    assert SERVICES["topics"]["restart"] == "no"
    for name in [*WORKERS, "serve"]:
        done = {"topics": {"condition": "service_completed_successfully"}}
        assert SERVICES[name]["depends_on"] == {**healthy, **done}
        assert SERVICES[name]["restart"] == "unless-stopped"


def test_a_container_is_given_longer_to_stop_than_a_worker_takes():
    assert all(seconds(SERVICES[name]["stop_grace_period"]) > WORKER_STOPS_WITHIN_S for name in SERVICES)


def test_the_image_runs_a_python_that_the_project_supports():
    versions = set(re.findall(r"^FROM python:(\d+)\.(\d+)-slim", DOCKERFILE, re.MULTILINE))
    assert len(versions) == 1
    ((major, minor),) = versions
    assert f"Programming Language :: Python :: {major}.{minor}" in setup_cfg()["metadata"]["classifiers"]


def test_the_image_runs_as_a_user_without_rights_and_holds_no_secret():
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    user = re.search(r"^USER (\d+):(\d+)$", last_stage, re.MULTILINE)
    assert user
    assert "0" not in user.groups()
    assert not re.search(r"PASSWORD|SECRET|TOKEN|\.env\b(?!\.example)", DOCKERFILE.partition("FROM")[2])


def test_the_image_installs_locked_libraries_only():
    installs = re.findall(r"pip install (.*?)(?:&&|$)", DOCKERFILE, re.MULTILINE)
    assert len(installs) == 2
    assert "--require-hashes --requirement requirements.lock" in installs[0]
    assert "--no-index --no-deps --no-build-isolation" in installs[1]


def test_the_health_check_asks_the_running_web_endpoint():
    check = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert check
    assert "'/health/live'" in check[1]
    assert f"get('RANKING_WEB_PORT', '{Settings.model_fields['web_port'].default}')" in check[1]
    assert f"EXPOSE {Settings.model_fields['web_port'].default}" in DOCKERFILE
    assert SERVICES["topics"]["healthcheck"] == {"disable": True}


def test_the_image_gets_what_it_copies_and_nothing_else():
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert [source for source in copied if not (ROOT / source).exists()] == []
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert ignored[0] == "*"
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == sorted(copied)
