"""The control topic's records and the processes' reports: what they say, as every reader understands it."""

from dataclasses import replace
from itertools import permutations

import orjson
import pytest

from ranking_app.generations.control_state import (
    ControlState,
    Live,
    Record,
    Silenced,
    generation_record,
    prepared_record,
)
from ranking_app.generations.generation import Generation, NewerControlRecord
from ranking_app.generations.reports import SILENT_AFTER_MS, Followed, Instances, Report
from ranking_app.settings import BASE

BASE_GENERATION = Generation(BASE, 3)
NEW = Generation("new", 6, 5, ("/a/b.parquet",), {"t": (0, 4, 2)}, {"u": (1, 2, 3)})
ID = bytes(range(16))


def state(*records: Record) -> ControlState:
    found = ControlState(BASE_GENERATION)
    for record in records:
        found.apply(*record)
    return found


def test_without_a_record_the_base_generation_is_live_and_wanted() -> None:
    found = state()
    assert found.live == Live() and found.live_generation == BASE_GENERATION
    assert found.wanted == {BASE} and found.silenced() == frozenset()


def test_a_generation_comes_back_from_the_topic_as_it_was_written() -> None:
    assert state(generation_record(NEW)).generations == {BASE: BASE_GENERATION, "new": NEW}


def test_what_is_prepared_is_wanted_beside_the_live_one_until_it_is_not() -> None:
    assert state(generation_record(NEW), prepared_record("new")).wanted == {BASE, "new"}
    assert state(generation_record(NEW), prepared_record("new"), prepared_record(None)).wanted == {BASE}
    assert state(prepared_record("unknown")).wanted == {BASE}


def test_the_generation_before_is_wanted_to_go_back_to_until_it_is_dropped() -> None:
    promoted = (generation_record(NEW), Live("new", BASE, 1, 7).record())
    found = state(*promoted)
    assert found.live_generation == NEW and found.wanted == {BASE, "new"}
    found = state(*promoted, generation_record(replace(BASE_GENERATION, dropped=True)))
    assert found.wanted == {"new"} and BASE not in found.generations


def test_a_dropped_generation_keeps_its_name() -> None:
    found = state(generation_record(NEW), generation_record(replace(NEW, dropped=True)))
    assert "new" not in found.generations and found.names_used == {BASE, "new"}


def test_what_a_switch_silenced_is_unknown_until_somebody_decided_it() -> None:
    promoted = state(generation_record(NEW), Live("new", BASE, 1, 7).record())
    assert promoted.silenced() is None
    promoted.apply(*Silenced(1, frozenset({ID})).records()[0])
    assert promoted.silenced() == frozenset({ID})
    promoted.apply(*Live(BASE, "new", 2, 8).record())
    assert promoted.silenced() is None and promoted.silenced_before() == {ID}
    promoted.apply(*Silenced(2, frozenset()).records()[0])
    assert promoted.silenced() == frozenset({ID}), "what was silenced stays so"


def test_compaction_changes_nothing() -> None:
    history = [
        generation_record(NEW),
        prepared_record("new"),
        Live("new", BASE, 1, 7).record(),
        prepared_record(None),
        *Silenced(1, frozenset({ID})).records(),
        Live(BASE, "new", 2, 8, notify_past=True).record(),
    ]
    compacted = list(dict(history).items())
    for order in permutations(compacted):
        found = state(*order)
        assert (found.live, found.wanted, found.silenced_before()) == (
            state(*history).live,
            state(*history).wanted,
            state(*history).silenced_before(),
        )


def test_a_record_of_a_newer_version_is_refused() -> None:
    key, value = Live().record()
    assert value is not None
    newer = orjson.dumps({**orjson.loads(value), "format": 2})
    with pytest.raises(NewerControlRecord, match="update this process"):
        state((key, newer))


def test_unknown_keys_are_left_alone() -> None:
    assert state((b"something/else", b"{}"), (b"generation/x", None)).live == Live()


def report(instance: str, at_ms: int, address: str = "", stopped: bool = False) -> Report:
    followed = {BASE: Followed(True, True, 2, 10, {"t": (1, 2)})}
    return Report(instance, address or instance, at_ms, BASE, BASE, followed, stopped)


def test_a_report_comes_back_as_it_was_written() -> None:
    assert Report.decode(report("a", 5).encode()) == report("a", 5)


def test_the_newest_report_of_each_process_counts_in_the_order_of_their_addresses() -> None:
    seen = Instances()
    for one in (report("b", 1, "host:2"), report("a", 1, "host:1"), report("b", 2, "host:2")):
        seen.saw(one)
    assert seen.there(2) == [report("a", 1, "host:1"), report("b", 2, "host:2")]


def test_who_has_stopped_or_said_nothing_for_long_is_not_there() -> None:
    seen = Instances()
    for one in (report("stopped", 100, stopped=True), report("silent", 100), report("there", 101)):
        seen.saw(one)
    assert [one.instance for one in seen.there(101 + SILENT_AFTER_MS)] == ["there"]
