"""What is told to have changed is all that did, and no more than there is a reason for."""

from itertools import accumulate
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from ranking_app.rankings import change_log
from ranking_app.rankings.change_log import NOTHING, ChangeLog, Changes

changed = st.builds(
    lambda ids, from_s, length_s: Changes(frozenset(ids), from_s, from_s + length_s),
    st.sets(st.sampled_from("ABCDEFGH"), min_size=1, max_size=4),
    st.integers(-5, 100),
    st.integers(1, 50),
)


@given(st.lists(changed, max_size=30), st.integers(1, 12))
def test_everything_after_a_revision_is_in_what_is_told_of_it(revisions: list[Changes], kept_ids: int) -> None:
    with patch.object(change_log, "KEPT_IDS", kept_ids):
        log = ChangeLog()
        for changes in revisions:
            log.add(changes)
        newest = list(accumulate(reversed([len(changes.ids) for changes in revisions])))
        for revision in range(len(revisions) + 1):
            missed = revisions[revision:]
            told = log.since(revision)
            ids = set[str]().union(*(changes.ids for changes in missed))
            if told is None:
                assert newest[len(missed) - 1] > kept_ids, "so few are known"
                continue
            assert told.ids | {"X"} == {*told.ids, "X"}
            assert ids <= told.ids <= set[str]().union(*(changes.ids for changes in revisions))
            assert told.from_s <= min((changes.from_s for changes in missed), default=NOTHING.from_s)
            assert told.until_s >= max((changes.until_s for changes in missed), default=NOTHING.until_s)
            if missed and newest[len(missed) - 1] <= kept_ids:
                assert told.ids == ids, "of the newest each is known by itself"
    assert log.since(len(revisions) + 1) is None and log.since(-1) is None


def test_the_same_ids_again_and_again_are_known_for_longer_than_different_ones() -> None:
    with patch.object(change_log, "KEPT_IDS", 4):
        log = ChangeLog()
        for revision in range(36):  # four of them together, eight times, and the four newest
            log.add(Changes(frozenset("A"), revision, revision + 1))
        assert log.since(0) == log.since(3) == Changes({"A"}, 0, 36)
        assert log.since(4) == Changes({"A"}, 4, 36)
        log.add(Changes(frozenset("A"), 36, 37))
        assert log.since(3) is None
        assert log.since(4) == Changes({"A"}, 4, 37)
        for revision, ids in enumerate(("BCDE", "FGHI", "KLMN", "OPQR"), 37):
            log.add(Changes(frozenset(ids), revision, revision + 1))
        assert log.since(4) is None, "too many different ones"
        assert log.since(40) == Changes(frozenset("OPQR"), 40, 41)


def test_what_was_told_does_not_change_afterwards() -> None:
    with patch.object(change_log, "KEPT_IDS", 2):
        log = ChangeLog()
        log.add(Changes(frozenset("A"), 0, 1))
        first = log.since(0)
        for _ in range(3):
            log.add(Changes(frozenset("BC"), 5, 9))
        told = log.since(0)
        log.add(Changes(frozenset("B"), 70, 71))
        assert first == Changes({"A"}, 0, 1)
        assert told == Changes(set("ABC"), 0, 9) or told is None
