"""Panes: what one source partition knows of one schedule in one minute of event time.

The write side of the core. Sales are folded into panes, each at most once: a sale counts only if its source
offset is above the highest one that its pane has taken. All answers are functions of panes; rankings.curve
adds them up.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from schemas.sale import Sale

Cell = tuple[int, int, int, int]
"""(second since the epoch, quantity completed, quantity cancelled, net amount)"""

MINUTE_S = 60
"""Seconds in a pane. With a sale in each of them it is 1 kB in the changelog, with one sale 30 bytes."""

ONE_CELL_COMMAS = 5
"""In an encoded pane of one cell, as there are most with many schedules."""

NOTHING_APPLIED = -1
"""Below every Kafka offset."""

_MINUTE = struct.Struct(">I")


class Pane:
    """One minute of one schedule on one source partition.

    applied: the highest source offset folded in, NOTHING_APPLIED for none.
    seconds: second since the epoch -> [completed, cancelled, net amount]; no seconds without sales.
    first: the lowest source offset folded in; None for none, and for a pane begun before this was kept.
    """

    __slots__ = ("applied", "first", "seconds")

    def __init__(
        self,
        applied: int = NOTHING_APPLIED,
        seconds: dict[int, list[int]] | None = None,
        first: int | None = None,
    ) -> None:
        self.applied = applied
        self.seconds: dict[int, list[int]] = {} if seconds is None else seconds
        self.first = first

    def cells_text(self) -> bytes:
        """Its seconds as in encode_pane, ascending, each with a comma before."""
        flat: list[int] = []
        for second in sorted(self.seconds):
            flat.append(second % MINUTE_S)
            flat += self.seconds[second]
        return text_of(flat) if flat else b""

    def __repr__(self) -> str:
        return f"Pane({self.applied}, {self.seconds}, {self.first})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pane):
            return NotImplemented
        return (self.applied, self.seconds, self.first) == (other.applied, other.seconds, other.first)


Touched = dict[str, dict[int, Pane]]
"""Schedule -> minute since the epoch -> pane."""


def fold(pane_of: Callable[[str, int], Pane], sales: Iterable[Sale]) -> Touched:
    """Fold sales of one source partition into their panes; returns every pane that they touch.

    sales: in the order of their offsets. Those at or below their pane's `applied` change nothing, but their
    panes are returned too: a redelivered sale may be acknowledged only once its pane is in the changelog.
    pane_of(schedule id, minute since the epoch): the pane as it stands, changed in place; asked once each.
    """
    touched: Touched = {}
    known_schedule = touched.get
    for offset, schedule_id, at_ms, quantity, amount, cancelled, _ in sales:
        second = at_ms // 1000
        minute = second // MINUTE_S
        panes = known_schedule(schedule_id)
        if panes is None:
            panes = touched[schedule_id] = {}
        pane = panes.get(minute)
        if pane is None:
            pane = panes[minute] = pane_of(schedule_id, minute)
            if pane.applied == NOTHING_APPLIED:
                pane.first = offset  # offsets ascend: no lower one comes
        if offset <= pane.applied:
            continue
        pane.applied = offset
        cell = pane.seconds.get(second)
        if cell is None:
            cell = pane.seconds[second] = [0, 0, 0]
        if cancelled:
            cell[1] += quantity
            cell[2] -= amount
        else:
            cell[0] += quantity
            cell[2] += amount
    return touched


def place_of(schedule_id: str, minute: int) -> bytes:
    """Where a pane is among those of its source partition: as bytes, in the order of minutes.

    >>> place_of("Show", 1)
    b'\\x00\\x00\\x00\\x01Show'
    """
    return _MINUTE.pack(minute) + schedule_id.encode()


def minute_of(place: bytes) -> int:
    """The minute since the epoch in a place."""
    minute: int = _MINUTE.unpack_from(place)[0]
    return minute


def schedule_of(place: bytes) -> str:
    """The schedule in a place."""
    return place[_MINUTE.size :].decode()


def encode_pane(pane: Pane) -> bytes:
    """A pane as JSON: [applied, first, second of the minute, completed, cancelled, amount, second, …], ascending.

    Without `first` where that is not known. An integer that does not fit 64 bits (sums of money may outgrow them)
    is written as text.

    >>> encode_pane(Pane(7, {61: [2, 1, 500]}, first=5))
    b'[7,5,1,2,1,500]'
    >>> encode_pane(Pane(7, {61: [2, 1, 500]}))
    b'[7,1,2,1,500]'
    """
    if pane.first is None:
        return b"[%d%b]" % (pane.applied, pane.cells_text())
    return encode_new(pane.first, pane.applied, pane.cells_text())


def encode_new(first: int, applied: int, cells: bytes) -> bytes:
    """As encode_pane, of a pane with these cells alone. cells: as Pane.cells_text.

    >>> encode_new(5, 7, b",1,2,1,500")
    b'[7,5,1,2,1,500]'
    """
    return b"[%d,%d%b]" % (applied, first, cells)


def cells_text_of(text: bytes) -> bytes:
    """The cells in what encode_new has written: at least one.

    >>> cells_text_of(b"[7,5,1,2,1,500]")
    b',1,2,1,500'
    """
    return b"," + text[1:-1].split(b",", 2)[2]


def cells_of(text: bytes, minute: int) -> dict[int, list[int]]:
    """The inverse of Pane.cells_text: as Pane.seconds, in a minute since the epoch.

    >>> cells_of(b",1,2,1,500", minute=1)
    {61: [2, 1, 500]}
    """
    return {second: numbers for second, *numbers in parts_of(b"[0%b]" % text, minute)[2]}


def text_of(numbers: list[int]) -> bytes:
    """As Pane.cells_text, of seconds of the minute and their numbers. At least one second."""
    try:
        text = orjson.dumps(numbers)
    except TypeError:
        text = orjson.dumps([number if fits(number) else str(number) for number in numbers])
    return b"," + text[1:-1]


def decode_pane(value: bytes, minute: int) -> Pane:
    """The pane of a minute since the epoch. ValueError if value is none."""
    applied, first, cells = parts_of(value, minute)
    return Pane(applied, {second: numbers for second, *numbers in cells}, first)


def parts_of(value: bytes, minute: int) -> tuple[int, int | None, list[Cell]]:
    """`applied`, `first` and the cells of an encoded pane, seconds ascending. ValueError if value is no pane.

    >>> parts_of(b'[7,5,1,2,1,500]', minute=1)
    (7, 5, [(61, 2, 1, 500)])
    """
    flat = orjson.loads(value)
    if type(flat) is list and len(flat) == 6:
        # One cell, in whole numbers of 64 bits: with many schedules nearly every pane is that, and needs no loops.
        applied, first, second, completed, cancelled, amount = flat
        if (
            type(applied) is type(first) is type(second) is type(completed) is type(cancelled) is type(amount) is int
            and 0 <= first <= applied
            and 0 <= second < MINUTE_S
        ):
            return applied, first, [(minute * MINUTE_S + second, completed, cancelled, amount)]
    return _parts_of_any(value, flat, minute)


def applied_of(text: bytes) -> int:
    """`applied` of a pane that encode_pane has written.

    >>> applied_of(b"[7,5,1,2,1,500]"), applied_of(b"[7]")
    (7, 7)
    """
    return int(text[1 : text.find(b",")])


def _parts_of_any(value: bytes, flat: Any, minute: int) -> tuple[int, int | None, list[Cell]]:
    """As parts_of, of whatever the value has; flat: the JSON of it."""
    # Four numbers a second, after `applied` alone or after `applied` and `first`.
    before_cells = len(flat) % 4 if isinstance(flat, list) else 0
    if before_cells not in (1, 2):
        raise ValueError(f"expected [applied, first, second, completed, cancelled, amount, …], got {value[:80]!r}")
    if set(map(type, flat)) != _INTEGERS:
        flat = [_whole_number(item) for item in flat]
    start_s = minute * MINUTE_S
    seconds = [start_s + second for second in flat[before_cells::4]]
    numbers = (flat[at::4] for at in range(before_cells + 1, before_cells + 4))
    cells = list(zip(seconds, *numbers, strict=True))
    if cells and not start_s <= cells[0][0] <= cells[-1][0] < start_s + MINUTE_S:
        raise ValueError(f"expected seconds of a minute, ascending, got {value[:80]!r}")
    applied, first = flat[0], flat[1] if before_cells == 2 else None
    if first is not None and not 0 <= first <= applied:
        raise ValueError(f"expected first to be an offset up to applied, got {value[:80]!r}")
    return applied, first, cells


_INTEGERS = {int}


def fits(number: int) -> bool:
    """Whether it is written as a number, as all that orjson can: so its text does not depend on those beside it."""
    return -(2**63) <= number < 2**64


def _whole_number(item: object) -> int:
    if isinstance(item, str) or type(item) is int:
        return int(item)
    raise ValueError(f"expected a whole number in a pane, got {item!r}")
