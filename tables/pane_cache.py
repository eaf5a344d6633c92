"""The panes that an owner has at hand: what it changed last, by key, read from the store where it is not here.

They are kept as they are written. As objects each is many, of which the garbage collector looked at some 100,000 at a
time, while everybody waited for 50 to 100 ms; and to add to the newest seconds of a text takes a third of the time that
it takes to read the whole pane, change it and write it.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from ranking_app.rankings.numbering import NO_NUMBER
from ranking_app.rankings.pane_text import merged
from ranking_app.rankings.panes import Pane, applied_of, cells_text_of, decode_pane, encode_pane, fold, place_of
from ranking_app.rankings.tally import NUMBERS, Parts, summed
from schemas.sale import Sale
from tables.changed import Changed, Fresh
from tables.layout import PANE_HEAD_BYTES, pane_head, parse_pane_key

CACHED_PANES, CACHED_BYTES = 100_000, 16_000_000
"""Panes kept per partition, some 200 bytes each with their keys, and bytes of their texts; beyond that they are read
from RocksDB. A replay fills panes to the brim and does not come back to them: that would be 1 kB each."""

FEW_PANES = 50
"""Fewer are sooner looked at one by one than as columns; and whoever is not behind hands over no more at a time."""

LOOK_EVERY_PANES, LOOK_EVERY_SHARE = 1_000, 8
"""The bytes in the cache are counted after it has grown by so many panes, and by one in so many of what it has: by so
much it may be larger for a while."""


class PaneCache:
    """Encoded panes of one partition. Not thread-safe.

    stored: the encoded pane of a key, None where there is none. last_stored: the last key of those with a head
    (layout.pane_head); None where there is none. damaged: the error to raise where that is no pane.
    """

    def __init__(
        self,
        stored: Callable[[bytes], bytes | None],
        last_stored: Callable[[bytes], bytes | None],
        damaged: Callable[[str], Exception],
    ) -> None:
        self._stored = stored
        self._last_stored = last_stored
        self._damaged = damaged
        self._panes: dict[bytes, bytes] = {}
        self._trim_at = LOOK_EVERY_PANES
        self._last_elsewhere: dict[bytes, bytes] = {}
        """By head: no key behind this one is in the store and not here. Most panes are of a new minute: to look for one
        that is not there takes RocksDB longer than all else that is done for it."""

    def __len__(self) -> int:
        return len(self._panes)

    def known(self, key: bytes) -> bytes | None:
        """The pane as it stands, as encode_pane writes it; None where there is none."""
        found = self._panes.get(key)
        if found is not None or key > self._last_elsewhere_of(key[:PANE_HEAD_BYTES]):
            return found
        if (value := self._stored(key)) is not None:
            try:
                # What is added to it later is added to its text, most of which nobody looks at: it has to be right now.
                found = encode_pane(decode_pane(value, parse_pane_key(key)[2]))
            except (ValueError, TypeError, IndexError) as exc:
                raise self._damaged("an unreadable pane") from exc
            self._panes[key] = found
        return found

    def known_of(self, head: bytes, keys: Sequence[bytes]) -> list[bytes | None]:
        """As known of each; head: of all of them."""
        last = self._last_elsewhere_of(head)
        found = zip(keys, map(self._panes.get, keys), strict=True)
        return [self.known(key) if pane is None and key <= last else pane for key, pane in found]

    def keep(self, changed: Changed) -> None:
        """Panes as they stand from now on. They are written, or all is forgotten."""
        self._panes.update(changed.fresh)
        self._panes.update(changed.others)

    def trim(self) -> None:
        """Drop the panes that were first used longest ago. Only between flushes: the others are in the store then."""
        panes = self._panes
        if len(panes) < self._trim_at:
            return
        size = sum(map(len, panes.values()))
        if len(panes) > CACHED_PANES or size > CACHED_BYTES:
            keep = min(CACHED_PANES, int(len(panes) * CACHED_BYTES / max(size, 1))) * 3 // 4
            dropped = list(panes)[: len(panes) - keep]
            self._leave(dropped)
            for key in dropped:
                del panes[key]
        self._trim_at = len(panes) + max(LOOK_EVERY_PANES, len(panes) // LOOK_EVERY_SHARE)

    def clear(self) -> None:
        """Forget all."""
        self._leave(self._panes)
        self._panes.clear()
        self._trim_at = LOOK_EVERY_PANES

    def _last_elsewhere_of(self, head: bytes) -> bytes:
        last = self._last_elsewhere.get(head)
        if last is None:
            last = self._last_elsewhere[head] = self._last_stored(head) or head
        return last

    def _leave(self, keys: Iterable[bytes]) -> None:
        """These are in the store alone."""
        last = self._last_elsewhere
        for key in keys:
            head = key[:PANE_HEAD_BYTES]
            if key > last.get(head, key):
                last[head] = key


@dataclass(frozen=True, slots=True)
class SourcePanes:
    """The panes of one source partition, with those of others in a cache."""

    cache: PaneCache
    role: int
    partition: int
    few: int = FEW_PANES

    def fold(self, sales: Sequence[Sale]) -> Changed:
        """Count sales, as rankings.panes.fold; returns every pane that they touch."""
        touched = self.add(summed(sales))
        return self._fold_each(sales) if touched is None else touched

    def add(self, parts: Parts) -> Changed | None:
        """Add sums of sales to their panes; returns these.

        None, and nothing is changed, where a pane has taken a sale at or above the first one of its part: somebody has
        to look at each.
        """
        head = pane_head(self.role, self.partition)
        keys = [head + place for place in parts.places]
        panes = self.cache.known_of(head, keys)
        touched = _few(keys, panes, parts) if len(keys) < self.few else self._many(keys, panes, parts)
        if touched is not None:
            self.cache.keep(touched)
        return touched

    def _many(self, keys: Sequence[bytes], panes: Sequence[bytes | None], parts: Parts) -> Changed | None:
        """The panes with these keys, and the parts added; None as of add."""
        numbers = np.frombuffer(parts.numbers, np.int64).reshape(-1, NUMBERS)
        is_fresh = (numbers[:, 2] >= 0) & np.array([pane is None for pane in panes], bool)
        others = _added(np.flatnonzero(~is_fresh).tolist(), keys, panes, parts)
        if others is None:
            return None
        fresh = dict(compress(zip(keys, parts.texts, strict=True), is_fresh.tolist()))
        columns = np.vstack((np.full(len(fresh), self.role), numbers[is_fresh].T))
        schedules = np.full(len(keys), NO_NUMBER, np.int32)
        if parts.schedules:
            schedules = np.frombuffer(parts.schedules, np.int32)
        return Changed(fresh, Fresh(columns, schedules[is_fresh], parts.numbering), others)

    def _fold_each(self, sales: Sequence[Sale]) -> Changed:
        """The same as `fold`, also where some have come before."""
        head, known = pane_head(self.role, self.partition), self.cache.known
        panes: dict[bytes, Pane] = {}

        def pane_of(schedule_id: str, minute: int) -> Pane:
            key = head + place_of(schedule_id, minute)
            value = known(key)
            found = panes[key] = Pane() if value is None else decode_pane(value, minute)
            return found

        fold(pane_of, sales)
        touched = Changed(others={key: encode_pane(pane) for key, pane in panes.items()})
        self.cache.keep(touched)
        return touched


def _few(keys: Sequence[bytes], panes: Sequence[bytes | None], parts: Parts) -> Changed | None:
    """As SourcePanes._many, sooner where they are few; none is told as fresh."""
    others = _added(range(len(keys)), keys, panes, parts)
    return None if others is None else Changed(others=others)


def _added(
    rows: Iterable[int], keys: Sequence[bytes], panes: Sequence[bytes | None], parts: Parts
) -> dict[bytes, bytes] | None:
    """Those in these rows, by key, with their parts; None as of SourcePanes.add."""
    added: dict[bytes, bytes] = {}
    ends = array("q", parts.numbers)
    for row in rows:
        pane, text = panes[row], parts.texts[row]
        applied, first = ends[NUMBERS * row : NUMBERS * row + 2]
        if pane is None:
            added[keys[row]] = text
        elif first > applied_of(pane):
            added[keys[row]] = merged(pane, first, applied, cells_text_of(text))
        else:
            return None
    return added
