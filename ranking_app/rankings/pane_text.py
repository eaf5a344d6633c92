"""Adding to a pane as it is written, without reading all of it.

A pane of a busy minute is changed and written again and again, and nearly always only its newest seconds change.
"""

from bisect import bisect_left

import orjson

from ranking_app.rankings.panes import NOTHING_APPLIED, encode_new, fits, text_of

_NOTHING_APPLIED = b"[%d" % NOTHING_APPLIED
"""How a pane begins that has taken no sale."""


def merged(pane: bytes, first: int, applied: int, cells: bytes) -> bytes:
    """A pane as encode_pane has written it, with sums of sales that are all above its `applied`.

    The bytes are those of decoding the pane, adding and encoding; but its seconds before the first of the cells are not
    looked at. first, applied: the lowest and highest offset of the sales. cells: as Pane.cells_text, at least one.

    >>> merged(b"[7,5,1,2,1,500]", 8, 9, b",1,1,0,250,4,2,0,500")
    b'[9,5,1,3,1,750,4,2,0,500]'
    """
    text = pane[:-1]
    newest, added = text.rsplit(b",", 4), cells.split(b",", 5)
    if len(newest) == 5 and newest[1] == added[1] and (cell := _sum_of_cells(newest, added)):
        kept, cells = newest[0], cell if len(added) == 5 else cell + b"," + added[5]
    else:
        kept = _before(text, int(added[1]))
        if len(kept) < len(text):
            cells = _sums(text[len(kept) :], cells)
    own_applied, comma, after_applied = kept.partition(b",")
    if own_applied == _NOTHING_APPLIED:
        return encode_new(first, applied, comma + after_applied + cells)
    # What comes after `applied` stays: the pane's `first`, unless it has none, and the seconds before.
    return b"[%d%b%b%b]" % (applied, comma, after_applied, cells)


def _before(text: bytes, second: int) -> bytes:
    """A pane's text up to its first cell at or behind the second of the minute; text: without the end of the pane."""
    while True:
        rest_and_cell = text.rsplit(b",", 4)
        if len(rest_and_cell) < 5 or int(rest_and_cell[1]) < second:
            return text
        text = rest_and_cell[0]


def _sum_of_cells(one: list[bytes], other: list[bytes]) -> bytes | None:
    """The text of a cell, each as [anything, second, completed, cancelled, amount, …]; None beyond 64 bits."""
    try:
        completed, cancelled = int(one[2]) + int(other[2]), int(one[3]) + int(other[3])
        amount = int(one[4]) + int(other[4])
    except ValueError:  # text in quotes
        return None
    if fits(completed) and fits(cancelled) and fits(amount):
        return b",%b,%d,%d,%d" % (one[1], completed, cancelled, amount)
    return None


def _sums(own: bytes, more: bytes) -> bytes:
    """Two texts as Pane.cells_text, added up."""
    sums, added = _numbers_of(own), _numbers_of(more)
    seconds = sums[::4]
    for start in range(0, len(added), 4):
        second, completed, cancelled, amount = added[start : start + 4]
        place = bisect_left(seconds, second)
        at = 4 * place
        if place < len(seconds) and seconds[place] == second:
            sums[at + 1] += completed
            sums[at + 2] += cancelled
            sums[at + 3] += amount
        else:
            seconds.insert(place, second)
            sums[at:at] = second, completed, cancelled, amount
    return text_of(sums)


def _numbers_of(text: bytes) -> list[int]:
    """The inverse of panes.text_of."""
    flat = orjson.loads(b"[%b]" % text[1:])
    return list(map(int, flat)) if b'"' in text else flat
