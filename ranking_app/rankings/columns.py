"""Columns of whole numbers: compact as machine integers while they fit, never wrong when they do not."""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

Column: TypeAlias = "array[int] | list[int]"  # as text: before Python 3.12 array[int] is an error
"""Both index, slice, bisect and extend alike; an array takes 2 to 8 bytes per number, a list some 40."""


def extended(column: Column, numbers: Sequence[int]) -> Column:
    """The column with numbers at its end: the same one, or a list if a number outgrows its machine type.

    >>> extended(array("q", [1]), [2**70])
    [1, 1180591620717411303424]
    """
    kept = len(column)
    try:
        column.extend(numbers)
    except OverflowError:
        return [*column[:kept], *numbers]
    return column


def extended_sums(column: Column, numbers: Sequence[int]) -> Column:
    """The column with the running sums of numbers at its end, going on from its last number (there is one).

    >>> extended_sums(array("q", [5]), [1, 2])
    array('q', [5, 6, 8])
    """
    return extended(column, list(accumulate(numbers, initial=column.pop())))


def extended_maxima(column: Column, numbers: Sequence[int]) -> Column:
    """The column with the running maxima of numbers at its end, going on from its last number (there is one).

    >>> extended_maxima(array("q", [5]), [1, 7, 2])
    array('q', [5, 5, 7, 7])
    """
    return extended(column, list(accumulate(numbers, max, initial=column.pop())))
