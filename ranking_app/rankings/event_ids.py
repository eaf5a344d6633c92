"""Event ids as they are remembered: 128-bit digests, so that an id of any length takes 16 bytes."""

from collections.abc import Iterable

from xxhash import xxh3_128_digest

DIGEST_BYTES = 16


def digests_of(ids: Iterable[str]) -> list[bytes]:
    """
    >>> [digest.hex()[:8] for digest in digests_of(["a", "a", "b"])]
    ['a96faf70', 'a96faf70', '4b2212e3']
    """
    return list(map(xxh3_128_digest, map(str.encode, ids)))


def split_digests(joined: bytes) -> list[bytes]:
    """
    >>> split_digests(b"".join(digests_of(["a", "b"]))) == digests_of(["a", "b"])
    True
    """
    return [joined[at : at + DIGEST_BYTES] for at in range(0, len(joined), DIGEST_BYTES)]
