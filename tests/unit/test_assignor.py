"""Who gets which partitions: source partition p and changelog partition p always go to one worker, and to one only."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from faust.assignor import PartitionAssignor
from yarl import URL

from ranking_app.upstream.assignor import TablesAssignor

CHANGELOG, COMPLETED, CANCELLED, CATALOGUE = "app-panes-changelog", "completed", "cancelled", "catalogue"
SOURCES = (COMPLETED, CANCELLED)
TOPICS = [CATALOGUE, CANCELLED, CHANGELOG, COMPLETED]

Given = dict[str, dict[str, list[int]]]
"""Partitions by topic, by member."""


class Group:
    """Members of a consumer group, each with the assignor in it, and the topics as the brokers have them."""

    def __init__(self, kind: type[PartitionAssignor] = TablesAssignor) -> None:
        self._kind = kind
        self._members: dict[str, PartitionAssignor] = {}
        self._wire: dict[str, bytes] = {}
        self.counts = {COMPLETED: 3, CANCELLED: 3, CHANGELOG: 6, CATALOGUE: 1}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self.counts[topic])) if topic in self.counts else None

    def join(self, *names: str) -> None:
        for name in names:
            tables = SimpleNamespace(changelog_topics={CHANGELOG}, data={})
            conf = SimpleNamespace(canonical_url=URL(f"http://{name}"))
            app: Any = SimpleNamespace(tables=tables, conf=conf, tracer=None, sensors=Sensors())
            member = self._members[name] = self._kind(app)
            if isinstance(member, TablesAssignor):
                member.copartition(CHANGELOG, SOURCES)

    def leave(self, name: str) -> None:
        del self._members[name]

    def rebalance(self) -> Given:
        """The first member leads. Every member is handed its share as it comes over the wire."""
        leader = next(iter(self._members.values()))
        joined = {name: over_the_wire(member.metadata(set(TOPICS))) for name, member in self._members.items()}
        assigned = leader.assign(self, joined)
        self._wire = {name: assignment.encode() for name, assignment in assigned.items()}
        given: Given = {}
        for name, data in self._wire.items():
            share = ConsumerProtocolMemberAssignment.decode(data)
            self._members[name].on_assignment(share)  # asserts that its two forms agree
            given[name] = {topic: sorted(numbers) for topic, numbers in share.assignment}
        return given

    def as_sent(self) -> dict[str, tuple[list[Any], bytes]]:
        """What the last rebalance handed out, to the byte."""
        shares = {name: ConsumerProtocolMemberAssignment.decode(data) for name, data in self._wire.items()}
        return {
            name: (list(share.assignment), PartitionAssignor._decompress(share.user_data))
            for name, share in shares.items()
        }

    def urls_of(self, topic: str) -> dict[str, list[int]]:
        """Where the members believe that the topic's partitions are."""
        (known, *others) = (member.external_topic_distribution for member in self._members.values())
        assert all(other == known for other in others)
        return {url: sorted(topics.get(topic, [])) for url, topics in known.items()}


