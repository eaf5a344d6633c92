"""`ranking-app` with a fault in its own folding code, for the test of what happens then.

    python -m tests.support.broken_worker worker

Folding raises at any sale of the schedule "boom". Everything else is the real thing.
"""

from ranking_app.rankings import panes

POISON = "boom"


class ABugOfOurs(Exception):
    """Stands for a mistake in the folding code."""


def break_folding() -> None:
    """Replace what tells a sale's pane, before anything imports it by name."""
    real_place_of = panes.place_of

    def place_of(schedule_id: str, minute: int) -> bytes:
        if schedule_id == POISON:
            raise ABugOfOurs(f"cannot fold {schedule_id}")
        return real_place_of(schedule_id, minute)

    panes.place_of = place_of


if __name__ == "__main__":
    break_folding()
    from ranking_app.cli import main  # not before the folding is broken

    main()
