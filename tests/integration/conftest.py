"""Fixtures of the tests with workers inside."""

import uuid
from pathlib import Path

import pytest

from ranking_app.local.kafka import LocalKafka
from ranking_app.settings import Settings
from tests.support.in_process import settings_of


@pytest.fixture
def settings(kafka: LocalKafka, tmp_path: Path) -> Settings:
    """Without notifications of ranks: those have their own tests, and here each other one is counted."""
    return settings_of(f"w{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data", notify_top=0)
