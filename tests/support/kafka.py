"""A real Kafka for tests: one broker for the whole run, started when the first test asks for it.

Where none can be had (no Java, no network at the first run) those tests skip; `--require-kafka`, set in CI,
makes that a failure: a green run must not mean that nothing ran.
"""

from collections.abc import Iterator, Sequence

import pytest

from ranking_app.errors import JavaNotFound, KafkaDownloadFailed, LocalExtraMissing
from ranking_app.local.jars import kafka_classpath
from ranking_app.local.java import find_java
from ranking_app.local.kafka import LocalKafka


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --require-kafka."""
    parser.addoption("--require-kafka", action="store_true", help="fail, not skip, where no local Kafka can be had")


@pytest.hookimpl(tryfirst=True)  # before -m chooses by marker
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Marks every test that uses a local Kafka with `kafka`."""
    for item in items:
        if "can_run_kafka" in getattr(item, "fixturenames", ()):
            item.add_marker("kafka")


@pytest.fixture(scope="session")
def can_run_kafka(pytestconfig: pytest.Config) -> None:
    """Asked for by every test that starts a LocalKafka of its own."""
    try:
        find_java()
        kafka_classpath()
    except (JavaNotFound, KafkaDownloadFailed, LocalExtraMissing) as exc:
        if pytestconfig.getoption("--require-kafka"):
            raise
        pytest.skip(str(exc))


@pytest.fixture(scope="session")
def kafka(can_run_kafka: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """One broker on a free port. It is shared: a test makes topics and groups with names of its own."""
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running
