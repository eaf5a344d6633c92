"""Benchmarks against peers, without Kafka: what the workloads hold, what counts as right, and when the guard fails."""

from collections import Counter
from dataclasses import replace
from datetime import UTC

import pytest

from benchmarks.peers import bars, document, guard, table
from benchmarks.peers.filling import Filled, Sums, naive
from benchmarks.peers.found import Found
from benchmarks.peers.latency import Latency, summed_up
from benchmarks.peers.programs.task import Task
from benchmarks.peers.result import Outcome, Result, compared, rated
from benchmarks.peers.scale import Scaled
from benchmarks.peers.usage import Sample, cpu_at
from benchmarks.peers.workloads import LATE_S, WORKLOADS, Record, Workload, partition_of, records
from schemas.decode import DecodeRules, decode_batch

NOW_S = 1_800_000_000
COUNT = 3_000


def made(workload: Workload, count: int = COUNT, **also: int) -> list[Record]:
    return list(records(workload, count, partitions=3, now_s=NOW_S, **also))


class Stored:
    def __init__(self, offset: int, value: bytes) -> None:
        self.offset, self.value = offset, value


# --- workloads ---


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_the_same_count_seed_and_time_give_the_same_bytes(workload: Workload):
    assert made(workload) == made(workload)
    assert made(workload) != made(workload, seed=2) or workload.form == "flat"


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_a_workload_has_as_many_records_as_asked_for_and_all_are_valid(workload: Workload):
    events = made(workload)
    assert len(events) == COUNT
    stored = [Stored(number, event.value) for number, event in enumerate(events)]
    rules = DecodeRules(timezone=UTC, max_future_ms=0, max_record_bytes=65_536, flat_cancels=False)
    decoded = decode_batch(stored, rules, NOW_S * 1000)
    assert decoded.bad == []
    assert [(sale.schedule_id, sale.at_ms, sale.quantity) for sale in decoded.sales] == [
        (event.schedule, event.at_ms, 1) for event in events
    ]


def test_a_tenth_are_duplicates_each_on_the_partition_of_the_first_one():
    events = made(WORKLOADS["duplicates"])
    repeated = [event for event in events if event.repeated]
    assert len(repeated) == COUNT // 10
    firsts = {event.value: event for event in events if not event.repeated}
    assert len(firsts) == COUNT - len(repeated)
    assert all(firsts[event.value]._replace(repeated=True) == event for event in repeated)


