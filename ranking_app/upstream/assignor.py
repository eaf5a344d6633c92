"""Source partition p goes to the worker that has changelog partition p, also while a source has fewer partitions.

Replaces `assign` of PartitionAssignor (faust-streaming 0.15.3). Upstream takes topics as co-partitioned when they have
the same number of partitions, so source topics that are still to be grown would be assigned without their tables.
Here they are assigned as if they had the tables' number, and what does not exist is taken out again. The members
remember what they were given, and upstream goes on from what any one topic of a group had: so the sources' share is
filled up from the changelog's before. With equal counts nothing is changed on the way in or out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from faust.assignor import PartitionAssignor
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from faust.types.assignor import HostToPartitionMap

Shares = Mapping[str, Sequence[int]]
"""The partitions of a member, by topic."""


class TablesAssignor(PartitionAssignor):
    """Faust's assignor, told which topics belong together. The tables' count decides; others have no more than it."""

    _changelog = ""
    _sources: frozenset[str] = frozenset()

    def copartition(self, changelog: str, sources: Sequence[str]) -> None:
        """From now on these sources go with this changelog; every other topic is assigned as upstream does it."""
        self._changelog = changelog
        self._sources = frozenset(sources)

    def assign(self, cluster: ClusterMetadata, member_metadata: Any) -> Any:
        """The assignment of every member: as upstream, from the members' metadata as they joined with it."""
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in self._sources}
        tables = len(cluster.partitions_for_topic(self._changelog) or ())
        widened = {topic: tables for topic, count in counts.items() if count and tables}
        assigned = super().assign(
            cast(ClusterMetadata, _Widened(cluster, widened)),
            {member: self._filled_up(metadata) for member, metadata in member_metadata.items()},
        )
        if all(counts[topic] >= tables for topic in widened):
            return assigned
        return {member: self._pruned(assignment, counts) for member, assignment in assigned.items()}

    def _filled_up(self, metadata: ConsumerProtocolMemberMetadata) -> ConsumerProtocolMemberMetadata:
        known = self._get_client_metadata(metadata)

        def filled(shares: Shares) -> Shares:
            full = shares.get(self._changelog)
            return shares if full is None else {**shares, **{t: full for t in self._sources if t in shares}}

        before = known.assignment
        known.assignment = _changed(before, filled)
        if known.assignment == before:
            return metadata
        return ConsumerProtocolMemberMetadata(metadata.version, metadata.subscription, known.dumps())

    def _pruned(
        self, assignment: ConsumerProtocolMemberAssignment, counts: Mapping[str, int]
    ) -> ConsumerProtocolMemberAssignment:
        """Both forms in step: what the broker hands to the member, and what Faust in it compares that with."""

        def existing(shares: Shares) -> dict[str, list[int]]:
            return {
                topic: [number for number in numbers if number < counts.get(topic, number + 1)]
                for topic, numbers in shares.items()
            }

        metadata = cast(ClientMetadata, ClientMetadata.loads(self._decompress(assignment.user_data)))
        metadata.assignment = _changed(metadata.assignment, existing)
        metadata.external_topic_distribution = cast(
            HostToPartitionMap,
            {url: existing(shares) for url, shares in metadata.external_topic_distribution.items()},
        )
        return ConsumerProtocolMemberAssignment(
            assignment.version,
            list(existing(dict(assignment.assignment)).items()),
            self._compress(metadata.dumps()),
        )


class _Widened:
    """As much of the cluster as upstream's assignor asks for, with some topics as wide as the tables."""

    def __init__(self, cluster: ClusterMetadata, widened: Mapping[str, int]) -> None:
        self._cluster = cluster
        self._widened = widened

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The numbers of the topic's partitions; None where it is not known."""
        if topic in self._widened:
            return set(range(self._widened[topic]))
        return cast("set[int] | None", self._cluster.partitions_for_topic(topic))


def _changed(assignment: ClientAssignment, change: Callable[[Shares], Shares]) -> ClientAssignment:
    return ClientAssignment(
        actives={topic: list(numbers) for topic, numbers in change(assignment.actives).items()},
        standbys={topic: list(numbers) for topic, numbers in change(assignment.standbys).items()},
    )
