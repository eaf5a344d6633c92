"""Some thousand records of one source partition on their way into its panes: sale by sale, or as a tally.

Both give the same panes, positions and dead letters; a tally that cannot becomes sale by sale.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from ranking_app.rankings.tally import Ids, Tally, ids_of, without
from schemas.decode import Bad, Decoded
from schemas.record import Record
from tables.changed import Changed
from tables.pane_cache import SourcePanes

MANY_REPEATED = 4
"""Where more than one in so many sales of a slice goes, it is quicker to look at all of them."""


class Slice(Protocol):
    """Consecutive records, decoded."""

    @property
    def records(self) -> Sequence[Record]:
        """As they came."""
        ...

    @property
    def bad(self) -> list[Bad]:
        """Those that are no events."""
        ...

    @property
    def count(self) -> int:
        """Sales."""
        ...

    def ids(self) -> Ids:
        """Of the sales that have one."""
        ...

    def without(self, duplicates: frozenset[int]) -> "Slice":
        """The slice without the sales at these source offsets."""
        ...

    def late(self, watermark_ms: int | None, grace_ms: int) -> tuple[int, int | None]:
        """As count_late."""
        ...

    def fold(self, panes: SourcePanes) -> Changed:
        """Count the sales; returns the panes that they touch."""
        ...

    def sale_by_sale(self) -> "SalesSlice":
        """The same, so that one can look at each."""
        ...


class SalesSlice:
    """Sale by sale."""

    def __init__(self, records: Sequence[Record], decoded: Decoded) -> None:
        self.records = records
        self.sales, self.bad = decoded

    @property
    def count(self) -> int:
        """Sales."""
        return len(self.sales)

    def ids(self) -> Ids:
        """Of the sales that have one."""
        return ids_of(self.sales)

    def without(self, duplicates: frozenset[int]) -> "SalesSlice":
        """The slice without the sales at these source offsets."""
        sales = [sale for sale in self.sales if sale.offset not in duplicates]
        return SalesSlice(self.records, Decoded(sales, self.bad))

    def late(self, watermark_ms: int | None, grace_ms: int) -> tuple[int, int | None]:
        """As count_late."""
        return count_late([sale.at_ms for sale in self.sales], watermark_ms, grace_ms)

    def fold(self, panes: SourcePanes) -> Changed:
        """Count the sales; returns the panes that they touch."""
        return panes.fold(self.sales)

    def sale_by_sale(self) -> "SalesSlice":
        """The same, so that one can look at each."""
        return self


class TalliedSlice:
    """Added up elsewhere. decode: what the child does, here, of any of the records.

    repeated: offsets of sales that are not in the tally any more.
    """

    def __init__(
        self,
        records: Sequence[Record],
        tally: Tally,
        decode: Callable[[Sequence[Record]], SalesSlice],
        repeated: frozenset[int] = frozenset(),
    ) -> None:
        self.records = records
        self.bad = tally.bad
        self.count = tally.sales
        self._tally = tally
        self._decode = decode
        self._repeated = repeated

    def ids(self) -> Ids:
        """Of the sales that have one."""
        return self._tally.ids()

    def without(self, duplicates: frozenset[int]) -> Slice:
        """The slice without the sales at these source offsets. Called once."""
        repeated = [record for record in self.records if record.offset in duplicates]
        if not repeated:
            return self
        few = len(repeated) * MANY_REPEATED <= len(self.records)
        tally = without(self._tally, self._decode(repeated).sales) if few else None
        if tally is None:
            return self._decode(self.records).without(duplicates)
        return TalliedSlice(self.records, tally, self._decode, duplicates)

    def late(self, watermark_ms: int | None, grace_ms: int) -> tuple[int, int | None]:
        """As count_late."""
        tally = self._tally
        if tally.sales and not self._repeated:
            newest_ms = tally.newest_ms if watermark_ms is None else max(tally.newest_ms, watermark_ms)
            if tally.oldest_ms >= newest_ms - grace_ms:
                return 0, newest_ms  # the usual case: nothing can be late
        times_ms = tally.times_ms()
        if self._repeated:
            offsets = tally.ids().offsets
            if len(offsets) < len(times_ms):  # some have no id, so it is not known which time is whose
                return self.sale_by_sale().late(watermark_ms, grace_ms)
            times_ms = [at_ms for at_ms, at in zip(times_ms, offsets, strict=True) if at not in self._repeated]
        return count_late(times_ms, watermark_ms, grace_ms)

    def fold(self, panes: SourcePanes) -> Changed:
        """Count the sales; returns the panes that they touch."""
        touched = panes.add(self._tally.parts)
        return self.sale_by_sale().fold(panes) if touched is None else touched

    def sale_by_sale(self) -> SalesSlice:
        """The same, so that one can look at each."""
        return self._decode(self.records).without(self._repeated)


def count_late(times_ms: Sequence[int], watermark_ms: int | None, grace_ms: int) -> tuple[int, int | None]:
    """How many are more than grace_ms behind the watermark as it stands when they come, and where it stands after.

    >>> count_late([100_000, 39_999, 40_000], None, 60_000)
    (1, 100000)
    """
    if not times_ms:
        return 0, watermark_ms
    newest = max(times_ms) if watermark_ms is None else max(watermark_ms, max(times_ms))
    if min(times_ms) >= newest - grace_ms:
        return 0, newest  # the usual case: nothing can be late
    late, mark = 0, times_ms[0] if watermark_ms is None else watermark_ms
    for at_ms in times_ms:
        if at_ms > mark:
            mark = at_ms
        elif at_ms < mark - grace_ms:
            late += 1
    return late, mark
