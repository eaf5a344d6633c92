"""Rows of many schedules at once, put behind those that each has: all sums are made together.

Put one by one, a pane of one cell takes some 5 us; of a backlog of 100,000 schedules nearly every event is one.
"""

from collections.abc import Hashable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ranking_app.rankings.panes import MINUTE_S
from ranking_app.rankings.rows import NOT_TO_BE_EXTENDED, Rows

Numbers = NDArray[np.int64]

MOST = 2**31
"""Rows with larger numbers are put one by one: no sum of these wraps round here."""

MOST_SCHEDULES = 2**20
"""In one go: as many times _APART fit into 64 bits."""

_APART = np.int64(2**40)
"""Between the sums of two schedules, so that one running maximum serves all of them."""

_MOST_SOLD = np.int64(2**32)
"""A schedule that sold more is not put here, and must not reach into the next one."""

_COLUMN_TYPES = (np.uint32, np.uint16, np.uint32, np.uint32, np.int64, np.uint32)
"""Of Rows.extend."""


def extend_all(
    curves: Sequence[Rows | None], sources: Sequence[Hashable], lengths: Sequence[int], columns: Numbers
) -> list[bool]:
    """As put of the panes that have these rows, in the curve of each schedule (None: leave its rows out).

    sources: what the numbers in the second column stand for. lengths: how many rows each schedule has, one after the
    other; at least 1. columns: second, source, completed, cancelled and amount of each row, shape (5, rows), in the
    order of seconds within a schedule; those of one second belong together.

    Returns whether each was put. Nothing of one is changed, and its panes have to be put by themselves, where it has
    rows of the same minute or a later one, something waits to be settled, or a number might outgrow its column.
    """
    second, source, *counted = columns
    if len(curves) > MOST_SCHEDULES or second.max() >= 2**32 or any(map(_is_large, counted)):
        return [False] * len(curves)
    ends = np.array([NOT_TO_BE_EXTENDED if curve is None else curve.end for curve in curves], np.int64)
    last_s, *before, peak_before = ends.T
    row_ends = np.cumsum(lengths)
    starts = row_ends - np.asarray(lengths)
    schedule = np.repeat(np.arange(len(lengths)), lengths)
    completed, cancelled, amount = (
        _running(column, starts, schedule) + sums[schedule] for column, sums in zip(counted, before, strict=True)
    )
    # Sources follow one another within a second by chance: a sum amid it never was and makes no peak.
    amid = np.append((second[1:] == second[:-1]) & (schedule[1:] == schedule[:-1]), False)
    sold = np.where(amid, -_MOST_SOLD, np.clip(completed - cancelled, -_MOST_SOLD, _MOST_SOLD))
    peak = np.maximum.accumulate(sold + schedule * _APART) - schedule * _APART
    put = last_s // MINUTE_S < second[starts] // MINUTE_S
    put[schedule[_is_outside(completed) | _is_outside(cancelled)]] = False
    all_sources, index = _joined(curves, sources, schedule, source)
    rows = second, index, completed, cancelled, amount, np.maximum(peak, peak_before[schedule])
    parts = [_parts(column.astype(type_), row_ends) for column, type_ in zip(rows, _COLUMN_TYPES, strict=True)]
    found: list[bool] = put.tolist()
    for curve, its_put, its_sources, *its_rows in zip(curves, found, all_sources, *parts, strict=True):
        if its_put and curve is not None:
            curve.extend(its_sources, *its_rows)
    return found


def _joined(
    curves: Sequence[Rows | None], sources: Sequence[Hashable], schedule: Numbers, source: Numbers
) -> tuple[list[tuple[Hashable, ...]], Numbers]:
    """Of each curve, its own sources with those of its new rows; and of each row, the index of its source in these."""
    has = np.zeros((len(curves), len(sources)), bool)
    has[schedule, source] = True
    bits = np.packbits(has, axis=1)
    width, new = bits.shape[1], bits.tobytes()
    kinds: dict[tuple[tuple[Hashable, ...], bytes], int] = {}
    """Most curves have the same ones."""
    of_curve = [
        kinds.setdefault((() if curve is None else curve.sources, new[at : at + width]), len(kinds))
        for curve, at in zip(curves, range(0, len(new), width), strict=True)
    ]
    joined, index = list[tuple[Hashable, ...]](), np.zeros((len(kinds), len(sources)), np.int64)
    for kind, (own, its_bits) in enumerate(kinds):
        numbers = np.flatnonzero(np.unpackbits(np.frombuffer(its_bits, np.uint8))).tolist()
        its = dict.fromkeys((*own, *(sources[number] for number in numbers)))
        place = {one: at for at, one in enumerate(its)}
        index[kind, numbers] = [place[sources[number]] for number in numbers]
        joined.append(tuple(its))
    return [joined[kind] for kind in of_curve], index[np.array(of_curve)[schedule], source]


def _parts(column: NDArray[np.generic], ends: Numbers) -> list[bytes]:
    """A column cut at these rows."""
    whole = column.tobytes()
    return [whole[start:end] for start, end in pairwise([0, *(ends * column.itemsize).tolist()])]


def _running(column: Numbers, starts: Numbers, schedule: Numbers) -> Numbers:
    """Running sums that begin anew with each schedule."""
    sums = np.cumsum(column)
    return sums - (sums[starts] - column[starts])[schedule]


def _is_large(column: Numbers) -> bool:
    return bool(((column >= MOST) | (column <= -MOST)).any())  # abs(-2**63) is negative


def _is_outside(column: Numbers) -> NDArray[np.bool_]:
    """What a column of machine integers without a sign does not hold."""
    return (column < 0) | (column >= 2**32)
