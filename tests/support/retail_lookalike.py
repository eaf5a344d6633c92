"""Made-up shop invoices of the size and shape of the Online Retail file, for clones that do not have it.

Same columns, same order (by minute, opening hours only, no Saturdays), 3,957 stock codes with a skewed
popularity, 1.7 % cancellations, and the same defects about as often: exact repeats, quantities of 0 and
below, quantities over 10,000, negative prices, codes that differ only in case. The seed is fixed: every
clone replays the same stream.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

SEED = 20_101_201
FIRST_MINUTE = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
LAST_DAY = datetime(2011, 12, 9, tzinfo=UTC)
CODES = 3_957
CANCELLED_SHARE = 9_288 / 541_909
NEITHER_SHARE = 1_336 / 541_909
REPEATED_SHARE = 5_268 / 541_909
SATURDAY = 5


def lookalike_rows(count: int) -> Iterator[Mapping[str, str]]:
    """`count` invoice lines with the columns of the real file, sorted by time."""
    random = Random(SEED)
    codes = _codes()
    prices = [f"{random.choice((0.42, 0.85, 1.25, 1.65, 2.55, 2.95, 4.95, 7.95, 12.75))}" for _ in codes]
    minutes = sorted(random.choices(_open_minutes(), k=22_346))
    odd = _odd_lines(count)
    row: dict[str, str] = {}
    for line in range(count):
        if row and random.random() < REPEATED_SHARE:
            yield row
            continue
        minute = minutes[line * len(minutes) // count]
        number = int(len(codes) * random.random() ** 1.5)  # the first codes sell most
        invoice, quantity = f"{536_365 + line // 24}", 1 + int(random.paretovariate(0.9)) % 2_000
        kind = random.random()
        if kind < CANCELLED_SHARE:
            invoice, quantity = f"C{invoice}", -quantity
        elif kind < CANCELLED_SHARE + NEITHER_SHARE:
            quantity = -quantity if random.random() < 0.9 else 0
        row = {
            "InvoiceNo": invoice,
            "StockCode": codes[number],
            "Description": "SOMETHING FOR THE HOUSE",
            "Quantity": str(quantity),
            "InvoiceDate": f"{minute:%Y-%m-%d %H:%M:%S}",
            "UnitPrice": prices[number],
            "CustomerID": f"{12_346 + line // 97}.0" if random.random() < 0.75 else "",
            "Country": "United Kingdom",
        } | odd.get(line, {})
        yield row


def _codes() -> list[str]:
    plain = [f"{20_000 + number}" for number in range(CODES - 2 * 112 - 5)]
    pairs = [f"{85_000 + number}{letter}" for number in range(112) for letter in "Bb"]
    return [*plain[:100], "POST", "DOT", "M", "C2", "BANK CHARGES", *pairs, *plain[100:]]


@cache
def _open_minutes() -> list[datetime]:
    days = (LAST_DAY - FIRST_MINUTE).days + 1
    opening = (FIRST_MINUTE + timedelta(days=day) for day in range(days))
    return [
        minute
        for start in opening
        if start.weekday() != SATURDAY
        for minute in (start + timedelta(minutes=number) for number in range(600))
    ]


def _odd_lines(count: int) -> dict[int, dict[str, str]]:
    """Lines out of the contract's bounds, and half a penny to round: line -> the columns that are odd."""
    return {
        count // 10: {"InvoiceNo": "541431", "Quantity": "74215"},
        count // 10 + 5: {"InvoiceNo": "C541433", "Quantity": "-74215"},
        count * 8 // 10: {"InvoiceNo": "578841", "Quantity": "12540"},
        count - 90: {"InvoiceNo": "581483", "Quantity": "80995"},
        count - 80: {"InvoiceNo": "C581484", "Quantity": "-80995"},
        count // 2: {"InvoiceNo": "A563186", "Quantity": "1", "UnitPrice": "-11062.06"},
        count // 2 + 1: {"InvoiceNo": "A563187", "Quantity": "1", "UnitPrice": "-11062.06"},
        count // 3: {"Quantity": "1", "UnitPrice": "0.065"},
    }
