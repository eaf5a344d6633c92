"""CPU time and memory of trees of processes, from /proc."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

SAMPLE_EVERY_S = 0.05

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Sample(NamedTuple):
    """at_s: since the epoch. cpu_s: user and system, of all processes so far. rss_bytes: of all that live."""

    at_s: float
    cpu_s: float
    rss_bytes: int


class Usage:
    """Watches trees of processes while it is entered."""

    def __init__(self, roots: Sequence[int]) -> None:
        self._roots = roots
        self._cpu_of: dict[int, float] = {}
        self._samples: list[Sample] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="usage", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def peak_rss_mib(self) -> int:
        """The most that all of them had at once, in MiB."""
        return max((sample.rss_bytes for sample in self._samples), default=0) // (1024 * 1024)

    def cpu_s(self, from_s: float, until_s: float) -> float:
        """CPU seconds used in a stretch of time, seconds since the epoch."""
        return cpu_at(self._samples, until_s) - cpu_at(self._samples, from_s)

    def _watch(self) -> None:
        while True:
            self._samples.append(self._sample())
            if self._ended.wait(SAMPLE_EVERY_S):
                return

    def _sample(self) -> Sample:
        rss_bytes = 0
        for pid in {pid for root in self._roots for pid in tree(root)}:
            if (found := _read(pid)) is not None:
                self._cpu_of[pid], of_this = found  # of one that has ended, what was seen last stays
                rss_bytes += of_this
        return Sample(time.time(), sum(self._cpu_of.values()), rss_bytes)


def tree(root: int) -> Iterator[int]:
    """A process and all that it started, as far as they live."""
    yield root
    for children in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for pid in found:
            yield from tree(int(pid))


def cpu_at(samples: Sequence[Sample], at_s: float) -> float:
    """CPU seconds used until then, on the straight line between the samples around it.

    >>> cpu_at([Sample(10.0, 1.0, 0), Sample(12.0, 2.0, 0)], 11.0)
    1.5
    """
    before = samples[0]
    for sample in samples:
        if sample.at_s >= at_s:
            length_s = sample.at_s - before.at_s
            share = (at_s - before.at_s) / length_s if length_s > 0 else 0.0
            return before.cpu_s + max(share, 0.0) * (sample.cpu_s - before.cpu_s)
        before = sample
    return before.cpu_s


def _read(pid: int) -> tuple[float, int] | None:
    try:
        # The name, in brackets, may hold anything; behind it stands the state, field 3 of proc(5).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S, int(fields[21]) * _PAGE_BYTES
