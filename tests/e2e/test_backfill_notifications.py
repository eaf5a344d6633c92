"""Notifications across backfills, promotions and kills: each once, none missing, none for the past unasked."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ranking_app.local.kafka import LocalKafka
from ranking_app.rankings.milestones import seats_needed
from ranking_app.rankings.news import NEWS_PERCENT
from tests.support.generations import (
    Backfill,
    committed_records,
    control_state,
    kill,
    pid_of_worker,
)
from tests.support.own_settings import own_settings
from tests.support.processes import Fleet, run_app
from tests.support.selling import Sale, Selling, catalogue_event
from tests.support.waiting import Laps, wait_until

RATE, HISTORY = 120, 1_000
CAPACITY, SALES_OF_EACH, AT_ONCE = 20, 24, 4
SCHEDULES = 1_200
REOPENING = "R"
PARTITIONS = 3
WITHIN_S = 60.0

News = tuple[str, str, float]
"""Type, schedule, and threshold or spell."""


def next_sale(number: int) -> Sale:
    """Four schedules at a time, sold out and a little over, then the next four: there is news all the time."""
    group = number // (AT_ONCE * SALES_OF_EACH)
    return Sale(f"S{group * AT_ONCE + number % AT_ONCE}")


def news_of_sales(completed: Mapping[str, int]) -> set[News]:
    """What schedules with CAPACITY seats that were sold so often, with no cancellation, have reached."""
    found: set[News] = set()
    for schedule, sold in completed.items():
        for percent in NEWS_PERCENT:
            if sold >= seats_needed(percent, CAPACITY):
                found.add(("ranking.milestone.reached", schedule, percent / 100))
        if sold >= CAPACITY:
            found.add(("ranking.schedule.sold-out", schedule, 1))
    return found


def raised(settings: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every notification that a read_committed reader sees."""
    records = committed_records(settings, settings["RANKING_NOTIFICATION_TOPIC"], PARTITIONS)
    return [json.loads(record.value) for record in records]


def news_in(events: Iterable[Mapping[str, Any]]) -> Counter[News]:
    """What they say."""
    found: Counter[News] = Counter()
    for event in events:
        payload = event["payload"]
        found[event["eventType"], payload["concertScheduleId"], payload.get("threshold") or payload["spell"]] += 1
    return found


def produce_catalogue(fleet: Fleet, names: Iterable[str], capacity: int) -> None:
    file = fleet.directory / "catalogue.ndjson"
    file.write_text("".join(json.dumps(catalogue_event(name, capacity)) + "\n" for name in names))
    fleet.run("catalogue", "produce", str(file))


def in_the_next_second(sales: Selling, *sold: Sale) -> None:
    """What happens within one second is one step of the curve: wait for another."""
    now_s = int(time.time())
    wait_until(lambda: int(time.time()) > now_s, 5)
    sales.now(*sold)


