"""The replay of a year of purchases: prepared, and compared with the oracle once workers have applied it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.arrival import Topics, as_records, invented_catalogue, round_robin
from tests.support.comparison import Comparison, compare_boards, compare_schedules, ten_instants
from tests.support.dead_letters import read_dead_letters
from tests.support.oracle import Oracle
from tests.support.own_settings import own_rules, own_topics
from tests.support.processes import WebProcess
from tests.support.retail import retail
from tests.support.web_client import UnexpectedStatus

SCHEDULE_INSTANTS = 3


class Replay(NamedTuple):
    """What is sent, as a file for `ranking-app produce`, and what must come out."""

    file: Path
    records: int
    oracle: Oracle
    seed: int

    @property
    def summary(self) -> str:
        """One line for whoever reads the test's output."""
        verdict, totals = self.oracle.verdict, self.oracle.totals()
        return (
            f"{retail().notice}; {self.records:,} records, {len(verdict.sales):,} counted on "
            f"{len(self.oracle.histories):,} schedules, {totals}"
        )


def prepare_replay(prefix: str, directory: Path, seed: int) -> Replay:
    """The whole stream in its order of arrival, and its oracle. The same seed gives the same replay."""
    events, topics = retail().events, own_topics(prefix)
    placed = [*invented_catalogue(events, topics, seed), *round_robin(events, topics, seed)]
    file = directory / "replay.ndjson"
    with file.open("wb") as out:
        out.writelines(record.line() for record in placed)
    return Replay(file, len(placed), Oracle(as_records(placed), own_rules(prefix)), seed)


def has_applied_all(worker: WebProcess, oracle: Oracle) -> bool:
    """Whether its answers cover every record of every partition."""
    try:
        found = worker.client.get("/v1/rankings/sales", limit=1)["completeness"]
    except (UnexpectedStatus, OSError):
        return False  # still loading
    fields = ("topic", "partition", "offset", "lag")
    applied = [tuple(partition[field] for field in fields) for partition in found["partitions"]]
    expected = [tuple(partition[field] for field in fields) for partition in oracle.partitions()]
    return found["complete"] is True and applied == expected


def compare_all(replay: Replay, workers: Sequence[WebProcess]) -> Comparison:
    """Boards at ten instants, and details and curves of some schedules at three of them, on every worker."""
    clients = [worker.client for worker in workers]
    instants = ten_instants(replay.oracle, replay.seed)
    boards = compare_boards(clients, replay.oracle, instants)
    schedules = compare_schedules(clients, replay.oracle, instants[-SCHEDULE_INSTANTS:], replay.seed)
    boards.add(schedules)
    return boards


def dead_letter_positions(bootstrap: str, topics: Topics) -> list[tuple[str, int, int]]:
    """Topic, partition and offset of the original of every dead letter, sorted."""
    return sorted(letter.position for letter in read_dead_letters(bootstrap, topics))


def bad_positions(oracle: Oracle) -> list[tuple[str, int, int]]:
    """The same for the records that the oracle calls bad."""
    return sorted(record[:3] for record, _ in oracle.verdict.bad)
