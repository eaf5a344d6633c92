"""How fast a source partition is counted: events a second over the last minute."""

from collections import deque

RATE_OVER_MS = 60_000


class Rate:
    """Fed with a counter that only grows and the wall clock at which it was written; keeps one of them a second."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque()

    def saw(self, counted: int, at_ms: int) -> None:
        """The counter stood at `counted` at this time. A time before the last one counts as that one."""
        samples = self._samples
        if samples and at_ms <= samples[-1][0]:
            at_ms = samples[-1][0]
        # The first one is what the rest is counted from; of a second, only its newest is kept.
        if len(samples) > 1 and at_ms // 1000 == samples[-1][0] // 1000:
            samples.pop()
        samples.append((at_ms, counted))
        while len(samples) > 2 and samples[1][0] <= at_ms - RATE_OVER_MS:
            samples.popleft()

    def per_second(self, now_ms: int) -> float:
        """Over the last RATE_OVER_MS, or since the first time it was fed; 0 before that.

        >>> rate = Rate()
        >>> rate.saw(1_000, at_ms=0)
        >>> rate.saw(1_300, at_ms=30_000)
        >>> rate.per_second(30_000), rate.per_second(60_000), rate.per_second(90_000)
        (10.0, 5.0, 0.0)
        """
        if not self._samples:
            return 0.0
        before_ms, before = self._samples[0]
        for at_ms, counted in self._samples:
            if at_ms > now_ms - RATE_OVER_MS:
                break
            before_ms, before = at_ms, counted
        over_ms = min(max(now_ms - before_ms, 1_000), RATE_OVER_MS)
        return (self._samples[-1][1] - before) * 1000 / over_ms
