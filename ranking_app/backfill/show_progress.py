"""The progress of a backfill on a terminal, as a bar; elsewhere a line now and then."""

import time
from collections import deque

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from ranking_app.backfill.progress import Progress as Seen

RATE_OVER_S = 10.0

LINE_EVERY_S = 5.0


class Rate:
    """Records a second over the last RATE_OVER_S. Times are seconds of one monotonic clock.

    >>> rate = Rate()
    >>> [rate.saw(done, at_s) for done, at_s in ((0, 0.0), (100, 1.0), (300, 2.0))]
    [0.0, 100.0, 150.0]
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def saw(self, done: int, now_s: float) -> float:
        """The rate after one more look."""
        self._seen.append((now_s, done))
        while now_s - self._seen[0][0] > RATE_OVER_S:
            self._seen.popleft()
        since_s, before = self._seen[0]
        return (done - before) / (now_s - since_s) if now_s > since_s else 0.0


def line(name: str, seen: Seen, per_second: float) -> str:
    """One look as a line of text."""
    percent = 100 * seen.done / seen.total if seen.total else 100.0
    left = f"{seen.lag / per_second:,.0f} s left" if per_second > 0 and not seen.caught_up else "following"
    if not seen.caught_up and per_second <= 0:
        left = "not moving"
    live = "unknown" if seen.live_lag is None else f"{seen.live_lag:,}"
    return (
        f"{name}: {seen.done:,} of {seen.total:,} records ({percent:.1f} %), {per_second:,.0f}/s, {left}; "
        f"{seen.workers} worker{'' if seen.workers == 1 else 's'}; live lag {live}"
    )


class ProgressDisplay:
    """show() as often as there is something to see; close() at the end."""

    def __init__(self, name: str, on_terminal: bool) -> None:
        self._name = name
        self._rate = Rate()
        self._next_line_s = 0.0
        self._bar: Progress | None = None
        if on_terminal:
            columns: list[ProgressColumn] = [
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                _Numbers(),
                TimeRemainingColumn(),
            ]
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(name, total=None)
            self._bar.start()

    def show(self, seen: Seen) -> None:
        """One look."""
        now_s = time.monotonic()
        per_second = self._rate.saw(seen.done, now_s)
        if self._bar is not None:
            self._bar.update(self._task, completed=seen.done, total=seen.total, seen=seen, per_second=per_second)
        elif now_s >= self._next_line_s:
            self._next_line_s = now_s + LINE_EVERY_S
            click.echo(line(self._name, seen, per_second))

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()


class _Numbers(ProgressColumn):
    def render(self, task: Task) -> Text:
        seen: Seen | None = task.fields.get("seen")
        if seen is None:
            return Text("")
        live = "?" if seen.live_lag is None else f"{seen.live_lag:,}"
        return Text(f"{seen.done:,}/{seen.total:,}  {task.fields['per_second']:,.0f}/s  live lag {live}")
