"""Ranks of equals: standard 1 2 2 4, dense 1 2 2 3, ordinal 1 2 3 4."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

Ties = Literal["standard", "dense", "ordinal"]


def ranks(keys: Sequence[int], ties: Ties, offset: int, limit: int) -> list[int]:
    """The ranks at the positions [offset, offset + limit) of a board, as far as it goes.

    keys: what the board is sorted by, the whole of it, ascending; positions with the same key are equals.

    >>> ranks([-9, -7, -7, -3], "standard", 0, 10), ranks([-9, -7, -7, -3], "dense", 2, 2)
    ([1, 2, 2, 4], [2, 3])
    """
    places = range(offset, min(offset + limit, len(keys)))
    if ties == "ordinal" or not places:
        return [place + 1 for place in places]
    rank = bisect_left(keys, keys[offset]) + 1 if ties == "standard" else len(set(keys[: offset + 1]))
    found = [rank]
    for place in places[1:]:
        if keys[place] != keys[place - 1]:
            rank = place + 1 if ties == "standard" else rank + 1
        found.append(rank)
    return found
