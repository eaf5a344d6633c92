"""What a slice of source records says by itself: sums that are the same wherever they are made.

A worker that is behind has some of them made by a process beside it (agents/tally_process.py) and adds them to its
panes. A tally knows nothing of what came before its slice: who adds it has to look which of its sales repeat an earlier
event, and take these out, and whether one is in its pane already.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ranking_app.rankings.event_ids import digests_of, split_digests
from ranking_app.rankings.panes import MINUTE_S, Pane, Touched, fold
from schemas.decode import Bad, DecodeRules, Record, decode_batch
from schemas.sale import Sale


class Part(NamedTuple):
    """What a slice adds to one pane. first, applied: its lowest and highest source offset. seconds: as in Pane.

    offsets: all of them, ascending; None where they were not asked for.
    """

    schedule_id: str
    minute: int
    first: int
    applied: int
    seconds: dict[int, list[int]]
    offsets: Sequence[int] | None = None


class Ids(NamedTuple):
    """Source offsets of the sales that have an event id, and these ids."""

    offsets: list[int]
    digests: list[bytes]


class Tally(NamedTuple):
    """A slice, added up; small enough to be sent between processes. times: of all sales, in milliseconds."""

    sales: int
    bad: list[Bad]
    parts: list[Part]
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


def tally(records: Sequence[Record], rules: DecodeRules, now_ms: int, with_offsets: bool = False) -> Tally:
    """Decode and add up consecutive records of one source partition. now_ms: as in decode_batch.

    with_offsets: for a slice that is expected to repeat events: `without` then never has to give up.
    """
    sales, bad = decode_batch(records, rules, now_ms)
    touched = fold(lambda *_: Pane(), sales)
    of_parts = _offsets_of_parts(sales) if with_offsets else {}
    times_ms = [sale.at_ms for sale in sales]
    offsets, digests = ids_of(sales)
    return Tally(
        sales=len(sales),
        bad=bad,
        parts=[
            Part(schedule_id, minute, pane.first or 0, pane.applied, pane.seconds, of_parts.get((schedule_id, minute)))
            for schedule_id, panes in touched.items()
            for minute, pane in panes.items()
        ],
        oldest_ms=min(times_ms, default=0),
        newest_ms=max(times_ms, default=0),
        times=array("q", times_ms).tobytes(),
        id_offsets=array("q", offsets).tobytes(),
        id_digests=b"".join(digests),
    )


def ids_of(sales: Sequence[Sale]) -> Ids:
    """Of those that have one: the flat form has none."""
    named = [(sale.offset, sale.event_id) for sale in sales if sale.event_id is not None]
    return Ids([offset for offset, _ in named], digests_of([event_id for _, event_id in named]))


def _offsets_of_parts(sales: Sequence[Sale]) -> dict[tuple[str, int], list[int]]:
    found: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for sale in sales:
        found[sale.schedule_id, sale.at_ms // 1000 // MINUTE_S].append(sale.offset)
    return found


def without(counted: Tally, repeated: Sequence[Sale]) -> Tally | None:
    """The tally without these sales of it. Its ids and times still include them.

    None where a sale that goes is the first or last of a part whose offsets are not known.
    """
    parts = {(part.schedule_id, part.minute): part._replace(seconds=dict(part.seconds)) for part in counted.parts}
    for sale in repeated:
        second = sale.at_ms // 1000
        place = sale.schedule_id, second // MINUTE_S
        seconds = parts[place].seconds
        completed, cancelled, amount = seconds[second]
        if sale.cancelled:
            left = [completed, cancelled - sale.quantity, amount + sale.amount]
        else:
            left = [completed - sale.quantity, cancelled, amount - sale.amount]
        if left[:2] != [0, 0]:
            seconds[second] = left
        else:
            del seconds[second]
            if not seconds:
                del parts[place]
    gone = {sale.offset for sale in repeated}
    left_parts = [kept for part in parts.values() if (kept := _without_ends(part, gone)) is not None]
    if len(left_parts) < len(parts):
        return None
    return counted._replace(sales=counted.sales - len(repeated), parts=left_parts)


def _without_ends(part: Part, gone: set[int]) -> Part | None:
    if part.first not in gone and part.applied not in gone:
        return part
    if part.offsets is None:
        return None
    offsets = [offset for offset in part.offsets if offset not in gone]
    return part._replace(first=offsets[0], applied=offsets[-1])


def add(pane_of: Callable[[str, int], Pane], parts: Sequence[Part]) -> Touched | None:
    """Add the parts to their panes, which are changed in place; returns these.

    None, and nothing changed, where a pane has taken a sale at or above the first one of its part: somebody has to
    look at each.
    """
    panes = [pane_of(part.schedule_id, part.minute) for part in parts]
    if any(part.first <= pane.applied for part, pane in zip(parts, panes, strict=True)):
        return None
    touched: Touched = {}
    for part, pane in zip(parts, panes, strict=True):
        pane.take(part.first, part.applied, part.seconds)
        touched.setdefault(part.schedule_id, {})[part.minute] = pane
    return touched
