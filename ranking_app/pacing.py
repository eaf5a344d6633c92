"""Holds a steady rate: many small slices instead of one burst a second. Pure: the time is an argument."""

import math

from ranking_app.errors import WrongUse

SLICE_S = 0.005
"""The usual pause between two slices: short against the latencies that a steady rate is used to measure."""

BURST_S = 0.010
"""No slice holds more than this much of the rate. Twice the pause: a delay is made up for at double speed."""

LARGEST_DEBT_S = 0.25
"""What is made up for after a delay; more of it (an idle stdin, a broker away) is forgiven."""


class WrongRate(WrongUse):
    """The rate is not a number of events a second above 0. Operator: give `--rate` one, or leave it out."""


class Pacer:
    """Says how many events may go now. Times are seconds of one monotonic clock.

    >>> pacer = Pacer(rate=1000, now_s=0.0)
    >>> pacer.take(0.0), pacer.take(0.005), pacer.take(0.006)
    (1, 5, 1)
    """

    def __init__(self, rate: float, now_s: float) -> None:
        if not (rate > 0 and math.isfinite(rate)):
            raise WrongRate(f"--rate: expected a number of events a second above 0, got {rate:g}")
        self._rate = rate
        self._largest_slice = max(1, int(rate * BURST_S))
        self._start_s = now_s
        self._taken = 0

    def take(self, now_s: float, most: int | None = None) -> int:
        """How many events to send now, at most `most`; they count as sent. 0: wait `pause_s`, ask again."""
        due = math.floor((now_s - self._start_s) * self._rate + 1e-6) + 1 - self._taken
        forgiven = due - max(1, math.ceil(LARGEST_DEBT_S * self._rate))
        if forgiven > 0:
            self._start_s += forgiven / self._rate
            due -= forgiven
        taken = max(0, min(due, self._largest_slice, due if most is None else most))
        self._taken += taken
        return taken

    def pause_s(self, now_s: float) -> float:
        """Seconds until it is worth asking again: one slice, or longer where events are further apart."""
        return max(SLICE_S, self._start_s + self._taken / self._rate - now_s)
