"""The tables of a run, as rows of text: for the terminal and for docs/performance.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.peers.bars import Bar, divided, rate_of
from benchmarks.peers.latency import SENT_SHARE, SHARES, Latency
from benchmarks.peers.result import Result
from benchmarks.peers.scale import Scaled


@dataclass(frozen=True, slots=True)
class Table:
    """title: one line. rows: as long as the head."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def show(self, console: Console) -> None:
        """On a terminal."""
        shown = RichTable(*self.head, title=self.title)
        for row in self.rows:
            shown.add_row(*row)
        console.print(shown)

    def markdown(self) -> str:
        """As a section."""
        lines = [_line(self.head), "|" + "---|" * len(self.head), *map(_line, self.rows)]
        return f"### {self.title}\n" + "\n".join(lines) + "\n"


def throughput(results: Sequence[Result]) -> Table:
    """One row for each peer, workload and kind of window, with the ratio of ours to it in the same run."""
    head = (
        "workload",
        "windows",
        "peer",
        "events/s",
        "ours ÷ it",
        "CPU s/million",
        "cores",
        "peak MiB",
        "events",
        "sums",
    )
    return Table("From backlog", head, [_result(row, results) for row in results])


def omissions(results: Iterable[Result]) -> Table:
    """What of the work each peer does not do."""
    left_out = {row.peer: row.leaves_out or "nothing" for row in results}
    return Table("Left out", ("peer", "does without"), [*left_out.items()])


def latency(rows: Iterable[Latency]) -> Table:
    """One row for each peer and rate, milliseconds."""
    return Table("Publish to visible, ms", ("events/s", "peer", *SHARES, "probes", "load"), [*map(_latency, rows)])


def scale(rows: Iterable[Scaled]) -> Table:
    """One row for each number of workers and partitions."""
    head = ("workers", "partitions", "events/s", "CPU s/million", "sums")
    return Table("Workers and partitions", head, [*map(_scaled, rows)])


def promises(rows: Iterable[Bar]) -> Table:
    """One row for each bar."""
    return Table("Bars", ("bar", "needed", "measured", ""), [*map(_bar, rows)])


def settings(results: Iterable[Result]) -> Table:
    """How each peer is set up."""
    configured = {row.peer: row.configuration for row in results}
    rows = [(peer, name, str(value)) for peer, facts in configured.items() for name, value in facts.items()]
    return Table("Configuration", ("peer", "what", "how"), rows)


def _result(row: Result, results: Sequence[Result]) -> tuple[str, ...]:
    name = (row.workload, row.kind, row.peer)
    if row.failure:
        return (*name, "-", "-", "-", "-", "-", "-", f"not run: {' '.join(row.failure.split())}")
    ratio = divided(rate_of(results, "ours", row.workload, row.kind), row.events_per_second)
    return (
        *name,
        f"{row.events_per_second:,.0f}",
        "-" if ratio is None else f"{ratio:.2f}",
        f"{row.cpu_seconds_per_million:.1f}",
        f"{row.cpu_seconds_per_million * row.events_per_second / 1_000_000:.2f}",
        str(row.peak_rss_mib),
        f"{row.events:,}",
        row.correct,
    )


def _latency(row: Latency) -> tuple[str, ...]:
    if row.failure:
        return (f"{row.rate:,}", row.peer, *("-" for _ in SHARES), "-", f"failed: {' '.join(row.failure.split())}")
    load = "reached" if row.was_reached else f"below {SENT_SHARE:.0%}: {row.sent_rate:,.0f} events/s"
    return (f"{row.rate:,}", row.peer, *(f"{row.ms[name]:.1f}" for name in SHARES), str(row.probes), load)


def _scaled(row: Scaled) -> tuple[str, ...]:
    size = (str(row.workers), str(row.partitions))
    if row.failure:
        return (*size, "-", "-", f"failed: {' '.join(row.failure.split())}")
    return (*size, f"{row.events_per_second:,.0f}", f"{row.cpu_seconds_per_million:.1f}", row.correct)


def _bar(bar: Bar) -> tuple[str, ...]:
    needed = f"{'≤' if bar.at_most else '≥'} {bar.limit:g}"
    if bar.measured is None:
        return bar.text, needed, "-", "not measured"
    return bar.text, needed, f"{bar.measured:.2f}", "met" if bar.met else "NOT MET"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
