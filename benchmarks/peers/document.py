"""Writes the tables of a run into docs/performance.md, between its markers."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.peers.table import Table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- begin: make bench-peers -->", "<!-- end: make bench-peers -->"


def section(date: str, facts: Iterable[Mapping[str, str]], tables: Iterable[Table]) -> str:
    """What stands between the markers. facts: the machine, the versions."""
    lines = ["; ".join(f"{name} {value}" for name, value in some.items()) + "." for some in facts]
    return f"Last run: {date}. " + "\n".join(lines) + "\n\n" + "\n".join(table.markdown() for table in tables)


def replaced(text: str, section: str) -> str:
    """The document with another section. ValueError if a marker is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{section.rstrip()}\n{END}{after}"


def write(section: str) -> None:
    """Into docs/performance.md."""
    DOCUMENT.write_text(replaced(DOCUMENT.read_text("utf-8"), section), "utf-8")
