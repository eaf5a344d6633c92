"""The fault suite in its short form: a minute of faults on three brokers and three workers, and not one number off.

The long form is `make faults SEED=… DURATION=…`.
"""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.faults.diary import Diary
from tests.faults.events import KEYED, Outgoing, Stream, catalogue_records
from tests.faults.news import MILESTONE, RANKS, compare_notifications
from tests.faults.plan import Kind, draw_plan
from tests.faults.producers import Acknowledged
from tests.faults.run import Size, run
from tests.faults.shows import draw_shows
from tests.faults.verdict import Evidence, compare_acknowledged
from tests.support.arrival import Topics
from tests.support.oracle_builders import DONE, LIST, NOON_S, envelope, listing, on
from tests.support.oracle_builders import oracle as history_of

SIZE = Size(seed=1_914, duration_s=45.0, rate=5_000.0)
"""A seed whose minute has most kinds: a zombie, all workers killed, a lost and a corrupted store, cuts, brokers."""


@pytest.mark.usefixtures("can_run_kafka")
def test_a_minute_of_faults_changes_no_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        diary = Diary()
        result = run(SIZE, tmp_path, diary)
        print(result.line())
    assert diary.broken_promises == []
    assert result.failed_reads == 0
    assert result.differences == 0
    assert result.compared > result.events >= SIZE.duration_s * SIZE.rate


def test_the_seed_decides_the_faults() -> None:
    plan = draw_plan(7, 600)
    assert plan == draw_plan(7, 600) != draw_plan(8, 600)
    assert {fault.kind for fault in plan.workers + plan.cluster} == set(Kind)


def test_the_seed_decides_the_events() -> None:
    assert _events(seed=7) == _events(seed=7) != _events(seed=8)
    shows = draw_shows(7, 1_000, 10)
    assert catalogue_records(7, shows, "c") == catalogue_records(7, shows, "c") != []


def test_events_come_in_the_order_they_are_due() -> None:
    due_s = [event.at_s for event in _events(seed=7)]
    assert due_s == sorted(due_s)


def test_a_notification_that_is_missing_twice_or_untrue_is_a_difference() -> None:
    oracle = history_of(on(LIST, listing("A", 10)), on(DONE, envelope("A", NOON_S, quantity=2)))
    once = _milestone("A", 0.1, "id-1")
    assert compare_notifications([once], oracle, {"A"}).differences == []
    assert compare_notifications([], oracle, {"A"}).differences
    assert compare_notifications([once, once], oracle, {"A"}).differences
    assert compare_notifications([once, _milestone("A", 0.25, "id-2")], oracle, {"A"}).differences
    # Of a schedule with cancellations more may have been raised: events that arrive later take nothing back.
    assert compare_notifications([once, _milestone("A", 0.25, "id-2")], oracle, set()).differences == []


def test_a_rank_that_is_news_again_within_the_hold_is_a_difference() -> None:
    oracle = history_of()
    first, soon, later = (
        {"eventId": at, "eventType": RANKS[1], "eventTime": f"2026-06-14T{at}Z", "payload": {"concertScheduleId": "A"}}
        for at in ("11:00:00", "11:09:59", "11:10:00")
    )
    assert compare_notifications([first, later], oracle, set()).differences == []
    assert compare_notifications([first, soon], oracle, set()).differences
    assert compare_notifications([first, first], oracle, set()).differences


def test_an_acknowledged_record_that_kafka_lost_is_a_difference() -> None:
    sent = [Outgoing(0.0, DONE, 0, None, b"{}")]
    nothing = Evidence({}, history_of())
    assert compare_acknowledged(nothing, [Acknowledged(DONE, 0, 7, sent)]).differences


def _milestone(schedule: str, threshold: float, event_id: str) -> dict[str, Any]:
    payload = {"concertScheduleId": schedule, "threshold": threshold, "sold": 10, "capacity": 10}
    return {"eventId": event_id, "eventType": MILESTONE, "payload": payload}


def _events(seed: int) -> list[Outgoing]:
    shows = draw_shows(seed, 20_000, 10)
    stream = Stream(seed, KEYED, shows, Topics(), rate=2_000, duration_s=10, began_ms=1_781_434_803_412)
    return list(islice(stream, 5_000))
