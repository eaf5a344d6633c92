"""The growing Bloom filter: never forgets, seldom guesses, stays small."""

import numpy as np

from tables.bloom import BITS_PER_ID, BloomFilter

random = np.random.default_rng(7)


def ids(count: int) -> "np.ndarray":
    return random.integers(0, 2**64, size=(count, 2), dtype=np.uint64)


def test_everything_added_is_perhaps_seen() -> None:
    bloom, known = BloomFilter(), ids(200_000)
    for start in range(0, len(known), 7_000):
        bloom.add(known[start : start + 7_000])
    assert len(bloom.perhaps_seen(known)) == len(known)


def test_new_ids_are_seldom_taken_for_known_ones() -> None:
    bloom = BloomFilter()
    bloom.add(ids(200_000))
    assert len(bloom.perhaps_seen(ids(100_000))) < 100


def test_memory_is_in_proportion_to_the_ids() -> None:
    bloom = BloomFilter()
    for _ in range(20):
        bloom.add(ids(10_000))
    assert bloom.size_bytes <= 200_000 * BITS_PER_ID / 8 * 4


def test_an_empty_filter_has_seen_nothing() -> None:
    assert len(BloomFilter().perhaps_seen(ids(10))) == 0
