"""What changed, revision by revision, so that what was computed before can be mended instead of made anew."""

from collections import deque
from dataclasses import dataclass

KEPT_IDS = 200_000
"""Over all revisions together. Who has not looked for so long begins anew, which costs no more than catching up."""

FROM_EVER_S, FOR_EVER_S = -(2**63), 2**63


@dataclass(frozen=True, slots=True)
class Changes:
    """ids: of schedules that changed. from_s, until_s: nothing that happened outside of [from_s, until_s) did."""

    ids: frozenset[str] | set[str]
    from_s: int
    until_s: int = FOR_EVER_S


NOTHING = Changes(frozenset(), FOR_EVER_S, FROM_EVER_S)


class ChangeLog:
    """Revisions and their changes; the newest ones, as far as KEPT_IDS reaches."""

    def __init__(self) -> None:
        self.revision = 0
        self._log: deque[tuple[int, Changes]] = deque()
        self._ids = 0

    def add(self, changes: Changes) -> None:
        """A new revision, by these changes."""
        self.revision += 1
        self._log.append((self.revision, changes))
        self._ids += len(changes.ids)
        while self._ids > KEPT_IDS:
            self._ids -= len(self._log.popleft()[1].ids)

    def since(self, revision: int) -> Changes | None:
        """Everything after a revision, or None where that is no longer known."""
        if revision == self.revision:
            return NOTHING
        missed = self.revision - revision
        if missed > len(self._log) or missed < 0:
            return None
        if missed == 1:
            return self._log[-1][1]
        newest = [self._log[-number][1] for number in range(1, missed + 1)]
        return Changes(
            set().union(*(changes.ids for changes in newest)),
            min(changes.from_s for changes in newest),
            max(changes.until_s for changes in newest),
        )
