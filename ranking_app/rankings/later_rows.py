"""Rows of many schedules at once, made ready to be put behind those that each has: all sums are made together.

Put one by one, a pane of one cell takes some 5 us; of a backlog of 100,000 schedules nearly every event is one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

_APART = np.int64(2**40)
"""Between the sums of two schedules, so that one running maximum serves all of them."""

MOST = 2**31
"""Rows with larger numbers are put one by one: sums of these fit everywhere here."""

MOST_SCHEDULES = 2**20
"""In one go: as many times _APART fit into 64 bits."""


@dataclass(frozen=True, slots=True)
class LaterRows:
    """Of one schedule, in the order of seconds; a few may share one. At least one row.

    completed, cancelled, amount: running sums from 0. peak: the most that was sold, of these rows alone, at the end of
    any second so far; negative where more was cancelled.
    """

    seconds: NDArray[np.uint32]
    sources: Sequence[int]
    completed: Numbers
    cancelled: Numbers
    amount: Numbers
    peak: Numbers


def later_rows(lengths: Sequence[int], columns: NDArray[np.int64]) -> Iterator[LaterRows] | None:
    """One for each schedule. None where numbers are too large for it.

    lengths: how many rows each schedule has, one after the other; at least 1. columns: second, source, completed,
    cancelled and amount of each row, shape (5, rows), in the order of seconds within a schedule.
    """
    second, source, *counted = columns
    if not lengths or len(lengths) > MOST_SCHEDULES or second.max() >= 2**32 or any(map(_is_large, counted)):
        return None
    ends = np.cumsum(lengths)
    starts = ends - np.asarray(lengths)
    schedule = np.repeat(np.arange(len(lengths)), lengths)
    completed, cancelled, amount = (_running(column, starts, schedule) for column in counted)
    last_of_second = np.append((second[1:] != second[:-1]) | (schedule[1:] != schedule[:-1]), True)
    # Sources follow one another within a second by chance: a sum amid it never was and makes no peak.
    sold = np.where(last_of_second, completed - cancelled, -_APART // 2)
    if _is_large(completed) or _is_large(cancelled) or ((amount >= 2**62) | (amount <= -(2**62))).any():
        return None
    peak = np.maximum.accumulate(sold + schedule * _APART) - schedule * _APART
    return _each(starts.tolist(), ends.tolist(), second.astype(np.uint32), source, completed, cancelled, amount, peak)


def _each(starts: list[int], ends: list[int], second: Any, source: Any, *sums: Any) -> Iterator[LaterRows]:
    sources = source.tolist()
    for start, end in zip(starts, ends, strict=True):
        yield LaterRows(second[start:end], sources[start:end], *(column[start:end] for column in sums))


def _running(column: Numbers, starts: Numbers, schedule: Numbers) -> Numbers:
    """Running sums that begin anew with each schedule."""
    sums = np.cumsum(column)
    return sums - (sums[starts] - column[starts])[schedule]


def _is_large(column: Numbers) -> bool:
    return bool(((column >= MOST) | (column <= -MOST)).any())  # abs(-2**63) is negative
