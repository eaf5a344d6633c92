"""What every process says of itself once a second, so that a promotion knows whom it waits for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

REPORT_INTERVAL_S = 1.0

SILENT_AFTER_MS = 5_000
"""A process that has said nothing for this long is gone, or as good as gone."""


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a process has a generation in memory. lag: source records behind the ends; complete: see the contract.

    next_offsets: by source topic, of each partition, as its tables have them. lines_done: events of NDJSON archives.
    """

    loaded: bool
    complete: bool
    lag: int
    counted: int
    next_offsets: Mapping[str, tuple[int, ...]]
    lines_done: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A process at a moment. counts: the generation whose partitions it shares in; None: it answers only."""

    instance: str
    address: str
    at_ms: int
    live: str
    counts: str | None
    followed: Mapping[str, Followed]
    stopped: bool = False
    """The last one."""

    def encode(self) -> bytes:
        """JSON."""
        return orjson.dumps(asdict(self))

    @classmethod
    def decode(cls, value: bytes) -> "Report":
        """The inverse."""
        fields: dict[str, Any] = orjson.loads(value)
        followed = {
            name: Followed(**{**one, "next_offsets": {t: tuple(o) for t, o in one["next_offsets"].items()}})
            for name, one in fields.pop("followed").items()
        }
        return cls(**fields, followed=followed)


class Instances:
    """Who is there, by the reports seen so far."""

    def __init__(self) -> None:
        self._newest: dict[str, Report] = {}

    def saw(self, report: Report) -> None:
        """One report, in the order in which they were written."""
        self._newest[report.instance] = report

    def there(self, now_ms: int) -> list[Report]:
        """The newest report of every process that is not gone; now_ms: wall clock."""
        found = [
            report
            for report in self._newest.values()
            if not report.stopped and now_ms - report.at_ms <= SILENT_AFTER_MS
        ]
        return sorted(found, key=lambda report: (report.address, report.instance))
