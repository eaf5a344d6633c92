"""Many encoded panes of few cells (rankings.panes) read together, as columns.

Not in panes.py: the process beside a worker needs that, and no numpy.
"""

from collections.abc import Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from ranking_app.rankings.panes import MINUTE_S

FEW_CELLS_COMMAS = frozenset((5, 9, 13))
"""In an encoded pane of up to three cells, whose `first` is known."""


def few_cells(values: Sequence[bytes]) -> tuple[list[int], NDArray[np.int64]] | None:
    """As parts_of of many panes of few cells at once: how many cells each has, and of each cell `applied` and `first`
    of its pane, its second of the minute, completed, cancelled and amount, shape (6, cells).

    values: as encode_pane writes them, with FEW_CELLS_COMMAS; at least one. None where parts_of has to look at each: a
    number beyond 64 bits, or not what it should be.

    >>> lengths, cells = few_cells([b"[7,5,1,2,1,500]", b"[9,8,2,1,0,0,3,4,0,80]"])
    >>> lengths, cells.T.tolist()
    ([1, 2], [[7, 5, 1, 2, 1, 500], [9, 8, 2, 1, 0, 0], [9, 8, 3, 4, 0, 80]])
    """
    texts = b",".join(values).translate(None, b"[]")
    lengths = [value.count(b",") // 4 for value in values]
    try:
        flat = np.array(orjson.loads(b"[%b]" % texts), np.int64)
    except (ValueError, TypeError, OverflowError):
        return None
    ends = np.cumsum(np.array(lengths) * 4 + 2)
    if b'"' in texts or len(flat) != ends[-1]:
        return None
    starts = np.concatenate(([0], ends[:-1]))
    is_cell = np.ones(len(flat), bool)
    is_cell[starts] = is_cell[starts + 1] = False
    pane, cells = np.repeat(starts, lengths), flat[is_cell].reshape(-1, 4).T
    applied, first, second = flat[pane], flat[pane + 1], cells[0]
    if not ((first >= 0) & (first <= applied) & (second >= 0) & (second < MINUTE_S)).all():
        return None
    return lengths, np.vstack((applied, first, cells))
