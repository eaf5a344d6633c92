"""Backfills that are refused: a clear line, an exit code that is not 0, and the live generation untouched."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from ranking_app.local.kafka import LocalKafka
from tests.support.generations import Backfill, control_state, settings_object
from tests.support.own_settings import own_settings, own_topics
from tests.support.processes import Ended, Fleet, WebProcess, run_app
from tests.support.selling import Sale, Selling
from tests.support.waiting import wait_until

PREFIX = "backfill-refused"
COMPLETED = own_topics(PREFIX).completed
SOLD, DELETED = 30, 4
AT_ONCE = 4
WITHIN_S = 60.0


class Refusal(NamedTuple):
    """A command that is refused: its arguments, its exit code, and what its complaint says."""

    arguments: tuple[str, ...]
    code: int
    says: tuple[str, ...]


UNKNOWN = ("there is no generation 'nobody'; there are: base",)
NO_RECORD = ("no record is in the range",)
GONE = (f"{COMPLETED} partition 0: 0 to {DELETED - 1};", "--accept-gaps")
REFUSALS = {
    "a wrong name": Refusal(("start", "Not_A_Name"), 2, ("RANKING_GENERATION",)),
    "a time that cannot be read": Refusal(("start", "one", "--from", "yesterday"), 2, ("--from", "'yesterday'")),
    "a topic that is not counted": Refusal(("start", "one", "--topics", "orders"), 2, ("'orders'", COMPLETED)),
    "a range after everything": Refusal(("start", "one", "--from", "2199-01-01"), 1, NO_RECORD),
    "a range before everything": Refusal(("start", "one", "--to", "2001-01-01"), 1, NO_RECORD),
    "a range that ends first": Refusal(("start", "one", "--from", "2199-01-01", "--to", "2198-01-01"), 1, NO_RECORD),
    "a range of which a part was deleted": Refusal(("start", "one", "--from", "2001-01-01"), 1, GONE),
    "an archive that is not there": Refusal(("start", "one", "--archive", "none.parquet"), 2, ("none.parquet",)),
    "the live generation, begun": Refusal(("start", "base"), 1, ("'base' run already",)),
    "the live generation, dropped": Refusal(("drop", "base", "--yes"), 1, ("'base'", "roll back")),
    "a rollback before any promotion": Refusal(("rollback",), 1, ("no generation to go back to",)),
    "diff with nobody": Refusal(("diff", "nobody"), 2, UNKNOWN),
    "diff against nobody": Refusal(("diff", "base", "--against", "nobody"), 2, UNKNOWN),
    "promotion of nobody": Refusal(("promote", "nobody"), 2, UNKNOWN),
    "status of nobody": Refusal(("status", "nobody"), 2, UNKNOWN),
    "drop of nobody": Refusal(("drop", "nobody"), 2, UNKNOWN),
}


class World(NamedTuple):
    """An app with events, of which the oldest of one partition were deleted, and a worker."""

    settings: Mapping[str, str]
    directory: Path
    fleet: Fleet
    live: WebProcess

    refused: dict[str, Ended]
    """What became of REFUSALS."""

    def backfill(self, *arguments: str) -> Ended:
        return run_app(["backfill", *arguments], self.settings, self.directory)


@pytest.fixture(scope="module")
def world(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("refusals")
    settings = own_settings(PREFIX, kafka.url)
    with Fleet(settings, directory) as fleet, Selling(settings, lambda _: Sale("S"), rate=0) as sales:
        fleet.run("topics", "topics")
        live = fleet.worker("live").wait_ready()
        hour_ago_ms = time.time_ns() // 1_000_000 - 3_600_000  # the newest seconds are not compared
        sales.now(*[Sale("S", at_ms=hour_ago_ms)] * (SOLD - 1))
        sales.now(Sale("S"))
        live.wait_for(lambda: live.client.get("/v1/rankings/sales", window="all")["total"], WITHIN_S, "sold")
        live.wait_for(lambda: live.client.schedule("S")["sold"] == SOLD, WITHIN_S, "all sold")
        _delete_oldest(settings)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            ended = pool.map(lambda one: run_app(["backfill", *one.arguments], settings, directory), REFUSALS.values())
            refused = dict(zip(REFUSALS, ended, strict=True))
        yield World(settings, directory, fleet, live, refused)
        answer = live.client.schedule("S")
        assert (answer["sold"], answer["completeness"]["generation"]) == (SOLD, "base")
        assert control_state(settings).live.number == 0, "no refused command switched anything"


def _delete_oldest(settings: Mapping[str, str]) -> None:
    async def delete() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings_object(settings).bootstrap_servers)
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(COMPLETED, 0): RecordsToDelete(DELETED)})
        finally:
            await admin.close()

    asyncio.run(delete())


@pytest.mark.parametrize("what", REFUSALS)
def test_it_is_refused_with_one_clear_line(world: World, what: str) -> None:
    refusal, ended = REFUSALS[what], world.refused[what]
    assert ended.code == refusal.code, ended.stderr
    assert [text for text in refusal.says if text not in ended.complaint] == [], ended.complaint


def test_nothing_was_begun_by_what_was_refused(world: World) -> None:
    assert control_state(world.settings).names_used == {"base"}


def test_only_the_partition_that_lost_records_is_named(world: World) -> None:
    complaint = world.refused["a range of which a part was deleted"].complaint
    assert "partition 1" not in complaint and "partition 2" not in complaint


def test_a_bar_without_a_name_is_wrong_use(world: World) -> None:
    refused = world.backfill("status", "--watch")
    assert refused.code == 2 and "--watch goes with a NAME" in refused.stderr


def test_a_generation_that_lost_events_is_refused_run_refused_twice_and_dropped_only_when_told(world: World) -> None:
    gaps = Backfill(world.fleet, "gaps", "--from", "2001-01-01", "--accept-gaps").wait_caught_up()

    again = world.backfill("start", "gaps")
    assert again.code == 1 and "workers of generation 'gaps' run already" in again.complaint

    differs = world.backfill("diff", "gaps")
    assert differs.code == 1 and "generations 'base' and 'gaps' differ" in differs.complaint
    assert "S" in differs.stdout and "different" in differs.stdout

    unlike = world.backfill("promote", "gaps")
    assert unlike.code == 1 and "--accept-differences" in unlike.complaint
    assert control_state(world.settings).prepared is None

    gaps.process.terminate()
    without_workers = world.backfill("promote", "gaps")
    assert without_workers.code == 1 and "no worker counts generation 'gaps'" in without_workers.complaint

    other_plan = world.backfill("start", "gaps", "--partitions", "6")
    assert other_plan.code == 2 and "leave the options out" in other_plan.complaint

    unasked = world.backfill("drop", "gaps")  # there is nobody to say yes
    assert unasked.code == 1 and "gaps" in control_state(world.settings).generations

    dropped = world.backfill("drop", "gaps", "--yes")
    assert dropped.code == 0, dropped.stderr
    wait_until(lambda: "gaps" not in control_state(world.settings).generations, WITHIN_S)
    assert not gaps.directory.exists()

    used = world.backfill("start", "gaps")
    assert used.code == 2 and "choose another name" in used.complaint
