"""Where partitions are sought after a rebalance, and what is refused."""

from collections import defaultdict, deque
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from ranking_app.upstream.consumer import BatchConsumer, TablesLost

SOURCE, OTHER = TopicPartition("source", 1), TopicPartition("catalogue", 0)
NEW, CHANGELOG = TopicPartition("source", 4), TopicPartition("changelog", 4)


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


class Seeking:
    """As much of a consumer as perform_seek needs. Every topic begins at offset 3."""

    perform_seek = BatchConsumer.perform_seek
    _refuse_lost_tables = BatchConsumer._refuse_lost_tables
    _beginnings = BatchConsumer._beginnings
    _acknowledge_applied = BatchConsumer._acknowledge_applied

    def __init__(self, committed: dict[TopicPartition, int | None], applied: dict[TP, int]) -> None:
        self._committed = committed
        self._batch_ends: Any = defaultdict(deque)
        self._acked: Any = defaultdict(list)
        self._acked_index: Any = defaultdict(set)
        self._committed_offset: Any = defaultdict(lambda: None)
        self._read_offset: Any = {}
        self._thread = SimpleNamespace(finish_polls=self._nothing)
        self.app = SimpleNamespace(tables=SimpleNamespace(changelog_topics={"changelog"}))
        self.owner = SimpleNamespace(gap_topics={"source"}, partitions={1, 4}, next_offsets=lambda: applied)
        self.sought: dict[TP, int] = {}

    async def _nothing(self) -> None: ...

    async def seek_to_committed(self) -> dict[TopicPartition, int | None]:
        return self._committed

    def assignment(self) -> set[TopicPartition]:
        return set(self._committed)

    def _forget(self, _: Any) -> None: ...

    async def _refuse_shorter_sources(self, applied: dict[TP, int]) -> None:
        assert applied.keys() <= {TP(*tp) for tp in self._committed}, "nobody could answer for what does not exist"

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, 3)

    async def seek_wait(self, offsets: dict[TP, int]) -> None:
        self.sought = offsets


async def test_a_source_partition_that_is_new_is_read_from_its_beginning() -> None:
    consumer: Any = Seeking({SOURCE: 7, NEW: None, CHANGELOG: None}, {TP("source", 1): 9})
    await consumer.perform_seek()
    assert consumer.sought == {TP("source", 1): 9, TP("source", 4): 3}


async def test_tables_of_a_source_partition_that_is_not_assigned_move_nothing() -> None:
    consumer: Any = Seeking({SOURCE: 7, CHANGELOG: None}, {TP("source", 1): 9, TP("source", 4): 5})
    await consumer.perform_seek()
    assert consumer.sought == {TP("source", 1): 9}
