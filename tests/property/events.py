"""Made-up sales for the laws, and every answer once more: straight from lists of events, as naively as can be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import strategies as st

from ranking_app.rankings.curve import Curve
from ranking_app.rankings.panes import Pane, encode_pane, fold, parts_of
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.windows import Window
from schemas.catalogue import Listing
from schemas.sale import Sale

START_S = 1_780_000_020  # a whole minute
SPAN_S = 239  # four minutes
SOURCES = [("completed", 0), ("completed", 1), ("completed", 2), ("cancelled", 0), ("cancelled", 1), ("cancelled", 2)]
MAX_AMOUNT = 2**63 - 1


class Event(NamedTuple):
    """One counted reservation event; offsets follow from the order on its source."""

    source: tuple[str, int]
    schedule_id: str
    at_ms: int
    quantity: int
    amount: int
    cancelled: bool

    @property
    def at_s(self) -> int:
        return self.at_ms // 1000


# Few distinct seconds, ids and quantities, so that ties, shared seconds and sell-outs happen all the time.
seconds = st.one_of(st.integers(START_S, START_S + SPAN_S), st.integers(START_S + 55, START_S + 65))
events = st.builds(
    Event,
    source=st.sampled_from(SOURCES),
    schedule_id=st.sampled_from(["A", "B", "a", "Ä", "\N{OGHAM SPACE MARK}", "10", "9", "\U0001f3b8"]),
    at_ms=st.builds(lambda s, ms: s * 1000 + ms, seconds, st.sampled_from([0, 1, 999])),
    quantity=st.integers(1, 4),
    amount=st.one_of(st.integers(0, 5), st.just(MAX_AMOUNT)),
    cancelled=st.booleans() | st.just(False),
)
histories = st.lists(events, max_size=40)
single_histories = st.lists(events.map(lambda event: event._replace(schedule_id="A")), max_size=40)
instants = st.integers(START_S - 5, START_S + SPAN_S + 5)
windows = st.builds(
    lambda end_s, length_s: Window(None if length_s is None else end_s - length_s, end_s),
    instants,
    st.none() | st.integers(1, 130),
)
capacities = st.integers(1, 20)


def listing(capacity: int, sale_opens_at_ms: int | None = None, schedule_id: str = "A") -> Listing:
    """A catalogue record with the fields that ranking looks at."""
    return Listing(
        concert_schedule_id=schedule_id,
        capacity=capacity,
        title=f"Title of {schedule_id}",
        venue=None,
        region=None,
        genre=None,
        sale_opens_at_ms=sale_opens_at_ms,
        starts_at_ms=None,
    )


listings = st.dictionaries(
    st.sampled_from(["A", "B", "a", "Ä", "unsold"]),
    st.tuples(capacities, st.none() | st.integers(START_S * 1000 - 5_000, START_S * 1000 + 100_500)),
).map(lambda found: {name: listing(capacity, opens, name) for name, (capacity, opens) in found.items()})


@dataclass
class Partition:
    """What the owner of one source partition keeps: its panes, and the log they come from."""

    log: list[Sale]
    panes: dict[tuple[str, int], Pane]

    def pane(self, schedule_id: str, minute: int) -> Pane:
        return self.panes.setdefault((schedule_id, minute), Pane())


def partitions(history: Iterable[Event]) -> dict[tuple[str, int], Partition]:
    """Each source's log with offsets (with gaps, as in Kafka), nothing folded yet."""
    found: dict[tuple[str, int], Partition] = {}
    for event in history:
        partition = found.setdefault(event.source, Partition([], {}))
        offset = 3 * len(partition.log)
        partition.log.append(
            Sale(offset, event.schedule_id, event.at_ms, event.quantity, event.amount, event.cancelled, None)
        )
    return found


def curves(sources: dict[tuple[str, int], Partition]) -> dict[str, Curve]:
    """The curves as the read model makes them: from the encoded panes of all sources."""
    found: dict[str, Curve] = {}
    for source, partition in sources.items():
        for (schedule_id, minute), pane in partition.panes.items():
            _, _, cells = parts_of(encode_pane(pane), minute)
            found.setdefault(schedule_id, Curve()).put(source, minute, cells)
    return found


