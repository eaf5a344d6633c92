"""What is refused when partitions are sought after a rebalance."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from ranking_app.upstream.consumer import BatchConsumer, TablesLost

SOURCE, OTHER = TopicPartition("source", 1), TopicPartition("catalogue", 0)


def consumer(owned: set[int]) -> Any:
    """As much of a consumer as the check needs: who owns which tables."""
    owner = SimpleNamespace(gap_topics={"source"}, partitions=owned)
    return SimpleNamespace(owner=owner)


def check(owned: set[int], committed: dict[TopicPartition, int | None], applied: dict[TP, int]) -> None:
    BatchConsumer._refuse_lost_tables(consumer(owned), committed, applied)


def test_a_commit_without_tables_means_that_the_changelog_was_lost() -> None:
    with pytest.raises(TablesLost, match="'source' partition 1 was read up to offset 7"):
        check({1}, {SOURCE: 7}, {})


def test_tables_that_are_not_open_yet_say_nothing() -> None:
    check({0}, {SOURCE: 7}, {})


def test_without_a_commit_or_with_a_position_there_is_nothing_to_refuse() -> None:
    check({1}, {SOURCE: None, OTHER: 5}, {})
    check({1}, {SOURCE: 7}, {TP("source", 1): 7})
