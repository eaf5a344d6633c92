"""Three partitions become six by a backfill while producers write all the time: nothing is lost, nothing doubled."""

from functools import partial
from pathlib import Path

import pytest

from ranking_app.local.kafka import LocalKafka
from tests.support.generations import Backfill, Hammer, counting, covers_all
from tests.support.own_settings import own_settings
from tests.support.processes import Fleet
from tests.support.selling import Sale, Selling
from tests.support.waiting import Laps, wait_until

RATE, HISTORY, SCHEDULES = 250, 3_000, 12
BEFORE, AFTER = 3, 6
WITHIN_S = 60.0
CAUGHT_UP_ON_NEW_PARTITIONS = 300


def next_sale(number: int) -> Sale:
    """Every tenth gives a seat back."""
    return Sale(f"S{number // 10 % SCHEDULES}" if number % 10 == 0 else f"S{number % SCHEDULES}", number % 10 == 0)


def test_three_partitions_become_six_under_load_and_every_event_counts_once(
    kafka: LocalKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, laps = own_settings("backfill-six", kafka.url), Laps()
    completed, cancelled = settings["RANKING_COMPLETED_TOPIC"], settings["RANKING_CANCELLED_TOPIC"]
    with Fleet(settings, tmp_path) as fleet, Selling(settings, next_sale, RATE) as sales:
        fleet.run("topics", "topics")
        live = [fleet.worker("live-1"), fleet.worker("live-2")]
        every = [*live, fleet.serve("serve")]
        for process in every:
            process.wait_ready()
        sales.burst(HISTORY)
        six = Backfill(fleet, "six", "--partitions", str(AFTER)).wait_caught_up()
        laps.lap("six caught up")
        with Hammer(every, ["S0", "S1"], completed) as hammer:
            fleet.run("promote", "backfill", "promote", "six")
            refused = fleet.command("too-early", "topics", "--grow")
            assert refused.wait(WITHIN_S) == 1 and "drop them first" in refused.output()
            laps.lap("promoted")
            fleet.run("drop", "backfill", "drop", "base", "--yes")
            wait_until(lambda: len(counting(settings, "six")) == 3, WITHIN_S, "live workers count six")
            six.process.terminate()
            assert "died" not in six.process.output(), "tables whose source partitions are not there yet do no harm"
            laps.lap("base dropped")
            output = fleet.run("grow", "topics", "--grow")
            assert f"{completed}  ({BEFORE} to {AFTER} partitions)" in output

            def are_sold_on() -> bool:
                new = [(topic, number) for topic in (completed, cancelled) for number in range(BEFORE, AFTER)]
                return all(sales.acknowledged[place] >= 1 for place in new) and (
                    sales.acknowledged[completed, AFTER - 1] >= CAUGHT_UP_ON_NEW_PARTITIONS
                )

            wait_until(are_sold_on, WITHIN_S, "producers write to the new partitions")
            live[0].kill()
            live[0].start()
            laps.lap("grown, a worker killed")
            sales.stop()
            for process in every:
                process.wait_for(partial(covers_all, process, sales), WITHIN_S, "all counted")
        laps.lap("all counted")
        with capsys.disabled():
            print(f"\n{laps}\n{sales.total} records, {len(hammer.seen)} answers")
        assert [text for text in hammer.wrong if not text.startswith("live-1: ")] == [], "live-1 was killed"
        for process in every:
            answer = process.client.get("/v1/rankings/sales", window="all", limit=1000)
            assert {row["concertScheduleId"]: row["sold"] for row in answer["entries"]} == sales.sold
            assert {row["concertScheduleId"]: row["cancelled"] for row in answer["entries"]} == dict(sales.cancelled)
            assert answer["completeness"]["duplicates"] == answer["completeness"]["deadLetters"] == 0
            assert answer["completeness"]["generation"] == "six"
        assert [process.terminate() for process in every] == [0, 0, 0]
