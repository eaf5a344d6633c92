"""The simulated on-sale of `ranking-app demo`. Pure, so it is tested without a broker and without waiting."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from ranking_app.demo.envelopes import SimulatedRecord
from ranking_app.demo.mishaps import malformed_values
from ranking_app.demo.simulator import Mix, OnSale
from schemas.produce_line import TopicNames

NOW_MS = 1_781_434_803_412
TOPICS = TopicNames(completed="done", cancelled="undone", catalogue="shows")
NOTHING_ELSE = Mix(cancelled=0, duplicate=0, late=0, malformed=0, reopening=0)


def on_sale(rate: float = 1000, seed: int = 1, mix: Mix | None = None, schedules: int = 200) -> OnSale:
    return OnSale(seed=seed, now_ms=NOW_MS, rate=rate, topics=TOPICS, mix=mix, schedules=schedules)


def run(sale: OnSale, seconds: float, step_ms: int = 20) -> list[SimulatedRecord]:
    steps = range(step_ms, int(seconds * 1000) + 1, step_ms)
    return [record for elapsed_ms in steps for record in sale.advance(NOW_MS + elapsed_ms)]


def events(records: list[SimulatedRecord]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Topic and envelope of everything that is an envelope."""
    for record in records:
        try:
            envelope = json.loads(record.value)
        except ValueError:
            continue
        if isinstance(envelope, dict) and isinstance(envelope.get("payload"), dict):
            yield record.topic, envelope


def capacities(records: list[SimulatedRecord]) -> dict[str, int]:
    return {
        e["payload"]["concertScheduleId"]: e["payload"]["capacity"] for topic, e in events(records) if topic == "shows"
    }


def test_the_same_seed_sells_the_same_seats() -> None:
    assert on_sale(seed=7).history(1_000) == on_sale(seed=7).history(1_000)
    assert run(on_sale(seed=7), 5) == run(on_sale(seed=7), 5)
    assert run(on_sale(seed=7), 5) != run(on_sale(seed=8), 5)


def test_the_first_step_brings_two_hundred_catalogue_records_with_distinct_ids() -> None:
    first = on_sale().advance(NOW_MS + 1)
    shows = [e["payload"] for topic, e in events(first) if topic == "shows"]
    assert len(shows) == len({show["concertScheduleId"] for show in shows}) == 200
    assert all(show["capacity"] > 0 and show["title"] and show["venue"] and show["genre"] for show in shows)
    assert any(not show["title"].isascii() for show in shows)
    assert any(show["title"].isascii() for show in shows)


def test_a_catalogue_record_is_keyed_by_its_schedule() -> None:
    shows = [r for r in on_sale().advance(NOW_MS + 1) if r.topic == "shows"]
    assert all(json.loads(r.value)["payload"]["concertScheduleId"].encode() == r.key for r in shows)


def test_the_history_lies_before_the_start_in_order_and_fits_the_seats() -> None:
    sale = on_sale(mix=NOTHING_ELSE)
    past = sale.history(10_000)
    times = [e["eventTime"] for topic, e in events(past) if topic == "done"]
    assert 5_000 < len(times) <= 10_000
    assert times == sorted(times)
    assert "2026-06-14T08:00" < times[0] < times[-1] <= "2026-06-14T11:00:03.412Z"
    sold: Counter[str] = Counter()
    for topic, e in events(past + run(sale, 3)):
        if topic != "shows":
            payload = e["payload"]
            sold[payload["concertScheduleId"]] += payload["quantity"] if topic == "done" else -payload["quantity"]
    seats = capacities(past)
    assert len(seats) == 200  # the catalogue comes with it, first
    assert all(count <= seats[show] for show, count in sold.items())


@pytest.mark.parametrize("rate", [1, 33.3, 300, 5000])
@pytest.mark.parametrize("step_ms", [7, 20, 250])
def test_the_rate_is_kept_exactly_whatever_the_steps(rate: float, step_ms: int) -> None:
    sale = on_sale(rate)
    steps = 4000 // step_ms
    records = [r for step in range(1, steps + 1) for r in sale.advance(NOW_MS + step * step_ms)]
    sold = sum(1 for r in records if r.topic != "shows")
    assert abs(sold - rate * steps * step_ms / 1000) <= 1


def test_after_a_long_absence_it_goes_on_from_now() -> None:
    sale = on_sale(rate=100)
    assert len([r for r in sale.advance(NOW_MS + 3_600_000) if r.topic != "shows"]) == 100


def test_a_clock_that_goes_back_brings_nothing_and_breaks_nothing() -> None:
    sale = on_sale(rate=100)
    run(sale, 1)
    assert sale.advance(NOW_MS) == []
    assert sale.advance(NOW_MS + 1_100)


def test_event_times_lie_in_the_step_that_brings_them() -> None:
    sale = on_sale(mix=NOTHING_ELSE)
    sale.advance(NOW_MS)
    times = [
        e["eventTime"] for _, e in events(sale.advance(NOW_MS + 588)) if e["eventType"] != "concert.schedule.created"
    ]
    assert times == sorted(times)
    assert times[0] > "2026-06-14T11:00:03.412Z"
    assert times[-1] == "2026-06-14T11:00:04.000Z"


