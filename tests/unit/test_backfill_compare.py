"""Two generations compared: equal ones are equal, and what differs is named, down to the source offsets."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from ranking_app.backfill.compare import BOARDS, compare, instants_between, seconds_of
from ranking_app.backfill.differences import MAX_MINUTES, MAX_ROWS, Differences
from ranking_app.backfill.show_differences import as_json_lines, as_text, show, summary
from ranking_app.backfill.trace import Trace
from ranking_app.clock import ManualClock
from ranking_app.rankings.boards.sales import SalesBoard
from ranking_app.rankings.boards.sell_out import SellOutBoard
from ranking_app.rankings.curve import Totals
from ranking_app.rankings.panes import Pane, encode_pane, fold
from ranking_app.read_model.sources import SourceKey
from ranking_app.read_model.state import ReadModel, ReadRules
from schemas.sale import Sale
from tables.layout import pane_key, position_key
from tables.position import Position

START_S = 1_780_000_020  # a whole minute
MINUTE = START_S // 60
FROM_EVER_S, FOREVER_S = 0, 2**40


class Event(NamedTuple):
    """One event as a generation counted it."""

    schedule_id: str
    at_s: int
    offset: int
    quantity: int = 1
    amount: int = 100
    cancelled: bool = False
    role: int = 0
    partition: int = 0


def model_of(events: Iterable[Event], capacities: dict[str, int] | None = None, partitions: int = 3) -> ReadModel:
    """A read model that followed a changelog into which these were folded, by offset on each partition."""
    rules = ReadRules(
        ("done", "gone", "listed"), partitions, "wall", ZoneInfo("UTC"), 60_000, 60_000, 65_536, 300_000
    )  # fmt: skip
    model = ReadModel(rules, ManualClock(START_S * 1000))
    by_source: dict[SourceKey, list[Sale]] = {}
    for event in sorted(events, key=lambda event: event.offset):
        sale = Sale(
            event.offset, event.schedule_id, event.at_s * 1000, event.quantity, event.amount, event.cancelled, None
        )
        by_source.setdefault(SourceKey(event.role, event.partition), []).append(sale)
    for (role, partition), sales in by_source.items():
        for schedule_id, panes in fold(lambda *_: Pane(), sales).items():
            for minute, pane in panes.items():
                model.apply_change(partition, pane_key(role, partition, minute, schedule_id), encode_pane(pane))
        newest_ms = max(sale.at_ms for sale in sales)
        position = Position(sales[-1].offset + 1, newest_ms, counted=len(sales))
        model.apply_change(partition, position_key(role, partition), position.encode())
    for offset, (schedule_id, capacity) in enumerate((capacities or {}).items()):
        listing = {
            "eventId": schedule_id,
            "eventType": "concert.schedule.created",
            "payload": {"concertScheduleId": schedule_id, "capacity": capacity},
        }
        model.apply_listing(schedule_id.encode(), json.dumps(listing).encode(), offset, START_S * 1000)
    model.changed()
    return model


SOLD = [
    Event("A", START_S + 5, 10),
    Event("A", START_S + 5, 11, partition=1),
    Event("A", START_S + 130, 14, quantity=2, amount=700),
    Event("B", START_S + 7, 12, quantity=3, amount=300),
    Event("B", START_S + 65, 20, cancelled=True, role=1, partition=2),
    Event("콘서트", START_S + 3_700, 21, quantity=4),
]
CAPACITIES = {"A": 4, "B": 3, "unsold": 5}
END_S = START_S + 4_000
INSTANTS = instants_between(START_S, END_S, 10)


def difference(old: Iterable[Event], new: Iterable[Event], **more: Any) -> tuple[Differences, Trace]:
    models = model_of(old, CAPACITIES), model_of(new, CAPACITIES)
    return compare(*models, INSTANTS, **more), Trace(*models, more.get("until_s"))


def without(*events: Event) -> list[Event]:
    return [event for event in SOLD if event not in events]


def test_models_of_the_same_events_are_equal_and_everything_was_looked_at() -> None:
    differences, _ = difference(SOLD, SOLD)
    assert differences.equal
    assert differences.schedule_ids == set()
    compared = differences.compared
    assert (compared.schedules, compared.seconds, compared.instants) == (4, 5, len(INSTANTS))
    assert compared.boards == len(BOARDS) * len(INSTANTS)
    assert compared.rows > compared.boards


def test_models_without_anything_are_equal() -> None:
    assert compare(model_of([]), model_of([]), []).equal


def test_an_event_that_is_missing_is_named_with_its_minute_pane_and_offsets() -> None:
    missing = Event("A", START_S + 130, 14, quantity=2, amount=700)
    differences, trace = difference(SOLD, without(missing))
    (curve,) = differences.curves
    assert (curve.schedule_id, curve.seconds, curve.minutes_count) == ("A", 1, 1)
    assert (curve.old, curve.new) == (Totals(4, 0, 900), Totals(2, 0, 200))
    (minute,) = curve.minutes
    assert (minute.minute, minute.seconds, minute.old, minute.new) == (
        MINUTE + 2, 1, Totals(2, 0, 700), Totals(0, 0, 0),
    )  # fmt: skip
    (pane,) = trace.panes("A", MINUTE + 2)
    assert (pane.source, pane.verdict, pane.new) == (SourceKey(0, 0), "only in old", None)
    assert pane.old is not None
    assert (pane.old.topic, pane.old.first, pane.old.applied) == ("done", 14, 14)
    assert pane.old.seconds == ((START_S + 130, Totals(2, 0, 700)),)


def test_only_what_differs_is_named() -> None:
    differences, trace = difference(SOLD, without(SOLD[1]))
    assert differences.schedule_ids == {"A"}
    panes = trace.panes("A", MINUTE)
    assert [(pane.source.partition, pane.verdict) for pane in panes] == [(0, "same"), (1, "only in old")]
    assert {found.as_of_s for found in differences.boards} <= set(INSTANTS)


def test_an_event_counted_twice_is_named() -> None:
    twice = SOLD[3]._replace(offset=13)
    differences, trace = difference(SOLD, [*SOLD, twice])
    (curve,) = differences.curves
    assert (curve.schedule_id, curve.old, curve.new) == ("B", Totals(3, 1, 200), Totals(6, 1, 500))
    (pane,) = trace.panes("B", MINUTE)
    assert pane.verdict == "differs"
    assert pane.old is not None and pane.new is not None
    assert (pane.old.first, pane.old.applied, pane.new.first, pane.new.applied) == (12, 12, 12, 13)


def test_an_event_in_another_second_of_the_same_minute_differs_in_two_seconds() -> None:
    moved = SOLD[3]._replace(at_s=START_S + 8)
    differences, trace = difference(SOLD, [*without(SOLD[3]), moved])
    (curve,) = differences.curves
    assert (curve.schedule_id, curve.seconds, curve.minutes_count) == ("B", 2, 1)
    assert curve.old == curve.new
    assert curve.minutes[0].old == curve.minutes[0].new == Totals(3, 0, 300)
    (pane,) = trace.panes("B", MINUTE)
    assert pane.verdict == "differs", "its totals are the same, its seconds are not"
    stands = [(found.as_of_s, found.old.sold_out_at_s, found.new.sold_out_at_s) for found in differences.stands]
    assert stands[0] == (INSTANTS[0], START_S + 7, START_S + 8)
    assert len(stands) == len(INSTANTS)


def test_an_event_with_another_amount_differs_in_the_amount_alone() -> None:
    differences, _ = difference(SOLD, [*without(SOLD[5]), SOLD[5]._replace(amount=101)])
    (curve,) = differences.curves
    assert (curve.old, curve.new) == (Totals(4, 0, 100), Totals(4, 0, 101))
    assert {found.board for found in differences.boards} == {SalesBoard(w, "amount") for w in (3_600, 86_400, None)}
    assert not differences.stands


def test_a_cancellation_that_is_missing_changes_the_status() -> None:
    differences, _ = difference(SOLD, without(SOLD[4]))
    first = differences.stands[0]
    assert (first.schedule_id, first.old.status, first.new.status) == ("B", "reopened", "soldOut")
    assert first.as_of_s == next(at_s for at_s in INSTANTS if at_s > START_S + 65)
    assert SellOutBoard(None, "soldOut") in {found.board for found in differences.boards}


def test_a_board_that_differs_names_place_and_both_rows_and_what_they_came_from() -> None:
    differences, trace = difference(SOLD, without(SOLD[3]))
    board = next(found for found in differences.boards if found.board == SalesBoard(None))
    first, second = board.rows
    assert (board.as_of_s, board.rows_count) == (START_S + 60, 2)
    assert (first.old, first.new) == ((1, "B", 3), (1, "A", 2))
    assert (second.place, second.old, second.new) == (1, (2, "A", 2), None)
    assert trace.causes(board, first) == [("B", MINUTE)]
    assert trace.causes(board, second) == [], "A is where B has left it"


def test_a_sale_after_a_boards_instant_is_no_cause_of_it() -> None:
    differences, trace = difference(SOLD, [*without(SOLD[3]), Event("A", START_S + 3_900, 30)])
    board = next(found for found in differences.boards if found.board == SalesBoard(None))
    assert board.as_of_s == START_S + 60
    assert [trace.causes(board, row) for row in board.rows] == [[("B", MINUTE)], []]


def test_a_sale_before_a_boards_window_is_no_cause_of_it() -> None:
    extra = Event("A", START_S + 3_900, 30, partition=2)
    differences, trace = difference(without(SOLD[0]), [*SOLD, extra])
    hour = next(f for f in differences.boards if f.board == SalesBoard(3_600) and f.as_of_s == END_S)
    assert [trace.causes(hour, row) for row in hour.rows if row.new and row.new.schedule_id == "A"] == [
        [("A", MINUTE + 65)]
    ]


def test_the_same_sales_from_other_offsets_and_partitions_are_equal_and_the_trace_says_so() -> None:
    other = [event._replace(offset=event.offset + 7, partition=(event.partition + 3) % 6) for event in SOLD]
    models = model_of(SOLD, CAPACITIES), model_of(other, CAPACITIES, partitions=6)
    assert compare(*models, INSTANTS).equal
    panes = Trace(*models).panes("B", MINUTE)
    assert [(pane.source, pane.verdict) for pane in panes] == [
        (SourceKey(0, 0), "only in old"),
        (SourceKey(0, 3), "only in new"),
    ]
    models = model_of(SOLD), model_of([event._replace(offset=event.offset + 7) for event in SOLD])
    assert [pane.verdict for pane in Trace(*models).panes("B", MINUTE)] == ["other offsets"]


def test_seconds_from_the_cut_on_are_not_compared_and_instants_after_it_are_left_out() -> None:
    late = Event("B", START_S + 90, 30)
    equal, trace = difference(SOLD, [*SOLD, late], until_s=START_S + 90)
    assert equal.equal
    assert equal.compared.instants == len([at_s for at_s in INSTANTS if at_s <= START_S + 90])
    assert [pane.verdict for pane in trace.panes("B", MINUTE + 1)] == ["same"], "the late pane was not compared"
    assert not difference(SOLD, [*SOLD, late], until_s=START_S + 91)[0].equal


def test_numbers_beyond_machine_integers_are_compared_too() -> None:
    huge = Event("A", START_S + 9, 40, quantity=2**40, amount=2**70)
    assert difference([*SOLD, huge], [*SOLD, huge])[0].equal
    differences, _ = difference([*SOLD, huge], [*SOLD, huge._replace(amount=2**70 + 1)])
    (curve,) = differences.curves
    assert curve.new.amount - curve.old.amount == 1


def test_a_second_in_which_nothing_happened_is_none() -> None:
    model = model_of(SOLD)
    model.apply_change(0, pane_key(0, 0, MINUTE + 9, "A"), encode_pane(Pane(50, {(MINUTE + 9) * 60: [0, 0, 0]})))
    assert compare(model_of(SOLD), model, INSTANTS).equal
    assert len(seconds_of(model.schedules["A"].curve, FROM_EVER_S, FOREVER_S)) == 2


def test_a_generation_without_anything_differs_in_every_schedule_and_says_so_in_bounded_lists() -> None:
    many = [Event("S", START_S + 60 * number, number) for number in range(3 * MAX_MINUTES)]
    many += [Event(f"S{number}", START_S + number, 100 + number, quantity=number + 1) for number in range(50)]
    models = model_of(many), model_of([])
    differences = compare(*models, [END_S])
    assert len(differences.curves) == 51
    assert (differences.curves[0].minutes_count, len(differences.curves[0].minutes)) == (30, MAX_MINUTES)
    assert {(found.rows_count, len(found.rows)) for found in differences.boards if found.board.name == "sales"} >= {
        (51, MAX_ROWS)
    }
    lines = list(as_text(differences, Trace(*models), limit=2))
    assert [line.split(":")[0] for line in lines if line.startswith("schedule ")] == ["schedule S", "schedule S0"]
    assert "… and 20 more: minutes of this schedule" in lines
    assert "… and 49 more: schedules sold differently" in lines
    assert sum(line.startswith("board ") for line in lines) == 2


def test_only_the_first_rows_of_a_board_are_compared() -> None:
    sold = [Event(f"S{number}", START_S, number, quantity=10 - number) for number in range(5)]
    models = model_of(sold), model_of([*sold[:4], sold[4]._replace(quantity=1)])
    assert not compare(*models, [END_S], top=4).boards
    assert compare(*models, [END_S], top=5).boards


@pytest.mark.parametrize(("first_s", "last_s", "count"), [(0, 10, 0), (10, 9, 3)])
def test_there_are_no_instants_in_a_span_that_is_none(first_s: int, last_s: int, count: int) -> None:
    with pytest.raises(ValueError, match="at least one instant"):
        instants_between(first_s, last_s, count)


def test_the_summary_says_how_much_was_compared_and_that_it_is_equal() -> None:
    differences, trace = difference(SOLD, SOLD, until_s=END_S)
    lines: list[str] = []
    assert show(differences, trace, lines.append, limit=5, as_json=False)
    assert lines == summary(differences)
    assert lines[0] == "compared  4 schedules, 5 seconds with sales (seconds before 2026-05-28T21:33:40Z)"
    assert lines[-1] == "equal"


def test_text_leads_from_a_schedule_to_the_offsets() -> None:
    differences, trace = difference(SOLD, without(SOLD[2]))
    text = "\n".join(as_text(differences, trace))
    assert "schedule A: 1 seconds in 1 minutes differ; old +4 -0 amount 900, new +2 -0 amount 200; sold -2" in text
    assert "only in old: old done[0] offsets 14..14 (+2 -0 amount 700)" in text
    assert "status soldOut -> selling" in text
    assert "board sell-out all status=soldOut" in text


def test_the_panes_of_a_schedule_that_is_not_shown_stand_under_the_row_of_a_board() -> None:
    lines = list(as_text(*difference(SOLD, without(SOLD[0], SOLD[3])), limit=1))
    at = next(number for number, line in enumerate(lines) if line.startswith("board sales"))
    assert lines[at].endswith("because of B minute 2026-05-28T20:27:00Z, A minute 2026-05-28T20:27:00Z")
    assert lines[at + 1] == "    only in old: old done[0] offsets 12..12 (+3 -0 amount 300)"


def test_text_escapes_what_a_terminal_would_act_on() -> None:
    text = "\n".join(as_text(*difference(SOLD, [*SOLD, Event("x\x1b[2J\n\u202e", START_S, 30)])))
    assert r"x\u001b[2J\n\u202e" in text
    assert "\x1b" not in text and "\u202e" not in text


def test_json_has_one_object_a_line_and_the_panes_stand_with_every_row() -> None:
    differences, trace = difference(SOLD, without(SOLD[3]))
    lines = [json.loads(line) for line in as_json_lines(differences, trace, limit=1)]
    assert [line["kind"] for line in lines] == ["summary", "schedule", "standing", "boardRow"]
    summary_, schedule, standing, row = lines
    assert not summary_["equal"] and summary_["differentSchedules"] == 1
    assert schedule["minutes"][0]["panes"][0]["old"]["firstOffset"] == 12
    assert standing["old"]["milestone100"] == "2026-05-28T20:27:07Z" and standing["new"]["milestone100"] is None
    (cause,) = row["because"]
    assert cause["panes"][0]["verdict"] == "only in old"
