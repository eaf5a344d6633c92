"""The boards, with numbers to check by hand."""

from ranking_app.rankings.entries import Entry, first_around, page
from ranking_app.rankings.ranks import ranks_of
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.ties import Ties
from ranking_app.rankings.windows import Window
from tests.property.events import listing
from tests.support.boards import ranked as ranked_of
from tests.support.boards import sales_board, sell_out_board
from tests.unit.test_curve import T, curve_of

MINUTE_WINDOW = Window(T, T + 60)


def schedule(schedule_id, *cells, capacity=None, opens_s=None):
    opens_ms = None if opens_s is None else (T + opens_s) * 1000
    found = None if capacity is None else listing(capacity, opens_ms, schedule_id)
    return Schedule(schedule_id, curve_of(*cells), found)


def ids(ranked):
    return [entry.schedule.id for entry in page(ranked, "standard", 0, 1_000)]


def test_an_entry_has_quantity_amount_and_cancelled_of_the_window_and_sold_of_everything_before():
    one = schedule("A", (-30, 50, 0, 5_000), (10, 40, 0, 4_000), (20, 5, 3, 200), (60, 9, 9, 9), capacity=100)
    assert page(sales_board([one], MINUTE_WINDOW, "quantity"), "standard", 0, 10) == [
        Entry(
            rank=1, schedule=one, share_percent=100.0, detail=None, score=42, sold=92, cancelled=3, quantity=42,
            amount=4_200, capacity=100, sold_ratio=0.92, status="selling", sold_out_at_s=None, sell_out_seconds=None,
        )
    ]  # fmt: skip


def test_the_score_by_amount_is_the_net_amount():
    cheap, dear = schedule("cheap", (10, 9, 0, 90)), schedule("dear", (10, 1, 0, 100))
    assert ids(sales_board([cheap, dear], MINUTE_WINDOW, "amount")) == ["dear", "cheap"]
    assert ids(sales_board([cheap, dear], MINUTE_WINDOW, "quantity")) == ["cheap", "dear"]
    assert page(sales_board([dear], MINUTE_WINDOW, "amount"), "standard", 0, 1)[0].score == 100


def test_entries_with_a_score_of_0_or_less_are_not_on_a_sales_board():
    nothing = schedule("nothing", (10, 2, 2, 0))
    negative = schedule("negative", (10, 1, 2, -5))
    free = schedule("free", (10, 1, 0, 0))
    unsold = schedule("unsold", capacity=10)
    assert ids(sales_board([nothing, negative, free, unsold], MINUTE_WINDOW, "quantity")) == ["free"]
    assert ids(sales_board([nothing, negative, free, unsold], MINUTE_WINDOW, "amount")) == []


def test_equal_scores_are_ordered_by_the_second_of_their_last_completed_sale_inside_the_window():
    early = schedule("z", (10, 2, 0, 0), (70, 1, 0, 0))  # the later one is outside
    late = schedule("a", (5, 1, 0, 0), (11, 1, 0, 0))
    early_then_cancelled = schedule("m", (9, 3, 0, 0), (50, 0, 1, 0))  # a cancellation is no sale
    assert ids(sales_board([late, early, early_then_cancelled], MINUTE_WINDOW, "quantity")) == ["m", "z", "a"]


def test_equals_in_the_same_second_are_ordered_by_id_in_code_point_order():
    names = ["a", "B", "10", "9", "Ä", "\U0001f3b8", "\ufb01"]
    found = ids(sales_board([schedule(name, (10, 1, 0, 0)) for name in names], MINUTE_WINDOW, "quantity"))
    assert found == ["10", "9", "B", "a", "Ä", "\ufb01", "\U0001f3b8"]  # not as in UTF-16, nor in any language


def test_a_board_of_all_is_of_everything_before_its_end():
    one = schedule("A", (-5_000, 3, 0, 0), (59, 1, 0, 0), (60, 1, 0, 0))
    assert page(sales_board([one], Window(None, T + 60), "quantity"), "standard", 0, 1)[0].score == 4


def test_one_sorted_board_serves_every_tie_mode_and_page():
    ranked = sales_board(
        [schedule(name, (10, score, 0, 0)) for name, score in zip("abcd", (9, 7, 7, 3), strict=True)],
        MINUTE_WINDOW,
        "quantity",
    )
    assert len(ranked) == 4
    expected_ranks: dict[Ties, list[int]] = {
        "standard": [1, 2, 2, 4],
        "dense": [1, 2, 2, 3],
        "ordinal": [1, 2, 3, 4],
    }
    for ties, expected in expected_ranks.items():
        assert [entry.rank for entry in page(ranked, ties, 0, 10)] == expected
        assert [entry.rank for entry in page(ranked, ties, 2, 1)] == expected[2:3]
        assert page(ranked, ties, 4, 10) == []


