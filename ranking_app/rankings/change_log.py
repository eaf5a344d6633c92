"""What changed, revision by revision, so that what was computed before can be mended instead of made anew."""

from collections import deque
from dataclasses import dataclass
from itertools import islice

KEPT_IDS = 200_000
"""Of the newest revisions, and as many different ones of those before. Who has not looked for so long begins anew,
which costs no more than catching up."""

FROM_EVER_S, FOR_EVER_S = -(2**63), 2**63


@dataclass(frozen=True, slots=True)
class Changes:
    """ids: of schedules that changed. from_s, until_s: nothing that happened outside of [from_s, until_s) did."""

    ids: frozenset[str] | set[str]
    from_s: int
    until_s: int = FOR_EVER_S


NOTHING = Changes(frozenset(), FOR_EVER_S, FROM_EVER_S)


class ChangeLog:
    """Revisions and their changes: the newest ones each by itself, those before all together.

    While a backlog is read, a board that is asked once a second misses more than KEPT_IDS; but the same schedules come
    again and again, and to make it anew would take so long that it misses as many again.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._newest: deque[Changes] = deque()
        self._newest_ids = 0
        self._forgotten = 0
        """The newest revision of which nothing is known any more."""
        self._before = _Together()
        """Of the revisions after that one, up to those in _newest."""

    def add(self, changes: Changes) -> None:
        """A new revision, by these changes."""
        self.revision += 1
        self._newest.append(changes)
        self._newest_ids += len(changes.ids)
        while self._newest_ids > KEPT_IDS:
            oldest = self._newest.popleft()
            self._newest_ids -= len(oldest.ids)
            self._before.add(oldest)
            if len(self._before.ids) > KEPT_IDS:
                self._before = _Together()
                self._forgotten = self.revision - len(self._newest)

    def since(self, revision: int) -> Changes | None:
        """Everything after a revision, and perhaps some of what was before; None where that is no longer known."""
        if revision == self.revision:
            return NOTHING
        if not self._forgotten <= revision < self.revision:
            return None
        missed = self.revision - revision
        if missed == 1 and self._newest:
            return self._newest[-1]
        together = _Together()
        for changes in islice(reversed(self._newest), missed):
            together.add(changes)
        if missed > len(self._newest):
            together.add(self._before)
        return Changes(together.ids, together.from_s, together.until_s)


class _Together:
    """Changes of some revisions."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.from_s, self.until_s = NOTHING.from_s, NOTHING.until_s

    def add(self, more: "Changes | _Together") -> None:
        self.ids |= more.ids
        self.from_s = min(self.from_s, more.from_s)
        self.until_s = max(self.until_s, more.until_s)
