"""The panes that a flush changes, on their way into the changelog, the store and the read model."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ranking_app.rankings.tally import NUMBERS
from tables.store import Pair

FreshColumns = NDArray[np.int64]

FRESH_COLUMNS = 1 + NUMBERS
"""The role, and then as Parts.numbers (rankings.tally): applied, first, second since the epoch, completed, cancelled,
amount of a pane of one cell."""

NO_COLUMNS: FreshColumns = np.empty((FRESH_COLUMNS, 0), np.int64)
"""Of no pane."""


@dataclass(slots=True)
class Changed:
    """Panes as they stand after some sales, by key, encoded (rankings.panes).

    fresh: panes of one cell that were not there before, as nearly all are with many schedules. columns: the same as
    numbers, in their order, shape (FRESH_COLUMNS, fresh): nobody has to read their texts. others: all others.
    """

    fresh: dict[bytes, bytes] = field(default_factory=dict)
    columns: FreshColumns = field(default_factory=lambda: NO_COLUMNS)
    others: dict[bytes, bytes] = field(default_factory=dict)

    def update(self, later: "Changed") -> None:
        """Have the panes that changed after these, too. Fresh ones are neither here nor among its others."""
        if again := self.fresh.keys() & later.others.keys():
            self.columns = self.columns[:, [key not in again for key in self.fresh]]
            for key in again:
                del self.fresh[key]
        self.fresh.update(later.fresh)
        self.columns = np.hstack((self.columns, later.columns)) if self.columns.size else later.columns
        self.others.update(later.others)

    def pairs(self) -> list[Pair]:
        """All of them, the fresh ones first."""
        return [*self.fresh.items(), *self.others.items()]