FAST = schedule("fast", (10, 5, 0, 50), capacity=5, opens_s=0)
SLOW = schedule("slow", (30, 5, 0, 50), capacity=5, opens_s=0)
REOPENED = schedule("reopened", (5, 5, 0, 50), (40, 0, 1, -10), capacity=5, opens_s=0)
SELLING = schedule("selling", (10, 4, 0, 40), capacity=5, opens_s=0)
UNKNOWN = schedule("unknown", (10, 400, 0, 40))
ALL = [SLOW, REOPENED, SELLING, UNKNOWN, FAST]


def test_the_sell_out_board_has_those_that_are_still_sold_out_fastest_first():
    assert ids(sell_out_board(ALL, Window(None, T + 60), "soldOut")) == ["fast", "slow"]


def test_status_any_keeps_reopened_ones():
    assert ids(sell_out_board(ALL, Window(None, T + 60), "any")) == ["reopened", "fast", "slow"]


def test_still_sold_out_means_at_the_end_of_the_window():
    assert ids(sell_out_board(ALL, Window(None, T + 40), "soldOut")) == ["reopened", "fast", "slow"]
    assert ids(sell_out_board(ALL, Window(None, T + 30), "soldOut")) == ["reopened", "fast"]


def test_sold_out_at_must_be_inside_the_window_on_the_sell_out_board():
    assert ids(sell_out_board(ALL, Window(T + 10, T + 30), "soldOut")) == ["fast"]
    assert ids(sell_out_board(ALL, Window(T + 11, T + 31), "soldOut")) == ["slow"]
    assert ids(sell_out_board(ALL, Window(T + 11, T + 30), "soldOut")) == []


def test_an_entry_of_the_sell_out_board_has_its_totals_of_everything_before():
    one = schedule("A", (0, 4, 1, 30), (30, 2, 0, 20), capacity=5)
    assert page(sell_out_board([one], Window(T + 30, T + 60), "soldOut"), "standard", 0, 1) == [
        Entry(
            rank=1, schedule=one, share_percent=None, detail=None, score=30, sold=5, cancelled=1, quantity=5, amount=50,
            capacity=5, sold_ratio=1.0, status="soldOut", sold_out_at_s=T + 30, sell_out_seconds=30,
        )
    ]  # fmt: skip


def test_equal_sell_out_seconds_are_ties_ordered_by_sold_out_at_and_then_id():
    later = schedule("a", (20, 1, 0, 0), capacity=1, opens_s=10)
    first = schedule("c", (10, 1, 0, 0), capacity=1, opens_s=0)
    same = schedule("b", (10, 1, 0, 0), capacity=1, opens_s=0)
    early_bird = schedule("d", (10, 1, 0, 0), capacity=1, opens_s=15)  # sold out before it opened
    ranked = sell_out_board([later, first, same, early_bird], Window(None, T + 60), "soldOut")
    entries = page(ranked, "standard", 0, 10)
    assert [(entry.schedule.id, entry.score, entry.rank) for entry in entries] == [
        ("d", -5, 1), ("b", 10, 2), ("c", 10, 2), ("a", 10, 2)
    ]  # fmt: skip


def test_ranks_of_a_schedule_are_by_quantity_with_standard_ties_at_the_same_as_of():
    first = schedule("first", (0, 9, 0, 0), (3_000, 1, 0, 0), capacity=10, opens_s=0)
    equal = schedule("equal", (0, 9, 0, 0), (3_000, 1, 0, 0))
    recent = schedule("recent", (3_700, 2, 0, 0), capacity=2, opens_s=3_699)
    both = [first, equal, recent]
    as_of_s = T + 3_701
    found = {one.id: ranks_of(one, lambda board: ranked_of(board, both, as_of_s)) for one in both}
    assert [(r.sales_1h, r.sales_24h, r.sales_all, r.sell_out) for r in found.values()] == [
        (2, 1, 1, 2),
        (2, 1, 1, None),
        (1, 3, 3, 1),
    ]
    assert ranks_of(recent, lambda board: ranked_of(board, both, T + 3_700)).sales_all is None


def test_shares_are_of_all_scores_rounded_down_to_2_decimals():
    ranked = sales_board([schedule(name, (10, score, 0, 0)) for name, score in zip("abc", (4, 2, 1), strict=True)],
                         MINUTE_WINDOW, "quantity")  # fmt: skip
    assert [entry.share_percent for entry in page(ranked, "standard", 0, 10)] == [57.14, 28.57, 14.28]
    assert [entry.share_percent for entry in page(ranked, "standard", 1, 1)] == [28.57], "of the board, not of the page"


def test_the_entries_around_one_end_where_the_board_does():
    assert first_around(10, 5, 2) == (3, 5)
    assert first_around(10, 0, 2) == (0, 3)
    assert first_around(10, 9, 2) == (7, 3)
    assert first_around(1, 0, 100) == (0, 1)