def test_a_tenth_are_late_by_an_hour():
    on_time, late = made(WORKLOADS["skewed"]), made(WORKLOADS["late"])
    moved = Counter(one.at_ms - other.at_ms for one, other in zip(on_time, late, strict=True))
    assert moved == {0: COUNT - COUNT // 10, LATE_S * 1000: COUNT // 10}


def test_only_these_two_hold_duplicates_or_late_events():
    assert [name for name, workload in WORKLOADS.items() if workload.duplicates or workload.late] == [
        "duplicates",
        "late",
    ]


def test_a_key_is_always_on_one_partition_and_without_keys_all_partitions_get_the_same():
    keyed = made(WORKLOADS["keyed"])
    places: dict[str, set[int]] = {}
    for event in keyed:
        places.setdefault(event.schedule, set()).add(event.partition)
        assert event.key == event.schedule.encode()
    assert {len(found) for found in places.values()} == {1}
    assert Counter(event.partition for event in made(WORKLOADS["skewed"])) == {0: 1_000, 1: 1_000, 2: 1_000}
    assert {event.partition for event in made(WORKLOADS["one"])} == {partition_of(keyed_name(), 3)}


def keyed_name() -> bytes:
    return made(WORKLOADS["one"], 1)[0].schedule.encode()


def test_keys_go_where_kafkas_own_clients_put_them():
    # murmur2 of these, from Kafka's own tests (UtilsTest.testMurmur2), without the sign bit.
    assert partition_of(b"21", 1_000) == (-973932308 & 0x7FFFFFFF) % 1_000
    assert partition_of(b"foobar", 1_000) == (-790332482 & 0x7FFFFFFF) % 1_000


def test_five_hundred_are_skewed_and_a_hundred_thousand_are_not():
    skewed = Counter(event.schedule for event in made(WORKLOADS["skewed"], 50_000))
    uniform = Counter(event.schedule for event in made(WORKLOADS["many"], 50_000))
    assert len(skewed) == 500 and skewed.most_common(1)[0][1] > 1_000
    assert len(uniform) > 35_000 and uniform.most_common(1)[0][1] < 12


# --- what is right ---


def test_a_naive_count_takes_of_each_partition_what_was_counted_and_each_event_once():
    def event(partition: int, schedule: str, repeated: bool = False) -> Record:
        return Record(partition, None, b"", 0, schedule, repeated)

    events = [event(0, "A"), event(1, "B"), event(0, "A", True), event(0, "C")]
    assert naive(events, None) == Sums(Counter(A=1, B=1, C=1), Counter(A=2, B=1, C=1))
    assert naive(events, {0: 2}) == Sums(Counter(A=1), Counter(A=2))


def test_a_filled_topic_knows_its_own_right_sums():
    filled = Filled(WORKLOADS["duplicates"], "t", 3, 1_000, NOW_S)
    assert filled.naive().once.total() == 900 and filled.naive().repeated.total() == 1_000
    assert filled.naive({0: 10, 2: 5}).repeated.total() == 15


def outcome(**sums: int) -> Outcome:
    return Outcome(events=10, first_s=100.0, done_s=102.0, cpu_s=0.5, peak_rss_mib=7, sums=sums)


def test_sums_are_exact_or_hold_duplicates_or_are_wrong():
    right = Sums(Counter(A=2, B=1), Counter(A=3, B=1))
    assert compared(outcome(A=2, B=1), right) == "exact"
    assert compared(outcome(A=3, B=1), right) == "counts duplicates"
    assert compared(outcome(A=2), right) == "WRONG: 1 of 2 schedules, 2 of 3"
    assert compared(replace(outcome(A=24, B=12), overlaps=12), right) == "exact"


def test_rates_are_of_the_time_from_the_first_record_to_the_last_one_counted():
    figures = rated(outcome())
    assert figures["events_per_second"] == 5.0 and figures["cpu_seconds_per_million"] == 50_000.0


def test_cpu_time_is_read_off_between_samples():
    samples = [Sample(10.0, 1.0, 0), Sample(11.0, 1.5, 0), Sample(12.0, 3.5, 0)]
    assert [cpu_at(samples, at_s) for at_s in (9.0, 10.5, 11.5, 13.0)] == [1.0, 1.25, 2.5, 3.5]


def test_a_time_lies_in_one_tumbling_and_in_twelve_hopping_windows():
    def task(kind: str) -> Task:
        return Task("b", "t", 3, kind, "envelope", False, 1, "f", "r")

    at_ms = 7 * 3600_000 + 299_999  # 07:04:59.999
    assert list(task("tumbling").starts_ms(at_ms)) == [7 * 3600_000 + 240_000]
    hopping = list(task("hopping").starts_ms(at_ms))
    assert len(hopping) == 12
    assert hopping[0] == 7 * 3600_000 and hopping[-1] == 6 * 3600_000 + 300_000
    assert task("hopping").starts_ms(at_ms + 1)[0] == 7 * 3600_000 + 300_000


# --- bars, tables, the guard ---


def row(peer: str, rate: float, workload: str = "skewed", **also: object) -> Result:
    given = Result(peer, workload, "tumbling", 1_000, rate, 1.0, 10, "exact")
    return replace(given, **also)  # type: ignore[arg-type]


def test_a_bar_is_met_or_not_or_was_not_measured():
    rows = [row("ours", 300.0), row("Kafka Streams", 200.0), row("aiokafka into a dict", 600.0)]
    found = {bar.text: (bar.measured, bar.met) for bar in bars.bars(rows, [])}
    assert found["tumbling: ours ÷ Kafka Streams"] == (1.5, True)
    assert found["tumbling: ours ÷ aiokafka into a dict"] == (0.5, False)
    assert found["hopping: ours ÷ Kafka Streams"] == (None, None)
    assert found["2,500 events/s: p50, ms"] == (None, None)


def test_latency_counts_only_under_the_load_that_was_asked_for():
    probes = [float(number) for number in range(1, 1_001)]
    fast = summed_up("ours", 2_500, 2_499.0, probes)
    assert fast.ms == {"p50": 501.0, "p99": 991.0, "p99.9": 1_000.0, "max": 1_000.0}
    slow = Latency("ours", 50_000, 31_000.0, 1_000, fast.ms)
    found = {bar.text: bar.met for bar in bars.bars([], [fast, slow])}
    assert found["2,500 events/s: max, ms"] is False
    assert found["50,000 events/s: p99, ms"] is None


def test_who_counts_wrongly_has_no_ratio():
    rows = [row("ours", 300.0), row("Kafka Streams", 900.0, correct="WRONG: 1 of 2 schedules, 2 of 3")]
    assert bars.rate_of(rows, "Kafka Streams", "skewed", "tumbling") is None


def test_a_row_that_did_not_run_says_why():
    shown = table.throughput([row("ours", 300.0), row("Kafka Streams", 0.0, failure="no javac\nhere")])
    assert shown.rows[0] == ("skewed", "tumbling", "ours", "300", "1.00", "1.0", "0.00", "10", "1,000", "exact")
    assert shown.rows[1][-1] == "not run: no javac here"
    assert all(len(cells) == len(shown.head) for cells in shown.rows)


def test_a_run_goes_on_with_what_an_earlier_one_wrote(tmp_path):
    found = Found(
        [Result("ours", "skewed", "tumbling", 10, 5.0, configuration={"settings": "defaults"})],
        [Latency("ours", 2_500, 2_499.5, 7, {"p50": 9.5, "p99": 20.0, "p99.9": 30.0, "max": 40.0})],
        [Scaled(2, 6, 5.0, 11.5, "exact")],
    )
    found.write_json(tmp_path / "earlier.json")
    assert Found.of_json(tmp_path / "earlier.json") == found


def test_the_document_gets_a_new_section_between_its_markers_and_nothing_else():
    text = f"# Peers\n{document.BEGIN}\nold\n{document.END}\nafter\n"
    part = document.section("2026-11-21", [{"processors": "2"}], [table.promises(bars.bars([], []))])
    new = document.replaced(text, part)
    assert new.startswith(f"# Peers\n{document.BEGIN}\nLast run: 2026-11-21.") and new.endswith(
        f"{document.END}\nafter\n"
    )
    assert "old" not in new and "| bar | needed | measured |" in new
    with pytest.raises(ValueError, match="expected"):
        document.replaced("no markers", part)
    document.replaced(document.DOCUMENT.read_text("utf-8"), part)


@pytest.mark.parametrize(("rate", "code"), [(301.0, 0), (300.0, 0), (299.0, 1)])
def test_the_guard_fails_below_half_of_what_was_recorded(rate: float, code: int):
    last = guard.last_line([row("aiokafka into a dict", 1_000.0), row("ours", rate)])
    assert last == {"ceiling_ratio": rate / 1_000, "events_per_second": rate}
    assert guard.exit_code(last["ceiling_ratio"], recorded=0.6) == code


def test_the_guard_fails_when_a_run_failed():
    last = guard.last_line([row("aiokafka into a dict", 1_000.0), row("ours", 0.0, failure="no Kafka")])
    assert last == {"ceiling_ratio": None, "events_per_second": None}
    assert guard.exit_code(last["ceiling_ratio"], recorded=0.6) == 1


def test_a_ratio_is_recorded():
    assert 0 < guard.recorded_ratio() < 2
