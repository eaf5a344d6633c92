"""`make bench-quick`: has ours become much slower, compared with the ceiling on the same machine?"""

import json
from pathlib import Path

from benchmarks.peers.bars import divided, rate_of
from benchmarks.peers.result import Result

RECORDED = Path(__file__).with_name("recorded.json")

EVENTS = 400_000

SHARE = 0.5
"""Of the recorded ratio: machines differ in what they are good at, a mistake in the hot path shows by far more."""


def recorded_ratio() -> float:
    """What was measured on a quiet machine."""
    return float(json.loads(RECORDED.read_text())["ceiling_ratio"])


def last_line(results: list[Result]) -> dict[str, float | None]:
    """What is printed last, as JSON: null where a run failed or was wrong."""
    ours = rate_of(results, "ours", "skewed", "tumbling")
    ratio = divided(ours, rate_of(results, "aiokafka into a dict", "skewed", "tumbling"))
    return {
        "ceiling_ratio": None if ratio is None else round(ratio, 3),
        "events_per_second": None if ours is None else round(ours),
    }


def exit_code(ratio: float | None, recorded: float) -> int:
    """1 below half of what was recorded, or without figures.

    >>> exit_code(0.31, 0.6), exit_code(0.29, 0.6), exit_code(None, 0.6)
    (0, 1, 1)
    """
    return 0 if ratio is not None and ratio >= recorded * SHARE else 1
