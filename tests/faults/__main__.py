"""The fault suite: python -m tests.faults [--seed N] [--duration-seconds S] [--rate EVENTS_PER_SECOND] [--keep DIR].

A run that failed can be had again: the faults and the events depend on seed, duration and rate alone. The last line
is JSON; the exit code is 1 if a number differed or a read was answered by nobody.
"""

import argparse
import logging
import random
import sys
import tempfile
from pathlib import Path

from tests.faults.diary import Diary
from tests.faults.run import Result, Size, run

DURATION_S = 600.0
RATE = 5_000.0


def main(arguments: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Faults under load, all numbers checked."
    )
    parser.add_argument("--seed", type=int, default=None, help="drawn if not given, and printed")
    parser.add_argument("--duration-seconds", type=float, default=DURATION_S, help="how long events flow")
    parser.add_argument("--rate", type=float, default=RATE, help="events a second")
    parser.add_argument("--keep", type=Path, default=None, help="an empty directory for all logs and data, kept")
    given = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that brokers are gone now and then is known
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    result = _run_in(given.keep, Size(seed, given.duration_seconds, given.rate))
    print(result.line(), flush=True)
    return 0 if result.passed else 1


def _run_in(keep: Path | None, size: Size) -> Result:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        return run(size, keep.absolute(), Diary())
    with tempfile.TemporaryDirectory(prefix="ranking-faults-", ignore_cleanup_errors=True) as directory:
        return run(size, Path(directory), Diary())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
