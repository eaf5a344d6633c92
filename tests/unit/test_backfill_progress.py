"""How far a backfill is, and which offsets are missing from what it would count."""

from collections.abc import Mapping

import pytest

from ranking_app.backfill.plan import Held
from ranking_app.backfill.progress import CAUGHT_UP_LAG, Progress, progress_of
from ranking_app.backfill.show_progress import line
from ranking_app.generations.generation import Generation
from ranking_app.generations.reports import Followed, Report

NEW = Generation("new", 3, starts={"t": (10, 0, 5)})


def followed(counted: int, lag: int, offsets: tuple[int, ...], loaded: bool = True) -> Followed:
    return Followed(loaded, True, lag, counted, {"t": offsets})


def report(instance: str, counts: str | None, has: Mapping[str, Followed]) -> Report:
    return Report(instance, instance, 0, "base", counts, has)


def test_nothing_is_known_while_nobody_has_it_in_memory() -> None:
    assert progress_of(NEW, "base", [report("live", "base", {"base": followed(1, 0, (1,))})]) is None


def test_what_was_before_the_start_is_not_done_and_not_to_be_done() -> None:
    seen = progress_of(NEW, "base", [report("w", "new", {"new": followed(7, 30, (12, 4, 6))})])
    assert seen == Progress(done=7, total=37, counted=7, lag=30, live_lag=None, workers=1, caught_up=True)


def test_a_partition_that_stands_at_nothing_yet_is_not_behind_its_start() -> None:
    seen = progress_of(NEW, "base", [report("w", "new", {"new": followed(0, 30, (0, 0, 0))})])
    assert seen is not None and (seen.done, seen.total) == (0, 30)


def test_the_process_that_is_furthest_says_how_far_it_is() -> None:
    reports = [
        report("loading", "new", {"new": followed(99, 0, (99, 99, 99), loaded=False)}),
        report("behind", "new", {"new": followed(3, 9, (12, 1, 5)), "base": followed(50, 4, (50,))}),
        report("ahead", "new", {"new": followed(5, 7, (13, 2, 5))}),
        report("live", "base", {"base": followed(60, 1, (60,))}),
    ]
    seen = progress_of(NEW, "base", reports)
    assert seen == Progress(done=5, total=12, counted=5, lag=7, live_lag=1, workers=3, caught_up=True)


@pytest.mark.parametrize(
    ("lag", "loaded", "caught_up"),
    [(CAUGHT_UP_LAG, True, True), (CAUGHT_UP_LAG + 1, True, False), (0, False, False)],
)
def test_caught_up_is_loaded_and_behind_by_no_more_than_what_is_under_way(
    lag: int, loaded: bool, caught_up: bool
) -> None:
    seen = progress_of(NEW, "base", [report("w", "new", {"new": followed(1, lag, (11, 0, 5), loaded)})])
    assert seen is not None and seen.caught_up is caught_up


def test_a_line_says_how_much_is_left() -> None:
    seen = Progress(done=3_000, total=12_000, counted=3_000, lag=9_000, live_lag=12, workers=2, caught_up=False)
    assert line("new", seen, 900.0) == (
        "new: 3,000 of 12,000 records (25.0 %), 900/s, 10 s left; 2 workers; live lag 12"
    )
    assert "not moving" in line("new", seen, 0.0)


def held(first: int, end: int, *archived: tuple[int, int]) -> Held:
    return Held("t", 0, first, end, archived)


@pytest.mark.parametrize(
    ("there", "start", "gone"),
    [
        (held(0, 100), 0, []),
        (held(40, 100), 40, []),
        (held(40, 100), 0, [(0, 40)]),
        (held(40, 100), 60, []),
        (held(40, 100, (0, 40)), 0, []),
        (held(40, 100, (0, 70)), 0, []),
        (held(40, 100, (0, 20)), 0, [(20, 40)]),
        (held(40, 100, (0, 20)), 30, [(30, 40)]),
        (held(40, 100, (10, 20), (25, 30)), 5, [(5, 10), (20, 25), (30, 40)]),
        (held(40, 40, (0, 20)), 0, [(20, 40)]),
        (held(40, 100, (0, 150)), 0, []),
    ],
)
def test_what_is_gone_is_what_neither_brokers_nor_archives_have(
    there: Held, start: int, gone: list[tuple[int, int]]
) -> None:
    assert there.gone(start) == gone


def test_what_there_is_begins_in_the_archives() -> None:
    assert (held(40, 100).start, held(40, 100, (7, 20)).start, held(40, 100, (60, 90)).start) == (40, 7, 40)