def test_news_are_raised_once_and_all_of_them_across_promotions_a_rollback_and_a_kill(
    kafka: LocalKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, laps = {**own_settings("backfill-news", kafka.url), "RANKING_NOTIFY_TOP": "0"}, Laps()
    with Fleet(settings, tmp_path) as fleet, Selling(settings, next_sale, RATE) as sales:
        fleet.run("topics", "topics")
        produce_catalogue(fleet, [REOPENING, *(f"S{number}" for number in range(SCHEDULES))], CAPACITY)
        live = fleet.worker("live").wait_ready()
        sales.burst(HISTORY)
        sales.now(*[Sale(REOPENING)] * CAPACITY)
        backfill = Backfill(fleet, "rebuilt", "--workers", "2").wait_caught_up()
        in_the_next_second(sales, Sale(REOPENING, cancelled=True))
        laps.lap("caught up")

        fleet.run("promote-1", "backfill", "promote", "rebuilt", "--accept-differences")
        kill(_worker_in_charge(backfill))
        in_the_next_second(sales, Sale(REOPENING))
        laps.lap("promoted, the one in charge killed")
        _wait_until_raised(settings, ("ranking.schedule.sold-out", REOPENING, 2))
        laps.lap("another is in charge")
        fleet.run("rollback", "backfill", "rollback")
        in_the_next_second(sales, Sale(REOPENING, cancelled=True))
        _wait_until_raised(settings, ("ranking.schedule.reopened", REOPENING, 2))
        laps.lap("rolled back")
        fleet.run("promote-2", "backfill", "promote", "rebuilt", "--accept-differences")
        in_the_next_second(sales, Sale(REOPENING))
        _wait_until_raised(settings, ("ranking.schedule.sold-out", REOPENING, 3))
        laps.lap("promoted again")

        sales.stop()
        expected = news_of_sales(sales.completed) | _news_of_the_reopening()
        wait_until(lambda: set(news_in(raised(settings))) >= expected, WITHIN_S, "all are raised")
        backfill.process.terminate()
        assert live.terminate() == 0
        events = raised(settings)
        laps.lap("all raised")
        with capsys.disabled():
            print(f"\n{laps}\n{len(events)} notifications of {sales.total} records")
        assert len({event["eventId"] for event in events}) == len(events)
        assert news_in(events) == Counter(dict.fromkeys(expected, 1))


def _news_of_the_reopening() -> set[News]:
    spells = [("ranking.schedule.sold-out", REOPENING, spell) for spell in (1, 2, 3)]
    return {*spells, *(("ranking.schedule.reopened", REOPENING, spell) for spell in (1, 2))} | {
        news for news in news_of_sales({REOPENING: CAPACITY}) if news[0] == "ranking.milestone.reached"
    }


def _worker_in_charge(backfill: Backfill) -> int:
    """The process that took charge of notifications, as soon as its log says so."""

    def find() -> int | None:
        for log in backfill.directory.glob("worker-*.log"):
            if "notifier_in_charge" in log.read_text(errors="replace"):
                return pid_of_worker(backfill.worker_pids(), log)
        return None

    return wait_until(find, WITHIN_S, "a worker of the backfill is in charge") or 0


def _wait_until_raised(settings: Mapping[str, str], news: News) -> None:
    wait_until(lambda: news in news_in(raised(settings)), WITHIN_S, f"{news} is raised")


def test_a_generation_that_knows_more_of_the_past_raises_none_of_it_unless_asked_to(
    kafka: LocalKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, laps = {**own_settings("backfill-past", kafka.url), "RANKING_NOTIFY_TOP": "0"}, Laps()
    half, markers = CAPACITY // 2, iter(range(10))
    with Fleet(settings, tmp_path) as fleet, Selling(settings, next_sale, rate=0) as sales:

        def news(schedule: str) -> int:
            return sum(name == schedule for _, name, _ in news_in(raised(settings)))

        def sell_out_a_marker() -> None:
            """What happens now is raised by the generation that is live, and after it everything before."""
            marker = f"marker-{next(markers)}"
            sales.now(*[Sale(marker)] * CAPACITY)
            wait_until(lambda: news(marker) == 7, WITHIN_S, f"{marker} is raised")

        fleet.run("topics", "topics")
        produce_catalogue(fleet, ["B", "C", *(f"marker-{number}" for number in range(5))], CAPACITY)
        fleet.worker("live").wait_ready()
        sales.now(*[Sale(name) for name in "BC" for _ in range(half)])
        wait_until(lambda: (news("B"), news("C")) == (3, 3), WITHIN_S, "10, 25 and 50 % of both")
        since = datetime.now(UTC).isoformat(timespec="milliseconds")
        in_the_next_second(sales, Sale("X"))
        part = Backfill(fleet, "part", "--from", since).wait_caught_up()
        refused = run_app(["backfill", "promote", "part"], settings, tmp_path)
        assert refused.code == 1 and "--accept-differences" in refused.complaint
        assert control_state(settings).live.name == "base"
        fleet.run("promote-part", "backfill", "promote", "part", "--accept-differences")
        laps.lap("a part is live")

        sales.now(*[Sale("B")] * half)
        sell_out_a_marker()
        assert news("B") == 3, "the part knows of half of it"
        full = Backfill(fleet, "full").wait_caught_up()
        fleet.run("promote-full", "backfill", "promote", "full", "--accept-differences")
        sell_out_a_marker()
        assert news("B") == 3, "what only the new one knows of the past was raised"
        laps.lap("all of it is live")

        fleet.run("rollback", "backfill", "rollback")
        sales.now(*[Sale("C")] * half)
        sell_out_a_marker()
        assert news("C") == 3, "the part knows of half of it"
        fleet.run("promote-past", "backfill", "promote", "full", "--accept-differences", "--notify-past")
        wait_until(lambda: news("C") == 7, WITHIN_S, "the past that was asked for is raised")
        sell_out_a_marker()
        assert set(news_in(raised(settings)).values()) == {1}
        laps.lap("asked for the past")
        for backfill in (part, full):
            backfill.process.terminate()
        with capsys.disabled():
            print(f"\n{laps}")
