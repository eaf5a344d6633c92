"""How far a backfill is: a pure computation from the reports of the processes and the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ranking_app.generations.generation import Generation
from ranking_app.generations.reports import Followed, Report

CAUGHT_UP_LAG = 1_000
"""Records: what a generation that is followed may be behind at any moment while thousands are sold a second."""


@dataclass(frozen=True, slots=True)
class Progress:
    """done, total: source records, of the whole range so far. lag: records behind the ends; live_lag: of the live one.

    counted: events in the tables. workers: those that count it. caught_up: nothing but the newest is missing.
    """

    done: int
    total: int
    counted: int
    lag: int
    live_lag: int | None
    workers: int
    caught_up: bool


def progress_of(generation: Generation, live: str, reports: Sequence[Report]) -> Progress | None:
    """None while no process has the generation in memory."""
    own = _furthest(generation.name, reports)
    if own is None:
        return None
    lives = _furthest(live, reports)
    done = _done(generation.starts, own.next_offsets) + own.lines_done
    return Progress(
        done=done,
        total=done + own.lag,
        counted=own.counted,
        lag=own.lag,
        live_lag=None if lives is None else lives.lag,
        workers=sum(report.counts == generation.name for report in reports),
        caught_up=own.loaded and own.lag <= CAUGHT_UP_LAG,
    )


def _furthest(name: str, reports: Sequence[Report]) -> Followed | None:
    """As the process sees it that is the furthest: the others are a moment behind."""
    found = [report.followed[name] for report in reports if name in report.followed]
    return max(found, key=lambda followed: (followed.loaded, followed.counted, -followed.lag), default=None)


def _done(starts: Mapping[str, tuple[int, ...]], next_offsets: Mapping[str, tuple[int, ...]]) -> int:
    done = 0
    for topic, offsets in next_offsets.items():
        begun = starts.get(topic, ())
        for partition, offset in enumerate(offsets):
            done += max(offset - (begun[partition] if partition < len(begun) else 0), 0)
    return done