def test_nobody_buys_before_the_sale_opens() -> None:
    records = run(on_sale(), 30)
    opens = {}
    for topic, e in events(records):
        if topic == "shows":
            opens[e["payload"]["concertScheduleId"]] = e["payload"]["saleOpensAt"]
    bought = [
        (e["payload"].get("concertScheduleId"), e["eventTime"]) for topic, e in events(records) if topic == "done"
    ]
    assert all(at >= opens[show] for show, at in bought if show is not None and at[:2] == "20")


def test_sales_stop_at_the_last_seat() -> None:
    records = run(on_sale(rate=3000, mix=NOTHING_ELSE, schedules=60), 8)
    sold: Counter[str] = Counter()
    for topic, e in events(records):
        if topic == "done":
            sold[e["payload"]["concertScheduleId"]] += e["payload"]["quantity"]
    seats = capacities(records)
    assert all(count <= seats[show] for show, count in sold.items())
    assert sum(count == seats[show] for show, count in sold.items()) > 3


def test_with_cancellations_no_show_holds_more_than_its_seats_at_any_moment() -> None:
    # Late records are held back, so they are left out: here the arrival is the order of the sales.
    records = run(on_sale(rate=2000, mix=Mix(duplicate=0, late=0, malformed=0, reopening=0.5)), 20)
    seats = capacities(records)
    sold: Counter[str] = Counter()
    reopened = set()
    full = set()
    for topic, e in events(records):
        if topic == "shows":
            continue
        payload = e["payload"]
        show = payload["concertScheduleId"]
        sold[show] += payload["quantity"] if topic == "done" else -payload["quantity"]
        assert 0 <= sold[show] <= seats[show]
        if sold[show] == seats[show]:
            full.add(show)
        elif show in full:
            reopened.add(show)
    assert len(full) > 3
    assert reopened
    assert len(reopened) < len(full)


def test_a_cancellation_hands_back_a_reservation_that_was_made() -> None:
    made: dict[str, dict[str, Any]] = {}
    undone = 0
    for topic, e in events(run(on_sale(mix=Mix(late=0, malformed=0, duplicate=0)), 20)):
        if topic == "done":
            made[e["payload"]["reservationId"]] = e["payload"]
        elif topic == "undone":
            undone += 1
            assert made.pop(e["payload"]["reservationId"]) == e["payload"]  # once, and unchanged
    assert undone > 50


def test_a_duplicate_is_the_same_record_with_the_same_key() -> None:
    by_id: dict[str, list[SimulatedRecord]] = defaultdict(list)
    for record in run(on_sale(mix=Mix(cancelled=0, late=0, malformed=0, duplicate=0.01)), 20):
        if record.topic == "done":
            by_id[json.loads(record.value)["eventId"]].append(record)
    repeated = [records for records in by_id.values() if len(records) > 1]
    assert 50 < len(repeated) < 500
    assert all(first == second for first, second in repeated)


def test_late_events_come_more_than_a_minute_after_they_happened() -> None:
    sale = on_sale(rate=100, mix=Mix(late=0.1, duplicate=0, cancelled=0, malformed=0))
    late = 0
    for elapsed_ms in range(200, 160_001, 200):
        arrived = f"{NOW_MS + elapsed_ms}"
        for topic, e in events(sale.advance(NOW_MS + elapsed_ms)):
            if topic == "done":
                happened_ms = _epoch_ms(e["eventTime"])
                late += int(arrived) - happened_ms > 60_000
    assert late > 100


def test_malformed_records_are_of_many_kinds_and_few() -> None:
    good = {
        "eventId": "e",
        "eventType": "reservation.completed",
        "eventTime": "2026-06-14T11:00:00Z",
        "payload": {"concertScheduleId": "A", "quantity": 1, "amount": 1},
    }
    made = [make(good) for make, _ in zip(malformed_values(), range(10), strict=False)]
    assert len(set(made)) == 10
    assert json.dumps(good).encode() not in made
    plain = sum(1 for _ in events(run(on_sale(mix=Mix(malformed=0.05)), 10)))
    assert plain < 10_200


def test_popularity_is_skewed() -> None:
    sold = Counter(
        e["payload"]["concertScheduleId"] for t, e in events(run(on_sale(mix=NOTHING_ELSE), 10)) if t == "done"
    )
    top = sum(count for _, count in sold.most_common(5))
    assert top > 0.3 * sum(sold.values())
    assert len(sold) > 30


def test_something_sells_out_within_twenty_seconds_at_the_usual_rate() -> None:
    sale = on_sale(rate=300)
    run(sale, 20)
    assert sale.sold_out >= 1


def test_it_never_ends_because_further_dates_are_announced() -> None:
    sale = on_sale(rate=4_000, schedules=10)
    records = run(sale, 12, step_ms=100)
    assert sum(r.topic != "shows" for r in records) == 48_000
    assert sale.sold_out > 5
    assert len(capacities(records)) > 25
    assert 25 <= len(sale.on_sale) < 100  # what cannot be bought any more is forgotten


def _epoch_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
