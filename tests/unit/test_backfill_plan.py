"""From where to where a backfill counts: what is missing, and archives that are not of these topics."""

from pathlib import Path

import pytest

from ranking_app.archive.files import ArchiveFile
from ranking_app.archive.plan import Archives
from ranking_app.backfill.errors import WrongArchives
from ranking_app.backfill.plan import Held, _refuse_strangers


def held(first: int, end: int, *archived: tuple[int, int], partition: int = 0) -> Held:
    return Held("t", partition, first, end, archived)


def archive(first: int, after: int, partition: int = 0) -> Archives:
    file = ArchiveFile(Path(f"{partition}-{first}.parquet"), "t", partition, first, after, after - first, "")
    return Archives({("t", partition): [file]}, ())


def test_archives_that_reach_the_brokers_leave_nothing_out():
    one = held(60, 100, (0, 70))
    assert one.start == 0 and one.gone(0) == []


def test_what_is_between_archives_and_brokers_is_gone():
    assert held(60, 100, (0, 40), (45, 50)).gone(0) == [(40, 45), (50, 60)]


def test_only_what_is_behind_the_start_matters():
    assert held(60, 100, (0, 40)).gone(50) == [(50, 60)]
    assert held(60, 100, (0, 40)).gone(60) == []


def test_an_empty_partition_misses_what_was_before_its_beginning():
    assert held(60, 60, (0, 40)).gone(0) == [(40, 60)]


def test_an_archive_that_goes_further_than_its_topic_is_of_another_one():
    _refuse_strangers([held(0, 100)], archive(0, 100), partitions=3)
    with pytest.raises(WrongArchives, match="goes up to offset 101, but 't' partition 0 ends at 100"):
        _refuse_strangers([held(0, 100)], archive(0, 101), partitions=3)


@pytest.mark.parametrize("partitions", [1, 2])
def test_an_archive_of_a_partition_that_nobody_would_count_is_refused(partitions):
    known = [held(0, 100), held(0, 100, partition=1)]
    with pytest.raises(WrongArchives, match=f"partition {partitions}"):
        _refuse_strangers(known, archive(0, 50, partition=partitions), partitions=partitions)