class Sensors:
    """Faust's sensors, of which nothing is expected."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


def over_the_wire(metadata: Any) -> ConsumerProtocolMemberMetadata:
    return ConsumerProtocolMemberMetadata.decode(metadata.encode())


def check(group: Group, given: Given) -> None:
    """Everything that exists is with one member, nothing else is with any, and sources are with their tables."""
    for topic, count in group.counts.items():
        found = Counter(number for share in given.values() for number in share.get(topic, []))
        assert found == Counter(range(count)), topic
    for share in given.values():
        tables = set(share[CHANGELOG])
        for topic in SOURCES:
            assert set(share[topic]) == {number for number in tables if number < group.counts[topic]}


@pytest.mark.parametrize("members", [1, 2, 3, 4, 6, 7])
@pytest.mark.parametrize("completed", [1, 3, 6])
@pytest.mark.parametrize("cancelled", [3, 6])
def test_a_source_partition_is_with_its_tables_and_none_is_given_that_does_not_exist(
    members: int, completed: int, cancelled: int
) -> None:
    group = Group()
    group.counts |= {COMPLETED: completed, CANCELLED: cancelled}
    group.join(*(f"w{number}" for number in range(members)))
    for _ in range(3):
        given = group.rebalance()
        check(group, given)
        assert max(len(share[CHANGELOG]) for share in given.values()) <= -(-6 // members)


def test_new_source_partitions_go_to_whom_the_tables_are_with_and_no_tables_move() -> None:
    group = Group()
    group.join("a", "b", "c")
    before = group.rebalance()
    for grown in (COMPLETED, CANCELLED):
        group.counts[grown] = 6
        after = group.rebalance()
        check(group, after)
        assert {m: share[CHANGELOG] for m, share in after.items()} == {m: s[CHANGELOG] for m, s in before.items()}


@pytest.mark.parametrize("sources", [3, 6])
def test_who_stays_keeps_the_tables_when_one_leaves_and_when_nothing_happens(sources: int) -> None:
    group = Group()
    group.counts |= {COMPLETED: sources, CANCELLED: sources}
    group.join("a", "b", "c")
    first = group.rebalance()
    assert group.rebalance() == first
    group.leave("b")
    second = group.rebalance()
    check(group, second)
    for member in ("a", "c"):
        assert set(first[member][CHANGELOG]) < set(second[member][CHANGELOG])


def test_a_member_joins_and_the_others_give_up_no_more_than_it_takes() -> None:
    group = Group()
    group.join("a", "b")
    first = group.rebalance()
    group.join("c")
    second = group.rebalance()
    check(group, second)
    for member in ("a", "b"):
        assert set(second[member][CHANGELOG]) < set(first[member][CHANGELOG])


def test_the_catalogue_has_a_group_of_its_own() -> None:
    group = Group()
    group.join("a", "b", "c")
    given = group.rebalance()
    assert sorted(share[CATALOGUE] for share in given.values()) == [[], [], [0]]
    assert group.rebalance() == given


def test_members_are_told_of_no_partition_that_does_not_exist() -> None:
    group = Group()
    group.join("a", "b")
    given = group.rebalance()
    assert group.urls_of(COMPLETED) == {f"http://{name}": share[COMPLETED] for name, share in given.items()}


def test_a_source_with_more_partitions_than_there_are_tables_gets_those_assigned_that_have_tables() -> None:
    group = Group()
    group.counts |= {COMPLETED: 9, CANCELLED: 6}
    group.join("a", "b")
    for share in group.rebalance().values():
        assert share[COMPLETED] == share[CANCELLED] == share[CHANGELOG]


def test_a_source_that_is_not_there_is_left_out_as_upstream_does() -> None:
    group = Group()
    del group.counts[CANCELLED]
    group.join("a", "b")
    given = group.rebalance()
    assert not any(CANCELLED in share for share in given.values())
    assert sorted(number for share in given.values() for number in share[COMPLETED]) == [0, 1, 2]


def test_with_equal_counts_it_is_upstreams_assignment_to_the_byte() -> None:
    ours, theirs = Group(TablesAssignor), Group(PartitionAssignor)
    for group in (ours, theirs):
        group.counts |= {COMPLETED: 6, CANCELLED: 6}
        group.join("a", "b")
        group.rebalance()
        group.join("c")
        group.rebalance()
        group.leave("a")
        group.rebalance()
    assert ours.as_sent() == theirs.as_sent()


def test_upstream_alone_would_separate_sources_from_their_tables() -> None:
    """Why there is an assignor of our own; when this fails, it may go."""
    group = Group(PartitionAssignor)
    group.join("a", "b", "c", "d")
    group.rebalance()
    group.leave("a")
    given = group.rebalance()
    with pytest.raises(AssertionError):
        check(group, given)
