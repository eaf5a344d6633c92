"""The panes that an owner has at hand: what it changed last, by key, read from the store where it is not here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ranking_app.rankings.panes import MANY_SECONDS, Pane, cells_of, decode_pane, encode_new, fold, minute_of, place_of
from ranking_app.rankings.tally import Parts
from schemas.sale import Sale
from tables.layout import pane_head, parse_pane_key

CACHED_PANES, CACHED_SECONDS = 100_000, 200_000
"""Panes kept per partition, and seconds with sales in them, some 200 bytes each in a pane that is decoded; beyond that
they are read from RocksDB. A replay fills panes to the brim and does not come back to them: counted in panes, that
would be gigabytes."""

SECOND_BYTES = 20
"""Of an encoded pane, about as much a second, and not much less."""

LOOK_EVERY_PANES = 1_000
"""The seconds in the cache are counted after it has grown by so many panes."""

Changed = dict[bytes, Pane | bytes]
"""Panes to be written, by key; one that nobody changed since it was begun is there as it will be written."""


class PaneCache:
    """Of one partition. Not thread-safe.

    stored: the encoded pane of a key, None where there is none. damaged: the error to raise where that is no pane.
    """

    def __init__(self, stored: Callable[[bytes], bytes | None], damaged: Callable[[str], Exception]) -> None:
        self._stored = stored
        self._damaged = damaged
        self._panes: Changed = {}
        self._trim_at = LOOK_EVERY_PANES

    def __len__(self) -> int:
        return len(self._panes)

    def pane(self, key: bytes) -> Pane:
        """The pane as it stands, an empty one where there is none. The caller may change it, and then writes it."""
        return self.known(key) or self._keep(key, Pane())

    def known(self, key: bytes) -> Pane | None:
        """The same; None where there is none."""
        found = self._panes.get(key)
        if isinstance(found, Pane):
            return found
        value = self._stored(key) if found is None else found
        if value is None:
            return None
        try:
            return self._keep(key, decode_pane(value, parse_pane_key(key)[2]))
        except (ValueError, TypeError, IndexError) as exc:
            raise self._damaged("an unreadable pane") from exc

    def begin(self, key: bytes, value: bytes) -> None:
        """A pane that was nowhere, encoded: most are never changed again where hardly two sales share a minute."""
        self._panes[key] = value

    def written(self, changed: Changed, values: Iterable[bytes]) -> None:
        """Keep small panes as they were written: nobody may change them for a long time, and as objects each is many.

        The garbage collector looked at some 100,000 of them at a time, while everybody waited for 50 to 100 ms.
        """
        for (key, pane), value in zip(changed.items(), values, strict=True):
            if isinstance(pane, Pane) and len(pane.seconds) < MANY_SECONDS:
                self._panes[key] = value

    def trim(self) -> None:
        """Drop the panes that were first used longest ago. Only between flushes: none is being changed then."""
        panes = self._panes
        if len(panes) < self._trim_at:
            return
        seconds = sum(map(_seconds, panes.values()))
        if len(panes) > CACHED_PANES or seconds > CACHED_SECONDS:
            keep = min(CACHED_PANES, int(len(panes) * CACHED_SECONDS / max(seconds, 1))) * 3 // 4
            for key in list(panes)[: len(panes) - keep]:
                del panes[key]
        self._trim_at = len(panes) + LOOK_EVERY_PANES

    def clear(self) -> None:
        """Forget all."""
        self._panes.clear()
        self._trim_at = LOOK_EVERY_PANES

    def _keep(self, key: bytes, pane: Pane) -> Pane:
        self._panes[key] = pane
        return pane


def _seconds(pane: Pane | bytes) -> int:
    return len(pane.seconds) if isinstance(pane, Pane) else len(pane) // SECOND_BYTES


@dataclass(frozen=True, slots=True)
class SourcePanes:
    """The panes of one source partition, with those of others in a cache."""

    cache: PaneCache
    role: int
    partition: int

    def fold(self, sales: Iterable[Sale]) -> Changed:
        """Count sales, as rankings.panes.fold; returns every pane that they touch."""
        head, pane = pane_head(self.role, self.partition), self.cache.pane
        touched: Changed = {}

        def pane_of(schedule_id: str, minute: int) -> Pane:
            key = head + place_of(schedule_id, minute)
            found = touched[key] = pane(key)
            return found

        fold(pane_of, sales)
        return touched

    def add(self, parts: Parts) -> Changed | None:
        """Add a tally's parts to their panes; returns these.

        None, and nothing is changed, where a pane has taken a sale at or above the first one of its part: somebody has
        to look at each.
        """
        head, cache = pane_head(self.role, self.partition), self.cache
        keys = [head + place for place in parts.places]
        panes = list(map(cache.known, keys))
        for pane, first in zip(panes, parts.first, strict=True):
            if pane is not None and first <= pane.applied:
                return None
        touched: Changed = {}
        for key, pane, part in zip(keys, panes, parts.each(), strict=True):
            if pane is None:
                value = touched[key] = encode_new(part.first, part.applied, part.cells)
                cache.begin(key, value)
            else:
                pane.take(part.first, part.applied, cells_of(part.cells, minute_of(part.place)))
                touched[key] = pane
        return touched
