"""`produce --rate N`: even, exact in the long run, and without bursts."""

import itertools
import math

import pytest

from ranking_app.errors import WrongUse
from ranking_app.pacing import BURST_S, LARGEST_DEBT_S, SLICE_S, Pacer, WrongRate


def drive(pacer: Pacer, seconds: float, *, oversleeps_s: float = 0.0) -> list[tuple[float, int]]:
    """Call it as a sender does, each pause longer than asked by oversleeps_s; returns (when, how many)."""
    now_s, slices = 0.0, []
    while now_s < seconds:
        if taken := pacer.take(now_s):
            slices.append((now_s, taken))
        now_s += pacer.pause_s(now_s) + oversleeps_s
    return slices


@pytest.mark.parametrize("rate", [0.5, 3, 100, 2_500, 60_000])
@pytest.mark.parametrize("oversleeps_s", [0.0, 0.001, 0.004])
def test_the_rate_is_kept(rate: float, oversleeps_s: float) -> None:
    sent = sum(count for _, count in drive(Pacer(rate, 0.0), 20, oversleeps_s=oversleeps_s))
    assert sent == pytest.approx(rate * 20, abs=1 + rate * 2 * (SLICE_S + oversleeps_s))


@pytest.mark.parametrize("rate", [100, 2_500, 60_000])
def test_no_slice_is_a_burst(rate: float) -> None:
    slices = drive(Pacer(rate, 0.0), 5, oversleeps_s=0.004)
    assert max(count for _, count in slices) <= max(1, math.ceil(rate * BURST_S))
    assert BURST_S <= 0.020


def test_a_slow_rate_is_evenly_spaced() -> None:
    times = [at_s for at_s, _ in drive(Pacer(10, 0.0), 2)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(gap == pytest.approx(0.1, abs=0.006) for gap in gaps)


def test_a_short_delay_is_made_up_for_in_small_slices() -> None:
    pacer = Pacer(1_000, 0.0)
    assert pacer.take(0.0) == 1
    late = [pacer.take(0.2 + step * SLICE_S) for step in range(100)]
    assert max(late) <= 10
    assert sum(late) == pytest.approx(1_000 * (0.2 + 99 * SLICE_S), abs=1)


def test_a_long_delay_is_forgiven() -> None:
    pacer = Pacer(1_000, 0.0)
    pacer.take(0.0)
    after = sum(pacer.take(60.0 + step * SLICE_S) for step in range(200))  # one second
    assert after <= 1_000 * (1 + LARGEST_DEBT_S) + 1


def test_no_more_is_taken_than_there_is() -> None:
    pacer = Pacer(10_000, 0.0)
    assert pacer.take(0.1, most=3) == 3
    assert pacer.take(0.1, most=1_000) == 100


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
def test_a_rate_that_is_none_is_wrong_use(rate: float) -> None:
    with pytest.raises(WrongRate, match="--rate"):
        Pacer(rate, 0.0)
    assert issubclass(WrongRate, WrongUse)
