"""A Bloom filter that grows: it answers "surely new" or "perhaps seen" for whole batches of ids at once.

Source of the method: B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors", CACM 13 (7), 1970;
double hashing after A. Kirsch and M. Mitzenmacher, "Less hashing, same performance", ESA 2006; growth by doubling
slices after P. Almeida et al., "Scalable Bloom filters", IPL 101 (6), 2007.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

BITS_PER_ID = 20
"""With 7 probes about one in 10,000 new ids is looked up for nothing."""

PROBES = 7
SMALLEST_IDS = 1 << 16
LARGEST_IDS = 1 << 24
"""A slice stops growing at 40 MiB; past that the slices only fill up, and answers stay right but cost look-ups."""

MOST_IDS_IN_ALL = 1 << 25
"""Memory is bounded: after 32 million ids the last slice takes all that comes."""

Hashes = npt.NDArray[np.uint64]
"""Shape (ids, 2): the two halves of each 128-bit digest."""


class BloomFilter:
    """Grows by slices of doubling size. Not thread-safe."""

    def __init__(self) -> None:
        self._slices: list[_Slice] = []
        self._ids = 0

    def add(self, hashes: Hashes) -> None:
        """Remember all of them."""
        if not len(hashes):
            return
        current = self._slices[-1] if self._slices else self._grow()
        if current.ids + len(hashes) > current.capacity and self._ids < MOST_IDS_IN_ALL:
            current = self._grow()
        current.add(hashes)
        self._ids += len(hashes)

    def perhaps_seen(self, hashes: Hashes) -> npt.NDArray[np.intp]:
        """Indices of those that may have been added; every id that was added is among them."""
        maybe = np.zeros(len(hashes), dtype=bool)
        for part in self._slices:
            maybe[part.perhaps_seen(hashes)] = True
        return np.flatnonzero(maybe)

    @property
    def size_bytes(self) -> int:
        """Memory of the slices, in bytes."""
        return sum(part.words.nbytes for part in self._slices)

    def _grow(self) -> "_Slice":
        wanted = self._slices[-1].capacity * 2 if self._slices else SMALLEST_IDS
        self._slices.append(_Slice(min(wanted, LARGEST_IDS)))
        return self._slices[-1]


class _Slice:
    """One plain Bloom filter; its number of bits is a power of two, so that a mask replaces the modulus."""

    def __init__(self, capacity: int) -> None:
        bits = 1 << (capacity * BITS_PER_ID - 1).bit_length()
        self.capacity = capacity
        self.ids = 0
        self.words: npt.NDArray[np.uint64] = np.zeros(bits // 64, dtype=np.uint64)
        self._mask = np.uint64(bits - 1)

    def add(self, hashes: Hashes) -> None:
        for probe in range(PROBES):
            word, bit = self._place(hashes, probe)
            np.bitwise_or.at(self.words, word, bit)
        self.ids += len(hashes)

    def perhaps_seen(self, hashes: Hashes) -> npt.NDArray[np.intp]:
        left = np.arange(len(hashes))
        for probe in range(PROBES):
            word, bit = self._place(hashes[left], probe)
            left = left[(self.words[word] & bit) != 0]
            if not len(left):
                break
        return left

    def _place(self, hashes: Hashes, probe: int) -> tuple[Any, Any]:
        """Word index and bit of one probe for each id. Overflow of uint64 wraps round, as wanted."""
        at = (hashes[:, 0] + np.uint64(probe) * (hashes[:, 1] | np.uint64(1))) & self._mask
        return at >> np.uint64(6), np.uint64(1) << (at & np.uint64(63))
