"""Reads panes that come again and again, each time a little longer: only what is new in one is read.

A busy minute is read several times a second, and by its end it has sixty seconds in each source partition: reading all
of them was half of what a busy schedule took.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ranking_app.rankings.panes import Cell, parts_of

LONG_BYTES = 150
"""Shorter ones, of some eight seconds, are as soon read."""

MOST_KEPT = 3_000
"""Panes, up to 10 kB each, most of which its curve has, too: of the newest minutes. All are forgotten when there are
more."""


class _Known(NamedTuple):
    """A pane as it was read. same: its text from its lowest offset to the last cell but one, which come before new ones
    as a rule; cells: all of them.
    """

    same: bytes
    cells: list[Cell]


class GrowingPanes:
    """What was read last. Not thread-safe."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def parts_of(self, key: bytes, value: bytes, minute: int) -> tuple[int, int | None, Sequence[Cell]]:
        """As rankings.panes.parts_of, of the pane with this key, as encode_pane has written it. ValueError.

        One that has a lowest offset never comes without it again: else the numbers behind might be read as others.
        """
        if len(value) < LONG_BYTES:
            return parts_of(value, minute)
        start = value.index(b",")
        known = self._known.get(key)
        if known is not None and value.startswith(known.same, start):
            first_end = known.same.index(b",", 1)
            # With its applied and lowest offset, and with the comma that `same` ends with.
            new = value[:start] + known.same[:first_end] + value[start + len(known.same) - 1 :]
            applied, first, cells = parts_of(new, minute)
            cells = known.cells[:-1] + cells
        else:
            applied, first, cells = parts_of(value, minute)
        if first is not None:
            self._keep(key, _Known(value[start:-1].rsplit(b",", 4)[0] + b",", cells))
        return applied, first, cells

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()

    def _keep(self, key: bytes, known: _Known) -> None:
        if len(self._known) >= MOST_KEPT and key not in self._known:
            self._known.clear()
        self._known[key] = known
