"""A generation built beside the live one while events come all the time: killed, gone on with, promoted, and back."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from ranking_app.local.kafka import LocalKafka
from ranking_app.topics import partition_counts
from tests.support.generations import (
    Backfill,
    Hammer,
    committed_records,
    control_state,
    counting,
    covers_all,
    kill,
    settings_object,
)
from tests.support.own_settings import own_settings
from tests.support.processes import Fleet, WebProcess
from tests.support.selling import Sale, Selling, catalogue_event
from tests.support.waiting import Laps, wait_until

PREFIX = "backfill"
HISTORY, RATE = 12_000, 250
SCHEDULES = 21
CANCELS_FROM = 10
"""Schedules from this one on also have cancellations; the others only sell, so they stay sold out."""

CAPACITIES = {f"S{number}": 400 + 60 * number for number in range(CANCELS_FROM)}
BACKFILL_RATE = 2_400
MOVED_WITHIN_S = 2.0
SETTLED_S = 5
"""Events are sent when they happen: an instant so long ago does not change any more."""

WITHIN_S = 60.0
ANSWERS_AFTER = 60
"""Looked at after each switch, of all processes together."""


def next_sale(number: int) -> Sale:
    """Every tenth gives back a seat, long after it was sold."""
    if number > 1_000 and number % 10 == 0:
        return Sale(f"S{CANCELS_FROM + number // 10 % (SCHEDULES - CANCELS_FROM)}", cancelled=True)
    return Sale(f"S{number % SCHEDULES}")


def took_s(output: str) -> float:
    found = re.search(r"is live on (\d+) processes after ([\d.]+) s", output)
    assert found, output
    return float(found[2])


def test_a_rebuild_under_load_is_killed_resumed_promoted_rolled_back_and_takes_over_for_good(
    kafka: LocalKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    laps, figures = Laps(), dict[str, float]()
    settings = own_settings(PREFIX, kafka.url)
    catalogue = tmp_path / "catalogue.ndjson"
    with Fleet(settings, tmp_path) as fleet, Selling(settings, next_sale, RATE) as sales:
        fleet.run("topics", "topics")
        _produce_catalogue(fleet, catalogue)
        live = [fleet.worker("live-1"), fleet.worker("live-2")]
        every = [*live, fleet.serve("serve")]
        for process in every:
            process.wait_ready()
        sales.burst(HISTORY)
        laps.lap("history")

        backfill = Backfill(fleet, "rebuilt", "--workers", "2", "--rate", str(BACKFILL_RATE))
        backfill.wait_counted(HISTORY // 6)
        kill(backfill.worker_pids()[0])
        backfill.wait_counted(HISTORY // 3)
        backfill.kill_all()
        assert not control_state(settings).live.number, "live is untouched"
        backfill.start_again("--workers", "2")
        backfill.wait_caught_up()
        assert "goes on" in backfill.process.output()
        laps.lap("killed twice, caught up")

        assert "equal" in fleet.run("diff", "backfill", "diff", "rebuilt")
        laps.lap("diff")
        settled = datetime.now(UTC) - timedelta(seconds=SETTLED_S)
        shown = live[0].client.get("/v1/rankings/sales", window="all", asOf=settled.isoformat(timespec="seconds"))
        link, before = shown["links"]["permalink"], shown["entries"]

        with Hammer(every, list(CAPACITIES), settings["RANKING_COMPLETED_TOPIC"]) as hammer:
            hammer.wait_for_more(ANSWERS_AFTER)
            for name, arguments in (
                ("rebuilt", ("promote", "rebuilt")),
                ("base", ("rollback",)),
                ("rebuilt", ("promote", "rebuilt")),
            ):
                label = f"{arguments[0]}-{len(figures)}"
                output = fleet.run(label, "backfill", *arguments)
                hammer.wait_for_more(ANSWERS_AFTER)
                figures[f"{label}, by itself"] = took_s(output)
                switched_at_ms = control_state(settings).live.switched_at_ms
                figures[f"{label}, by readers"] = hammer.moved_within_s(name, switched_at_ms)
                for process in every:
                    answer = process.client.get(link)
                    assert (answer["entries"], answer["completeness"]["generation"]) == (before, name)
            laps.lap("promote, rollback, promote")
            assert "is dropped" in fleet.run("drop", "backfill", "drop", "base", "--yes")
            wait_until(lambda: len(counting(settings, "rebuilt")) == 4, WITHIN_S, "live workers count the new one")
            laps.lap("base dropped")
            wait_until(lambda: all(_owns(process) for process in live), WITHIN_S, "live workers own partitions")
            backfill.process.terminate()
            wait_until(lambda: len(counting(settings, "rebuilt")) == 2, WITHIN_S, "only the live workers")
            sales.stop()
            laps.lap("backfill stopped")
            for process in every:
                process.wait_for(partial(covers_all, process, sales), WITHIN_S, "all counted")
        laps.lap("all counted")
        with capsys.disabled():
            print(f"\n{laps}\n{figures}\n{len(hammer.seen)} answers, {sales.total} records")
        for process in every:
            answer = process.client.get("/v1/rankings/sales", window="all", limit=1000)
            assert {row["concertScheduleId"]: row["sold"] for row in answer["entries"]} == sales.sold
            assert answer["completeness"]["generation"] == "rebuilt"
        assert hammer.wrong == []
        assert set(map(tuple, hammer.turns().values())) == {("base", "rebuilt", "base", "rebuilt")}
        assert all(figure <= MOVED_WITHIN_S for figure in figures.values()), figures
        assert _what_is_left_of_base(settings) == {}
        found = live[0].client.get("/v1/rankings/sales")["completeness"]
        assert (found["duplicates"], found["deadLetters"]) == (0, 0)
        assert [process.terminate() for process in every] == [0, 0, 0]
    ids = [record.value for record in committed_records(settings, settings["RANKING_NOTIFICATION_TOPIC"], 3)]
    assert len(ids) > len(CAPACITIES) and len(ids) == len(set(ids))


def _produce_catalogue(fleet: Fleet, file: Path) -> None:
    events = [catalogue_event(name, capacity) for name, capacity in CAPACITIES.items()]
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    fleet.run("catalogue", "produce", str(file))


def _owns(process: WebProcess) -> bool:
    """Whether it has taken up partitions since it counts another generation."""
    lines = process.output().rpartition("generation_dropped")[2]
    return re.search(r'"partitions_owned"|partitions_owned', lines) is not None


def _what_is_left_of_base(settings: dict[str, str]) -> dict[str, int]:
    own = settings_object(settings)
    return asyncio.run(partition_counts([own.changelog_topic], {"bootstrap_servers": own.bootstrap_servers}))
