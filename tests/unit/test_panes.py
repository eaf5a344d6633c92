"""Folding sales into panes, and panes as bytes."""

import pytest

from ranking_app.rankings.panes import NOTHING_APPLIED, Pane, decode_pane, encode_pane, fold, parts_of
from schemas.sale import Sale

MINUTE = 29_666_667
START_S = MINUTE * 60
BIG = 2**63 - 1


def sale(offset, *, at_s=START_S, at_ms=None, quantity=1, amount=100, cancelled=False, schedule_id="A"):
    return Sale(offset, schedule_id, at_s * 1000 if at_ms is None else at_ms, quantity, amount, cancelled, None)


@pytest.fixture
def panes():
    return {}


@pytest.fixture
def pane_of(panes):
    return lambda schedule_id, minute: panes.setdefault((schedule_id, minute), Pane())


def test_a_sale_counts_in_the_second_it_happened(panes, pane_of):
    fold(pane_of, [sale(0, at_ms=START_S * 1000 + 999), sale(1, at_ms=START_S * 1000 + 1000)])
    assert panes == {("A", MINUTE): Pane(1, {START_S: [1, 0, 100], START_S + 1: [1, 0, 100]}, first=0)}


def test_a_sale_at_the_end_of_a_minute_belongs_to_the_next_pane(panes, pane_of):
    fold(pane_of, [sale(0, at_s=START_S + 59), sale(1, at_s=START_S + 60)])
    assert panes == {
        ("A", MINUTE): Pane(0, {START_S + 59: [1, 0, 100]}, first=0),
        ("A", MINUTE + 1): Pane(1, {START_S + 60: [1, 0, 100]}, first=1),
    }


def test_the_amount_is_of_the_whole_reservation_and_not_multiplied_by_its_quantity(panes, pane_of):
    fold(pane_of, [sale(0, quantity=4, amount=100)])
    assert panes["A", MINUTE].seconds == {START_S: [4, 0, 100]}


def test_a_cancellation_subtracts_at_its_own_time_also_before_the_completion(panes, pane_of):
    fold(pane_of, [sale(0, cancelled=True, quantity=2, amount=70), sale(1, at_s=START_S + 9, quantity=2, amount=70)])
    assert panes["A", MINUTE].seconds == {START_S: [0, 2, -70], START_S + 9: [2, 0, 70]}


def test_an_offset_that_a_pane_has_changes_nothing_but_its_pane_is_named(panes, pane_of):
    fold(pane_of, [sale(5), sale(7)])
    assert fold(pane_of, [sale(5), sale(7)]) == {"A": {MINUTE: Pane(7, {START_S: [2, 0, 200]}, first=5)}}


def test_the_guard_is_each_panes_own(panes, pane_of):
    panes["A", MINUTE] = Pane(10, {START_S: [1, 0, 100]}, first=10)
    fold(pane_of, [sale(9), sale(9, schedule_id="B"), sale(11)])
    assert panes["A", MINUTE] == Pane(11, {START_S: [2, 0, 200]}, first=10)
    assert panes["B", MINUTE] == Pane(9, {START_S: [1, 0, 100]}, first=9)


def test_offset_0_counts():
    assert NOTHING_APPLIED < 0


def test_each_pane_is_asked_for_once_in_a_fold():
    asked = []

    def pane_of(schedule_id, minute):
        asked.append((schedule_id, minute))
        return Pane()

    fold(pane_of, [sale(0), sale(1), sale(2, schedule_id="B"), sale(3)])
    assert asked == [("A", MINUTE), ("B", MINUTE)]


def test_a_pane_is_a_flat_list_with_its_seconds_in_order():
    pane = Pane(42, {START_S + 59: [1, 0, 5], START_S: [2, 1, -5]}, first=40)
    assert encode_pane(pane) == b"[42,40,0,2,1,-5,59,1,0,5]"
    assert parts_of(encode_pane(pane), MINUTE) == (42, 40, [(START_S, 2, 1, -5), (START_S + 59, 1, 0, 5)])
    assert decode_pane(encode_pane(pane), MINUTE) == pane


def test_a_pane_of_before_the_lowest_offset_was_kept_reads_back_and_never_claims_one(panes, pane_of):
    old = b"[42,0,2,1,-5]"
    panes["A", MINUTE] = decode_pane(old, MINUTE)
    assert panes["A", MINUTE] == Pane(42, {START_S: [2, 1, -5]}, first=None)
    assert encode_pane(panes["A", MINUTE]) == old
    fold(pane_of, [sale(43)])
    assert encode_pane(panes["A", MINUTE]) == b"[43,0,3,1,95]"


def test_the_lowest_offset_is_that_of_the_first_sale_of_the_pane_not_of_the_fold(panes, pane_of):
    fold(pane_of, [sale(4, schedule_id="B"), sale(7), sale(9)])
    fold(pane_of, [sale(9), sale(12), sale(15, schedule_id="B")])
    assert (panes["A", MINUTE].first, panes["A", MINUTE].applied) == (7, 12)
    assert (panes["B", MINUTE].first, panes["B", MINUTE].applied) == (4, 15)


def test_an_empty_pane_keeps_its_guard():
    assert encode_pane(Pane(3)) == b"[3]"
    assert decode_pane(b"[3]", MINUTE) == Pane(3)
    assert decode_pane(b"[3,3]", MINUTE) == Pane(3, first=3)


@pytest.mark.parametrize("amount", [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**30])
def test_an_amount_of_any_size_reads_back(amount):
    pane = Pane(1, {START_S: [1, 0, amount]})
    assert decode_pane(encode_pane(pane), MINUTE) == pane


def test_sums_beyond_64_bits_are_exact(panes, pane_of):
    fold(pane_of, [sale(0, amount=BIG), sale(1, amount=BIG), sale(2, amount=BIG)])
    assert decode_pane(encode_pane(panes["A", MINUTE]), MINUTE).seconds == {START_S: [3, 0, 3 * BIG]}


@pytest.mark.parametrize(
    "value",
    [b"", b"{}", b"[]", b"[1,2]", b"[1,-1]", b"[1,0,0]", b"[1,0,0,0]",
     b"[1,0,1,0,1.5]", b"[1,0,1,0,null]", b'[1,0,1,0,"x"]', b"[1,60,1,0,1]",
     b"[1,-1,1,0,1]", b"[true,0,1,0,1]", b"[1,5,1,0,1,4,1,0,1]",
     b"[3,2,60,1,0,1]", b"[3,4,0,1,0,1]", b"[3,null,0,1,0,1]"],
)  # fmt: skip
def test_what_is_no_pane_is_refused(value):
    with pytest.raises(ValueError, match=r".+"):
        parts_of(value, MINUTE)
