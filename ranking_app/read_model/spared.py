"""Changelog partitions that are not fetched for a while, because their owner, in this process, brings what it writes.

A flush would come back as a fetch of its own: at 2,500 events/s some 300 a second, each with a round trip, a look at
every partition, and a checksum.
"""

import time
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

SPARED_S = 3.0
"""After the owner's last write. Longer than between two flushes of a backlog; what a stale owner writes to a partition
that brings nothing is seen so much later."""


class SparedPartitions:
    """Which of the partitions are paused. next_offsets: what comes next of each, as it stands."""

    def __init__(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], next_offsets: Mapping[int, int]
    ) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._next_offsets = next_offsets
        self._until_s: dict[int, float] = {}

    def spare(self, partition: int) -> None:
        """Do not fetch it for SPARED_S from now on. What was fetched is given back, or thrown away."""
        if partition not in self._until_s:
            self._consumer.pause(self._partitions[partition])
        self._until_s[partition] = time.monotonic() + SPARED_S

    def fetch(self, partition: int) -> None:
        """Fetch it again, from what comes next."""
        if self._until_s.pop(partition, None) is not None:
            self._consumer.seek(self._partitions[partition], self._next_offsets[partition])
            self._consumer.resume(self._partitions[partition])

    def fetch_overdue(self) -> None:
        """Fetch those again whose owner has not written for SPARED_S."""
        now_s = time.monotonic()
        for partition, until_s in list(self._until_s.items()):
            if until_s < now_s:
                self.fetch(partition)

    def fetch_all(self) -> None:
        """Fetch all of them again."""
        for partition in list(self._until_s):
            self.fetch(partition)
