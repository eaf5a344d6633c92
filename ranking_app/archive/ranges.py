"""Ranges of offsets of one partition, each half-open: which overlap, what is missing between them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeVar


class Range(Protocol):
    """[first_offset, next_offset)."""

    @property
    def first_offset(self) -> int:
        """The first offset that is in."""
        ...

    @property
    def next_offset(self) -> int:
        """The first offset that is out."""
        ...


class Span(NamedTuple):
    """[first_offset, next_offset).

    >>> str(Span(3, 7))
    '3 to 6'
    """

    first_offset: int
    next_offset: int

    def __str__(self) -> str:
        return f"{self.first_offset} to {self.next_offset - 1}"


R = TypeVar("R", bound=Range)


def in_order(ranges: Iterable[R]) -> list[R]:
    """By offset."""
    return sorted(ranges, key=lambda one: (one.first_offset, one.next_offset))


def overlaps(ordered: Sequence[R]) -> Iterator[tuple[R, R]]:
    """Each range that has offsets of one before it, with that one.

    >>> list(overlaps([Span(0, 9), Span(2, 3), Span(8, 12)]))
    [(Span(first_offset=0, next_offset=9), Span(first_offset=2, next_offset=3)), (Span(first_offset=0, next_offset=9), \
Span(first_offset=8, next_offset=12))]
    """
    longest: R | None = None
    for one in ordered:
        if longest is not None and one.first_offset < longest.next_offset:
            yield longest, one
        if longest is None or one.next_offset > longest.next_offset:
            longest = one


def merged(ordered: Sequence[Range]) -> list[Span]:
    """The ranges, joined where one begins at the end of another.

    >>> merged([Span(0, 5), Span(5, 7), Span(9, 12)])
    [Span(first_offset=0, next_offset=7), Span(first_offset=9, next_offset=12)]
    """
    found: list[Span] = []
    for one in ordered:
        if found and one.first_offset <= found[-1].next_offset:
            found[-1] = Span(found[-1].first_offset, max(one.next_offset, found[-1].next_offset))
        else:
            found.append(Span(one.first_offset, one.next_offset))
    return found


def holes(ordered: Sequence[Range]) -> list[Span]:
    """What is missing between the first and the last.

    >>> [str(hole) for hole in holes([Span(0, 5), Span(5, 7), Span(9, 12)])]
    ['7 to 8']
    """
    return [Span(before.next_offset, after.first_offset) for before, after in pairwise(merged(ordered))]
