"""The ids that came last, in memory: what most repeats are found in, and what runs are made of."""

from array import array
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ranking_app.rankings.event_ids import DIGEST_BYTES

Rows = npt.NDArray[np.uint64]
"""Shape (ids, 4): the digest's two halves, source offset, arrival in ms."""

Column = npt.NDArray[np.uint64]

PARTS = 64
"""Of digests, by their first six bits: alike in size, as digests are."""

_PART_SHIFT = np.uint64(64 - PARTS.bit_length() + 1)


class HotIds:
    """Digests with source offset and arrival, in columns, found by a dict. Not thread-safe.

    An id that came twice keeps both rows; the dict has the later one.
    """

    def __init__(self) -> None:
        self._row_of: dict[bytes, int] = {}
        self._digests = bytearray()
        self._offsets = array("Q")
        self._arrivals_ms = array("Q")

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, digests: Sequence[bytes], offsets: Sequence[int], arrival_ms: int) -> None:
        """Ids that arrived together."""
        first = len(self._offsets)
        self._row_of.update(zip(digests, range(first, first + len(digests)), strict=True))
        self._digests += b"".join(digests)
        self._offsets.extend(offsets)
        self._arrivals_ms.extend(array("Q", (arrival_ms,)) * len(digests))

    def among(self, digests: Sequence[bytes]) -> Collection[int]:
        """Indices of those that are known."""
        known = self._row_of
        if known.keys().isdisjoint(digests):  # as a rule
            return ()
        return [index for index, digest in enumerate(digests) if digest in known]

    def stamps(self, digest: bytes) -> Iterator[tuple[int, int]]:
        """Source offset and arrival of an id as it came last, if it is known."""
        row = self._row_of.get(digest)
        if row is not None:
            yield self._offsets[row], self._arrivals_ms[row]

    def arrivals_ms(self) -> Column:
        """Of all of them, in the order in which they came. While somebody has it, no id may be added."""
        return np.frombuffer(self._arrivals_ms, "<u8")

    def parts(self) -> npt.NDArray[np.uint8]:
        """Of all of them, the part of PARTS that each is in: the higher its digest is, the higher is its part."""
        return (self._halves()[:, 0] >> _PART_SHIFT).astype(np.uint8)

    def sorted_rows(self, which: npt.NDArray[np.intp]) -> Rows:
        """Those with these indices, in the order of their digests (of equal first halves: in any)."""
        halves = self._halves()
        which = which[np.argsort(halves[which, 0])]
        rows = np.empty((len(which), 4), dtype="<u8")
        rows[:, :2] = halves[which]
        rows[:, 2] = np.frombuffer(self._offsets, "<u8")[which]
        rows[:, 3] = self.arrivals_ms()[which]
        return rows

    def _halves(self) -> npt.NDArray[np.uint64]:
        return np.frombuffer(self._digests, dtype="<u8").reshape(-1, DIGEST_BYTES // 8)
