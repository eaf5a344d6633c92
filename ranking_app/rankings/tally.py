"""What a slice of source records says by itself: sums that are the same wherever they are made.

A worker that is behind has some of them made by a process beside it (agents/tally_process.py) and adds them to its
panes. A tally knows nothing of what came before its slice: who adds it has to look which of its sales repeat an earlier
event, and take these out, and whether one is in its pane already.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import NamedTuple

from ranking_app.rankings.event_ids import digests_of, split_digests
from ranking_app.rankings.numbering import NO_NUMBER, Numbering
from ranking_app.rankings.panes import (
    MINUTE_S,
    Pane,
    cells_of,
    cells_text_of,
    encode_new,
    fold,
    minute_of,
    place_of,
    schedule_of,
)
from schemas.decode import Bad, DecodeRules, decode_columns
from schemas.sale import Sale

_OFFSET, _SCHEDULE_ID, _AT_MS, _EVENT_ID = (
    itemgetter(Sale._fields.index(name)) for name in ("offset", "schedule_id", "at_ms", "event_id")
)
"""Of a sale; twice as fast as by name, for columns of a backlog."""


class Part(NamedTuple):
    """What a slice adds to one pane. place: of the pane (panes.place_of). text: of the pane with this alone, as
    panes.encode_new. numbers: see Parts. offsets: all of them, ascending; None where they were not asked for.
    schedule: its number, or NO_NUMBER.
    """

    place: bytes
    text: bytes
    numbers: Sequence[int]
    offsets: list[int] | None
    schedule: int


class Parts(NamedTuple):
    """Many parts, a column each of what a Part has: twenty times as fast to send as an object each.

    numbers: NUMBERS machine integers of 64 bits each: highest and lowest source offset, then second since the epoch,
    completed, cancelled and amount of its one cell; a second of -1 where it has several, or one of the slice a number
    beyond 64 bits.
    offsets: None where they were not asked for.
    schedules: the number of each one's schedule, 32 bits, in the numbering with this name; empty without one.
    """

    places: list[bytes]
    texts: list[bytes]
    numbers: bytes
    offsets: list[list[int]] | None
    schedules: bytes = b""
    numbering: str = ""

    def each(self) -> Iterator[Part]:
        """One by one."""
        numbers = array("q", self.numbers)
        each = (numbers[at : at + NUMBERS] for at in range(0, len(numbers), NUMBERS))
        schedules = array("i", self.schedules) or repeat(NO_NUMBER)
        return map(Part, self.places, self.texts, each, self.offsets or repeat(None), schedules)


NUMBERS = 6
"""Of a part: see Parts."""

_SEVERAL = (-1, 0, 0, 0)
"""In place of the second and the numbers of one cell."""


class Ids(NamedTuple):
    """Source offsets of the sales that have an event id, and these ids."""

    offsets: list[int]
    digests: list[bytes]


class Tally(NamedTuple):
    """A slice, added up; small enough to be sent between processes. times: of all sales, in milliseconds."""

    sales: int
    bad: list[Bad]
    parts: Parts
    oldest_ms: int
    newest_ms: int
    times: bytes
    id_offsets: bytes
    id_digests: bytes

    def ids(self) -> Ids:
        """Of its sales, in the order of their offsets."""
        return Ids(array("q", self.id_offsets).tolist(), split_digests(self.id_digests))

    def times_ms(self) -> list[int]:
        """Of its sales, in the order of their offsets."""
        return array("q", self.times).tolist()


def tally(
    offsets: Sequence[int],
    values: Sequence[bytes | None],
    rules: DecodeRules,
    now_ms: int,
    with_offsets: bool = False,
    numbering: Numbering | None = None,
) -> Tally:
    """Decode and add up consecutive records of one source partition, of which these are the columns.
    now_ms: as in decode_batch.

    with_offsets: for a slice that is expected to repeat events: `without` then never has to give up.
    numbering: of the schedules.
    """
    sales, bad = decode_columns(offsets, values, rules, now_ms)
    times_ms = list(map(_AT_MS, sales))
    ids = ids_of(sales)
    return Tally(
        sales=len(sales),
        bad=bad,
        parts=summed(sales, with_offsets, numbering),
        oldest_ms=min(times_ms, default=0),
        newest_ms=max(times_ms, default=0),
        times=array("q", times_ms).tobytes(),
        id_offsets=array("q", ids.offsets).tobytes(),
        id_digests=b"".join(ids.digests),
    )


def ids_of(sales: Sequence[Sale]) -> Ids:
    """Of those that have one: the flat form has none."""
    ids = list(map(_EVENT_ID, sales))
    if None in ids:
        sales = [sale for sale in sales if sale.event_id is not None]
        ids = list(map(_EVENT_ID, sales))
    return Ids(list(map(_OFFSET, sales)), digests_of(ids))


def summed(sales: Sequence[Sale], with_offsets: bool = False, numbering: Numbering | None = None) -> Parts:
    """Sales of one source partition, in the order of their offsets, by pane."""
    alone, together = _apart(sales)
    panes = _panes_of(together)
    try:
        texts, numbers = _written(alone.values(), panes.values())
    except OverflowError:  # of an array: a number beyond 64 bits
        alone, panes = {}, _panes_of(sales)
        texts = [_text_of(pane) for pane in panes.values()]
        numbers = array("q", chain.from_iterable(_ends_of(pane) + _SEVERAL for pane in panes.values())).tobytes()
    places = [*alone, *panes]
    parts = Parts(places, texts, numbers, _offsets_of(places, sales) if with_offsets else None)
    if numbering is None:
        return parts
    schedules = numbering.of(chain(map(_SCHEDULE_ID, alone.values()), map(schedule_of, panes)))
    return parts._replace(schedules=schedules, numbering=numbering.name)


def _apart(sales: Sequence[Sale]) -> tuple[dict[bytes, Sale], Sequence[Sale]]:
    """Sales that are the only ones of their panes, by place, and all others.

    With many schedules nearly all are: nothing has to be added up for them. With few it is not looked for.
    """
    if len(set(map(_SCHEDULE_ID, sales))) <= len(sales) // 2:
        return {}, sales
    alone: dict[bytes, Sale] = {}
    together: dict[bytes, list[Sale]] = {}
    for sale in sales:
        place = _place(sale)
        first = alone.setdefault(place, sale)
        if first is not sale:
            together.setdefault(place, [first]).append(sale)
    for place in together:
        del alone[place]
    return alone, list(chain.from_iterable(together.values()))


def _panes_of(sales: Iterable[Sale]) -> dict[bytes, Pane]:
    """By place; of each pane, in the order of their offsets."""
    panes: dict[bytes, Pane] = {}

    def pane_of(schedule_id: str, minute: int) -> Pane:
        pane = panes[place_of(schedule_id, minute)] = Pane()
        return pane

    fold(pane_of, sales)
    return panes


def _written(alone: Iterable[Sale], panes: Iterable[Pane]) -> tuple[list[bytes], bytes]:
    """As Parts has texts and numbers. OverflowError where one has more than 64 bits."""
    texts, numbers = list[bytes](), list[int]()
    for offset, _, at_ms, quantity, amount, cancelled, _ in alone:
        second = at_ms // 1000
        completed, back, net = (0, quantity, -amount) if cancelled else (quantity, 0, amount)
        # As encode_new, in a third of the time.
        texts.append(b"[%d,%d,%d,%d,%d,%d]" % (offset, offset, second % MINUTE_S, completed, back, net))
        numbers += (offset, offset, second, completed, back, net)
    for pane in panes:
        texts.append(_text_of(pane))
        numbers += _ends_of(pane)
        if len(pane.seconds) == 1:
            for second, counted in pane.seconds.items():
                numbers.append(second)
                numbers += counted
        else:
            numbers += _SEVERAL
    return texts, array("q", numbers).tobytes()


def _text_of(pane: Pane) -> bytes:
    return encode_new(pane.first or 0, pane.applied, pane.cells_text())


def _ends_of(pane: Pane) -> tuple[int, int]:
    return pane.applied, pane.first or 0


def _offsets_of(places: Iterable[bytes], sales: Sequence[Sale]) -> list[list[int]]:
    found: defaultdict[bytes, list[int]] = defaultdict(list)
    for sale in sales:
        found[_place(sale)].append(sale.offset)
    return [found[place] for place in places]


def _place(sale: Sale) -> bytes:
    return place_of(sale.schedule_id, sale.at_ms // 1000 // MINUTE_S)


def without(counted: Tally, repeated: Sequence[Sale]) -> Tally | None:
    """The tally without these sales of it. Its ids and times still include them.

    None where a sale that goes is the first or last of a part whose offsets are not known.
    """
    gone: defaultdict[bytes, list[Sale]] = defaultdict(list)
    for sale in repeated:
        gone[_place(sale)].append(sale)
    left: list[Part] = []
    for part in counted.parts.each():
        if part.place in gone:
            cells = _cells_without(part, gone[part.place])
            if not cells:
                continue
            kept = _ends_without(part, {sale.offset for sale in gone[part.place]})
            if kept is None:
                return None
            applied, first = kept.numbers[:2]
            part = kept._replace(text=encode_new(first, applied, cells), numbers=(applied, first, *_SEVERAL))
        left.append(part)
    parts = counted.parts._replace(
        places=[part.place for part in left],
        texts=[part.text for part in left],
        numbers=b"".join([array("q", part.numbers).tobytes() for part in left]),
        offsets=None if counted.parts.offsets is None else [part.offsets or [] for part in left],
        schedules=array("i", [part.schedule for part in left]).tobytes() if counted.parts.schedules else b"",
    )
    return counted._replace(sales=counted.sales - len(repeated), parts=parts)


def _cells_without(part: Part, gone: Sequence[Sale]) -> bytes:
    seconds = cells_of(cells_text_of(part.text), minute_of(part.place))
    for sale in gone:
        second = sale.at_ms // 1000
        completed, cancelled, amount = seconds[second]
        if sale.cancelled:
            seconds[second] = [completed, cancelled - sale.quantity, amount + sale.amount]
        else:
            seconds[second] = [completed - sale.quantity, cancelled, amount - sale.amount]
        if seconds[second][:2] == [0, 0]:
            del seconds[second]
    return Pane(seconds=seconds).cells_text()


def _ends_without(part: Part, gone: set[int]) -> Part | None:
    if part.offsets is not None:
        offsets = [offset for offset in part.offsets if offset not in gone]
        return part._replace(numbers=(offsets[-1], offsets[0], *_SEVERAL), offsets=offsets)
    return None if gone.intersection(part.numbers[:2]) else part
