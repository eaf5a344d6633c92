"""`ranking-app` with a fault in its own folding code, for the test of what happens then.

    python -m tests.support.broken_worker worker

Folding raises at any sale of the schedule "boom". Everything else is the real thing.
"""

from collections.abc import Iterable
from typing import Any

from ranking_app.rankings import panes

POISON = "boom"


class ABugOfOurs(Exception):
    """Stands for a mistake in the folding code."""


def break_folding() -> None:
    """Replace the fold before anything imports it by name."""
    real_fold = panes.fold

    def fold(pane_of: Any, sales: Iterable[Any]) -> Any:
        listed = list(sales)
        for sale in listed:
            if sale.schedule_id == POISON:
                raise ABugOfOurs(f"cannot fold {sale.schedule_id}")
        return real_fold(pane_of, listed)

    panes.fold = fold


if __name__ == "__main__":
    break_folding()
    from ranking_app.cli import main  # not before the fold is broken

    main()
