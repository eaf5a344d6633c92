"""What changed, revision by revision, so that what was computed before can be mended instead of made anew."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, takewhile
from typing import Any

KEPT_IDS = 200_000
"""Of the newest revisions; and of those before, so many are kept together, and twice as many different ones in all. Who
has not looked for so long begins anew, which costs no more than catching up."""

MOST_TOGETHER = 8
"""So many times: what changes for ever, as a listing does, is not for ever among what somebody missed."""

FROM_EVER_S, FOR_EVER_S = -(2**63), 2**63


@dataclass(frozen=True, slots=True)
class Changes:
    """ids: of schedules that changed. from_s, until_s: nothing that happened outside of [from_s, until_s) did."""

    ids: Set[str]
    from_s: int
    until_s: int = FOR_EVER_S


NOTHING = Changes(frozenset(), FOR_EVER_S, FROM_EVER_S)


class ChangeLog:
    """Revisions and their changes: the newest ones each by itself, those before some together.

    While a backlog is read, a board that is asked once a second misses more than KEPT_IDS; but the same schedules come
    again and again, and to make it anew would take so long that it misses as many again.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._newest: deque[Changes] = deque()
        self._newest_ids = 0
        self._before: deque[_Together] = deque()
        """Of the revisions before those in _newest."""
        self._forgotten = 0
        """The newest revision of which nothing is known any more."""

    def add(self, changes: Changes) -> None:
        """A new revision, by these changes."""
        self.revision += 1
        self._newest.append(changes)
        self._newest_ids += len(changes.ids)
        while self._newest_ids > KEPT_IDS:
            oldest = self._newest.popleft()
            self._newest_ids -= len(oldest.ids)
            self._keep_together(oldest, self.revision - len(self._newest))

    def since(self, revision: int) -> Changes | None:
        """Everything after a revision, and perhaps some of what was before; None where that is no longer known."""
        if revision == self.revision:
            return NOTHING
        if not self._forgotten <= revision < self.revision:
            return None
        missed = self.revision - revision
        if missed == 1 and self._newest:
            return self._newest[-1]
        before = takewhile(lambda some: some.revision > revision, reversed(self._before))
        parts: list[Changes | _Together] = [*islice(reversed(self._newest), missed), *before]
        return Changes(
            _Union([part.ids for part in parts]),
            min(part.from_s for part in parts),
            max(part.until_s for part in parts),
        )

    def _keep_together(self, changes: Changes, revision: int) -> None:
        if not self._before or self._before[-1].added >= KEPT_IDS:
            self._before.append(_Together())
        self._before[-1].add(changes)
        self._before[-1].revision = revision
        while sum(len(some.ids) for some in self._before) > 2 * KEPT_IDS or len(self._before) > MOST_TOGETHER:
            self._forgotten = self._before.popleft().revision


class _Union(Set[str]):
    """Put together when somebody asks: of what a backlog brings, most boards need no ids. It may grow until then."""

    def __init__(self, parts: Sequence[Set[str]]) -> None:
        self._parts = parts

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        """What `|` and `&` make of it; as inherited, they would call the class with ids in place of parts."""
        return set(it)

    @cached_property
    def _ids(self) -> set[str]:
        return set().union(*self._parts)

    def __contains__(self, one: object) -> bool:
        return one in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


class _Together:
    """Changes of some revisions, the last of which is `revision`. added: how many ids came, however often."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.from_s, self.until_s = NOTHING.from_s, NOTHING.until_s
        self.revision = self.added = 0

    def add(self, more: Changes) -> None:
        self.ids |= more.ids
        self.added += len(more.ids)
        self.from_s = min(self.from_s, more.from_s)
        self.until_s = max(self.until_s, more.until_s)
