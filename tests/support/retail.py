"""A year of real purchases as reservation events: the UCI Online Retail file in the contract's envelope.

The file lies beside the project (`shared/data/online_retail` in the folder that holds the repository).
A clone without it gets a generated stream of the same size and shape, and says so; where CI=true is set,
the real file is demanded.

    python -m tests.support.retail events.ndjson        writes what `ranking-app produce` takes
"""

import csv
import gzip
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.support.retail_lookalike import lookalike_rows

DATA_FILE = Path(__file__).resolve().parents[3] / "shared/data/online_retail/online_retail.csv.gz"
ROWS = 541_909
FIRST_DATA_LINE = 2
"""Line 1 of the file is its header."""


class RetailFileMissing(Exception):
    """CI=true, but the real file is missing. Put `shared/data/online_retail` beside the repository."""


class Event(NamedTuple):
    """One event: its envelope as JSON, and what tests need to know of it without parsing."""

    value: bytes
    cancelled: bool
    schedule: str
    quantity: int


class Retail(NamedTuple):
    """The stream in the order of the file; `notice` says which one it is."""

    events: list[Event]
    is_real: bool
    notice: str


@cache
def retail() -> Retail:
    """The whole stream, read once per run. Prints and warns when it is the generated one."""
    notice = source_notice()
    if DATA_FILE.exists():
        return Retail(list(to_events(file_rows(DATA_FILE))), True, notice)
    print(notice)
    warnings.warn(notice, stacklevel=2)
    return Retail(list(to_events(lookalike_rows(ROWS))), False, notice)


def source_notice() -> str:
    """One line on which stream the tests replay. RetailFileMissing where CI demands the real one."""
    if DATA_FILE.exists():
        return "replay: the real Online Retail file"
    if os.environ.get("CI", "").lower() == "true":
        raise RetailFileMissing(f"CI replays the real purchases, but there is no {DATA_FILE}")
    return f"replay: a GENERATED stream of the same size and shape, as {DATA_FILE} is not there"


def pytest_report_header() -> str:
    """The head of a test run says which stream is replayed: tests/conftest.py has this as a plugin."""
    try:
        return source_notice()
    except RetailFileMissing as exc:
        return f"replay: will FAIL: {exc}"


def file_rows(path: Path) -> Iterator[Mapping[str, str]]:
    """The lines of the file by column name."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def to_events(rows: Iterable[Mapping[str, str]]) -> Iterator[Event]:
    """Purchases and cancellations; a line that is neither (no `C`, quantity not above 0) is skipped.

    Lines that break the contract's bounds (over 10,000 pieces, a negative price) are converted as they are.
    """
    for line, row in enumerate(rows, FIRST_DATA_LINE):
        invoice, quantity = row["InvoiceNo"], int(row["Quantity"])
        cancelled = invoice.startswith("C")
        if not cancelled and quantity <= 0:
            continue
        quantity = abs(quantity)
        value = {
            "eventId": event_id(line),
            "eventType": "reservation.cancelled" if cancelled else "reservation.completed",
            "eventTime": row["InvoiceDate"].replace(" ", "T") + "Z",
            "payload": {
                "reservationId": f"{invoice}:{line}",
                "concertScheduleId": row["StockCode"],
                "userId": row["CustomerID"] or invoice,
                "quantity": quantity,
                "amount": pence(quantity, row["UnitPrice"]),
            },
        }
        yield Event(json.dumps(value).encode(), cancelled, row["StockCode"], quantity)


def event_id(line: int) -> str:
    """In the form of a UUID, the same in every run, another for every line."""
    text = hashlib.sha1(f"online-retail:{line}".encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-a{text[17:20]}-{text[20:32]}"


@cache
def pence(quantity: int, unit_price: str) -> int:
    """Price of all pieces in pence, half a penny rounded up, without binary fractions on the way.

    >>> pence(3, "0.065"), pence(1, "2.55"), pence(1, "-11062.06")
    (20, 255, -1106206)
    """
    return int((quantity * Decimal(unit_price) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def main(arguments: list[str]) -> None:
    """Write the stream as NDJSON to the file named, or to stdout."""
    found = retail()
    print(found.notice, file=sys.stderr)
    with open(arguments[0], "wb") if arguments else sys.stdout.buffer as out:
        out.writelines(event.value + b"\n" for event in found.events)


if __name__ == "__main__":
    main(sys.argv[1:])
