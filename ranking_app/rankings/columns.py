"""Columns of whole numbers: compact as machine integers while they fit, never wrong when they do not."""

from array import array
from collections.abc import Sequence
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
