"""The converter of the purchases, and how they are laid out on partitions."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support import retail as module
from tests.support.arrival import Placed, Topics, as_records, invented_catalogue, round_robin
from tests.support.oracle import Oracle
from tests.support.oracle_events import Rules
from tests.support.retail import Event, RetailFileMissing, event_id, pence, to_events
from tests.support.retail_lookalike import lookalike_rows

ROW = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": "HOLDER",
    "Quantity": "6",
    "InvoiceDate": "2010-12-01 08:26:00",
    "UnitPrice": "2.55",
    "CustomerID": "17850.0",
    "Country": "United Kingdom",
}
RULES = Rules(now_ms=1_800_000_000_000)


def converted(**changes: str) -> list[Event]:
    return list(to_events([ROW | changes]))


def test_a_purchase_becomes_a_completed_reservation() -> None:
    (event,) = converted()
    assert json.loads(event.value) == {
        "eventId": event_id(2),
        "eventType": "reservation.completed",
        "eventTime": "2010-12-01T08:26:00Z",
        "payload": {
            "reservationId": "536365:2",
            "concertScheduleId": "85123A",
            "userId": "17850.0",
            "quantity": 6,
            "amount": 1530,
        },
    }


def test_a_cancellation_has_the_absolute_quantity_and_amount() -> None:
    (event,) = converted(InvoiceNo="C536379", Quantity="-3", CustomerID="")
    value = json.loads(event.value)
    assert value["eventType"] == "reservation.cancelled"
    assert (value["payload"]["quantity"], value["payload"]["amount"]) == (3, 765)
    assert value["payload"]["userId"] == "C536379"


@pytest.mark.parametrize("quantity", ["0", "-5"])
def test_a_line_that_is_neither_is_skipped(quantity: str) -> None:
    assert converted(Quantity=quantity) == []


@pytest.mark.parametrize("changes", [{"Quantity": "10001"}, {"UnitPrice": "-0.01"}])
def test_a_line_out_of_bounds_is_converted_and_bad(changes: dict[str, str]) -> None:
    (event,) = converted(**changes)
    verdict = Oracle(as_records([Placed("reservation.completed", 0, event.value)]), RULES).verdict
    assert len(verdict.bad) == 1


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [(1, "0.005", 1), (1, "0.0049", 0), (3, "0.065", 20), (1, "-11062.06", -1_106_206)],
)
def test_half_a_penny_is_rounded_up(quantity: int, price: str, expected: int) -> None:
    assert pence(quantity, price) == expected


def test_every_line_has_an_id_of_its_own() -> None:
    rows = [ROW] * 1_000  # exact repeats in the file are events of their own
    assert len({json.loads(event.value)["eventId"] for event in to_events(rows)}) == 1_000


def test_without_the_file_the_stream_is_generated_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "DATA_FILE", tmp_path / "missing.csv.gz")
    monkeypatch.delenv("CI", raising=False)
    assert "GENERATED" in module.source_notice()
    assert "GENERATED" in module.pytest_report_header()


def test_ci_demands_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "DATA_FILE", tmp_path / "missing.csv.gz")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RetailFileMissing):
        module.retail.__wrapped__()


def test_the_generated_stream_has_the_shape_of_the_real_one() -> None:
    rows = list(lookalike_rows(50_000))
    assert rows == list(lookalike_rows(50_000))
    times = [row["InvoiceDate"] for row in rows]
    assert times == sorted(times) and times[0][:10] == "2010-12-01" and times[-1][:7] == "2011-12"
    events = list(to_events(rows))
    assert 0.01 < sum(event.cancelled for event in events) / len(rows) < 0.03
    assert 0 < len(rows) - len(events) < 500
    assert len({event.schedule for event in events}) > 3_000


def test_the_layout_is_round_robin_with_stragglers_retries_and_garbage() -> None:
    topics = Topics()
    events = list(to_events(lookalike_rows(20_000)))
    placed = round_robin(events, topics, seed=1)
    assert placed == round_robin(events, topics, seed=1)
    assert len(placed) == len(events) + 1_000 + 70
    per_partition = Counter((record.topic, record.partition) for record in placed)
    assert len(per_partition) == 6 and max(per_partition.values()) < len(placed) * 0.36
    totals = Oracle(as_records(placed), RULES).totals()
    assert totals["duplicates"] > 950 and totals["deadLetters"] >= 77 and totals["late"] > 100


def test_the_disorder_changes_no_board() -> None:
    topics = Topics()
    events = list(to_events(lookalike_rows(5_000)))
    in_order = [Placed(topics.completed, 0, event.value) for event in events]
    tidy, disordered = (Oracle(as_records(some), RULES) for some in (in_order, round_robin(events, topics, seed=2)))
    as_of_s = tidy.live_as_of_s()
    assert tidy.sales_board(None, as_of_s) == disordered.sales_board(None, as_of_s)


def test_the_invented_catalogue_brings_every_status() -> None:
    topics = Topics()
    events = list(to_events(lookalike_rows(20_000)))
    placed = [*invented_catalogue(events, topics, seed=3), *round_robin(events, topics, seed=3)]
    found = Oracle(as_records(placed), RULES)
    board = found.sales_board(None, found.live_as_of_s())
    assert {entry["status"] for entry in board["entries"]} == {"selling", "soldOut", "reopened"}
    assert any(entry["capacity"] is None for entry in board["entries"])


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (Placed("t", 1, b'{"a": 1}'), {"topic": "t", "partition": 1, "key": None, "value": {"a": 1}}),
        (Placed("t", 0, None, key="k"), {"topic": "t", "partition": 0, "key": "k", "value": None}),
        (
            Placed("t", 0, b"not json", garbage=True),
            {"topic": "t", "partition": 0, "key": None, "raw": "not json"},
        ),
    ],
)
def test_lines_for_produce(record: Placed, line: dict[str, object]) -> None:
    assert json.loads(record.line()) == line
