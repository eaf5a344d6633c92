"""The position of one source partition: how far it has been applied, and what was counted on the way."""

from dataclasses import dataclass, replace

import orjson

FIELDS = 9


@dataclass(frozen=True, slots=True)
class Position:
    """Everything below `next_offset` of a source partition is in the panes, the ids or the dead letters.

    watermark_ms: newest event time counted, None before the first. The counters are totals since the state began.
    A position is written in the same record batch as what it speaks of, so it is never ahead and never behind.
    """

    next_offset: int = 0
    watermark_ms: int | None = None
    counted: int = 0
    late: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    written_at_ms: int = 0
    """Wall clock of the flush; tells how long a partition has brought nothing."""

    owner: str | None = None
    """The worker that wrote it; None before workers had names."""

    takeovers: int = 0
    """How many times a worker began to own the partition."""

    def encode(self) -> bytes:
        """A JSON array, in the order of the fields."""
        return orjson.dumps(
            [
                self.next_offset,
                self.watermark_ms,
                self.counted,
                self.late,
                self.duplicates,
                self.dead_letters,
                self.written_at_ms,
                self.owner,
                self.takeovers,
            ]
        )

    @classmethod
    def decode(cls, value: bytes) -> "Position":
        """The inverse of encode; fields added by a later version are left out, missing ones have their defaults."""
        return cls(*orjson.loads(value)[:FIELDS])

    def moved(self, **changes: int | None) -> "Position":
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def taken_over_by(self, owner: str) -> "Position":
        """As it is when owner begins to own the partition. written_at_ms stays: that brings nothing."""
        return replace(self, owner=owner, takeovers=self.takeovers + 1)
