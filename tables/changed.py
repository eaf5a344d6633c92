"""The panes that a flush changes, on their way into the changelog, the store and the read model."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ranking_app.rankings.numbering import NO_NUMBER
from ranking_app.rankings.tally import NUMBERS
from tables.store import Pair

FRESH_COLUMNS = 1 + NUMBERS
"""The role, and then as Parts.numbers (rankings.tally): applied, first, second since the epoch, completed, cancelled,
amount of a pane of one cell."""


@dataclass(frozen=True, slots=True, eq=False)
class Fresh:
    """Panes of one cell that were not there before, as numbers.

    columns: shape (FRESH_COLUMNS, panes). schedules: the number of each one's schedule in the numbering with this name
    (rankings.numbering), or NO_NUMBER.
    """

    columns: NDArray[np.int64]
    schedules: NDArray[np.int32]
    numbering: str

    def __len__(self) -> int:
        return len(self.schedules)

    def of(self, which: slice | NDArray[np.bool_]) -> "Fresh":
        """Some of them."""
        return Fresh(self.columns[:, which], self.schedules[which], self.numbering)

    def and_these(self, later: "Fresh") -> "Fresh":
        """Both, these after those."""
        if not len(self) or not len(later):
            return later if len(later) else self
        schedules, numbering = later.schedules, self.numbering or later.numbering
        if later.numbering != numbering:  # the same numbers, for others
            schedules = np.full(len(later), NO_NUMBER, np.int32)
        columns = np.hstack((self.columns, later.columns))
        return Fresh(columns, np.concatenate((self.schedules, schedules)), numbering)


NO_FRESH = Fresh(np.empty((FRESH_COLUMNS, 0), np.int64), np.empty(0, np.int32), "")


@dataclass(slots=True)
class Changed:
    """Panes as they stand after some sales, by key, encoded (rankings.panes).

    fresh: panes of one cell that were not there before, as nearly all are with many schedules. numbers: the same in
    their order: nobody has to read their texts. others: all others.
    """

    fresh: dict[bytes, bytes] = field(default_factory=dict)
    numbers: Fresh = NO_FRESH
    others: dict[bytes, bytes] = field(default_factory=dict)

    def update(self, later: "Changed") -> None:
        """Have the panes that changed after these, too, and take them over. Fresh ones are neither here nor among its
        others."""
        if not self.fresh and not self.others:
            self.fresh, self.numbers, self.others = later.fresh, later.numbers, later.others
            return
        if again := self.fresh.keys() & later.others.keys():
            self.numbers = self.numbers.of(~np.fromiter(map(again.__contains__, self.fresh), bool, len(self.fresh)))
            for key in again:
                del self.fresh[key]
        self.fresh.update(later.fresh)
        self.numbers = self.numbers.and_these(later.numbers)
        self.others.update(later.others)

    def pairs(self) -> list[Pair]:
        """All of them, the fresh ones first."""
        return [*self.fresh.items(), *self.others.items()]