def curves_of(history: Iterable[Event]) -> dict[str, Curve]:
    """The curves of a history that was folded as it came."""
    sources = partitions(history)
    for partition in sources.values():
        fold(partition.pane, partition.log)
    return curves(sources)


def curve_of(history: Iterable[Event]) -> Curve:
    """The curve of the only schedule in a history; an empty one for an empty history."""
    return next(iter(curves_of(history).values()), Curve())


def schedules_of(history: Iterable[Event], catalogue: dict[str, Listing]) -> list[Schedule]:
    """What the read model holds: everything in the events or in the catalogue."""
    found = curves_of(history)
    return [Schedule(name, found.get(name, Curve()), catalogue.get(name)) for name in {**found, **catalogue}]


# The same answers, event by event and second by second.


def naive_totals(history: Iterable[Event], window: Window) -> tuple[int, int, int]:
    """(completed, cancelled, net amount)"""
    inside = [event for event in history if event.at_s in window]
    completed = sum(event.quantity for event in inside if not event.cancelled)
    cancelled = sum(event.quantity for event in inside if event.cancelled)
    return completed, cancelled, sum(-event.amount if event.cancelled else event.amount for event in inside)


def naive_quantity(history: Iterable[Event], window: Window) -> int:
    completed, cancelled, _ = naive_totals(history, window)
    return completed - cancelled


def changes(history: Iterable[Event], before_s: int) -> list[int]:
    """The seconds before in which anything happened."""
    return sorted({event.at_s for event in history if event.at_s < before_s})


def naive_first_second_sold(history: Sequence[Event], at_least: int, before_s: int) -> int | None:
    for second in changes(history, before_s):
        if naive_quantity(history, Window(None, second + 1)) >= at_least:
            return second
    return None


SpellRow = tuple[int, int, int | None, int | None]


def naive_spells(history: Sequence[Event], capacity: int, before_s: int) -> list[SpellRow]:
    spells: list[SpellRow] = []
    sold_out = False
    for second in changes(history, before_s):
        sold = naive_quantity(history, Window(None, second + 1))
        if sold >= capacity and not sold_out:
            spells.append((second, sold, None, None))
        elif sold < capacity and sold_out:
            spells[-1] = (*spells[-1][:2], second, sold)
        sold_out = sold >= capacity
    return spells


def naive_completed_seconds(history: Iterable[Event], window: Window) -> list[int]:
    return sorted(event.at_s for event in history if not event.cancelled and event.at_s in window)


def naive_sales_board(history: Sequence[Event], window: Window, by: str) -> list[tuple[str, int]]:
    """(id, score) in the order of the board."""
    rows = []
    for name in {event.schedule_id for event in history}:
        own = [event for event in history if event.schedule_id == name]
        score = naive_quantity(own, window) if by == "quantity" else naive_totals(own, window)[2]
        if score > 0:
            rows.append((-score, naive_completed_seconds(own, window)[-1], [ord(c) for c in name], name))
    return [(row[3], -row[0]) for row in sorted(rows)]


def naive_sell_out_board(
    history: Sequence[Event], catalogue: dict[str, Listing], window: Window, status: str
) -> list[tuple[str, int]]:
    """(id, sellOutSeconds) in the order of the board."""
    rows = []
    for name, record in catalogue.items():
        own = [event for event in history if event.schedule_id == name]
        at_s = naive_first_second_sold(own, record.capacity, window.end_s)
        if at_s is None or at_s not in window:
            continue
        still = naive_quantity(own, Window(None, window.end_s)) >= record.capacity
        if still or status == "any":
            opens_ms = record.sale_opens_at_ms
            first_s = naive_completed_seconds(own, window=Window(None, window.end_s))[0]
            opened_s = first_s if opens_ms is None else opens_ms // 1000
            rows.append((at_s - opened_s, at_s, [ord(c) for c in name], name))
    return [(row[3], row[0]) for row in sorted(rows)]


def naive_ranks(scores: Sequence[int], ties: str) -> list[int]:
    """Ranks of scores in the order of the board: equal ones next to each other."""
    if ties == "ordinal":
        return list(range(1, len(scores) + 1))
    if ties == "standard":
        return [scores.index(score) + 1 for score in scores]
    distinct = list(dict.fromkeys(scores))
    return [distinct.index(score) + 1 for score in scores]
