"""Topics that the brokers do not delete: said as it is, and not as one that could not be created."""

from typing import Any

import pytest

from ranking_app import topics
from ranking_app.topics import TopicNotDeleted, delete_topic


class Admin:
    """Brokers that take every wish to delete a topic, and may not grant it."""

    def __init__(self, names: list[str], grants: bool) -> None:
        self.names = names
        self.grants = grants
        self.asked: list[str] = []
        self.closed = False

    async def start(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    async def list_topics(self) -> list[str]:
        return list(self.names)

    async def delete_topics(self, names: list[str]) -> None:
        self.asked += names
        if self.grants:
            self.names = [name for name in self.names if name not in names]


def brokers(monkeypatch: pytest.MonkeyPatch, names: list[str], grants: bool) -> Admin:
    admin = Admin(names, grants)

    def make(**options: Any) -> Admin:
        return admin

    monkeypatch.setattr(topics, "AIOKafkaAdminClient", make)
    monkeypatch.setattr(topics, "CREATE_WAIT_S", 0.0)
    return admin


async def test_a_topic_that_stays_is_said_to_be_there_still(monkeypatch: pytest.MonkeyPatch) -> None:
    admin = brokers(monkeypatch, ["kept"], grants=False)
    with pytest.raises(TopicNotDeleted, match="'kept' was deleted, but is still there"):
        await delete_topic("kept", {})
    assert admin.asked == ["kept"] and admin.closed


async def test_a_topic_that_goes_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    admin = brokers(monkeypatch, ["gone", "other"], grants=True)
    await delete_topic("gone", {})
    assert admin.names == ["other"]


async def test_a_topic_that_is_not_there_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    admin = brokers(monkeypatch, ["other"], grants=True)
    await delete_topic("gone", {})
    assert admin.asked == []
