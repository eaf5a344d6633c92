"""The answer of `/v1/schedules/{id}/audit`: its shape, and how it is made of totals by pane and offsets by pane."""

from collections.abc import Callable, Iterable
from typing import Annotated, NamedTuple

from pydantic import Field
from typing_extensions import TypedDict  # not typing's: pydantic needs this one below Python 3.12

from ranking_app.rankings.curve import Totals
from ranking_app.rankings.panes import MINUTE_S
from ranking_app.read_model.pane_offsets import PaneRange
from ranking_app.read_model.sources import SourceKey
from ranking_app.web.models import CompletenessAnswer, Second
from schemas.times import format_s

Completed = Annotated[int, Field(ge=0, description="Quantity completed inside the range.")]
Cancelled = Annotated[int, Field(ge=0, description="Quantity cancelled inside the range.")]
Amount = Annotated[int, Field(description="Net amount inside the range, smallest unit; may exceed 64 bits.")]
FirstOffset = Annotated[
    int | None, Field(description="The lowest source offset counted; null where a pane began before that was kept.")
]
LastOffset = Annotated[int, Field(ge=0, description="The highest source offset counted.")]


class AuditTotalsAnswer(TypedDict):
    """What happened in the range, as the boards say it."""

    completed: Completed
    cancelled: Cancelled
    quantity: Annotated[int, Field(description="completed - cancelled")]
    amount: Amount


class AuditSourceAnswer(TypedDict):
    """All panes of one source partition that have something in the range."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    panes: Annotated[int, Field(ge=1)]
    firstOffset: FirstOffset
    lastOffset: LastOffset
    completed: Completed
    cancelled: Cancelled
    amount: Amount


class AuditPaneAnswer(TypedDict):
    """One minute of event time on one source partition. Its offsets are of the whole minute, not of the range."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    minute: Annotated[Second, Field(description="Its start.")]
    firstOffset: FirstOffset
    lastOffset: LastOffset
    completed: Completed
    cancelled: Cancelled
    amount: Amount


_Range = TypedDict("_Range", {"concertScheduleId": str, "from": Second, "to": Second})  # `from` is a keyword


class AuditAnswer(_Range):
    """The numbers of a range, and the panes and source offsets that they came from."""

    totals: AuditTotalsAnswer
    sources: Annotated[list[AuditSourceAnswer], Field(description="By topic and partition; together they are totals.")]
    panes: Annotated[list[AuditPaneAnswer], Field(max_length=10_000, description="Together they are totals.")]
    completeness: CompletenessAnswer


class AuditedPane(NamedTuple):
    """The source offsets in a pane, and what of it lies in the range."""

    offsets: PaneRange
    totals: Totals


TopicOf = Callable[[SourceKey], str]


def totals_answer(totals: Totals) -> AuditTotalsAnswer:
    """The sums of a range."""
    return {
        "completed": totals.completed,
        "cancelled": totals.cancelled,
        "quantity": totals.quantity,
        "amount": totals.amount,
    }


def pane_answer(pane: AuditedPane, topic_of: TopicOf) -> AuditPaneAnswer:
    """One pane."""
    offsets, totals = pane
    return {
        "topic": topic_of(SourceKey(offsets.role, offsets.partition)),
        "partition": offsets.partition,
        "minute": format_s(offsets.minute * MINUTE_S),
        "firstOffset": offsets.first,
        "lastOffset": offsets.applied,
        "completed": totals.completed,
        "cancelled": totals.cancelled,
        "amount": totals.amount,
    }


def source_answers(panes: Iterable[AuditedPane], topic_of: TopicOf) -> list[AuditSourceAnswer]:
    """The panes summed up by source partition, in the order of topics and partitions."""
    by_source: dict[SourceKey, list[AuditedPane]] = {}
    for pane in panes:
        by_source.setdefault(SourceKey(pane.offsets.role, pane.offsets.partition), []).append(pane)
    return [_source_answer(topic_of(source), source.partition, own) for source, own in sorted(by_source.items())]


def _source_answer(topic: str, partition: int, panes: list[AuditedPane]) -> AuditSourceAnswer:
    firsts = [pane.offsets.first for pane in panes]
    known = [first for first in firsts if first is not None]
    return {
        "topic": topic,
        "partition": partition,
        "panes": len(panes),
        "firstOffset": min(known) if len(known) == len(firsts) else None,
        "lastOffset": max(pane.offsets.applied for pane in panes),
        "completed": sum(pane.totals.completed for pane in panes),
        "cancelled": sum(pane.totals.cancelled for pane in panes),
        "amount": sum(pane.totals.amount for pane in panes),
    }
