"""The answer of `/v1/ops`: its shape, and how it is filled."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict  # not typing's: pydantic needs this one below Python 3.12

from ranking_app.read_model.sources import SourceActivity
from ranking_app.web.models import CompletenessAnswer, Millisecond, Second
from schemas.times import format_ms

Count = Annotated[int, Field(ge=0, description="Total since the state began, each record once.")]


class SelfAnswer(TypedDict):
    """The process that answers."""

    worker: Annotated[str | None, Field(description="Its name; null: it answers only (`serve`).")]
    version: str
    startedAt: Second


class WorkerAnswer(TypedDict):
    """A worker that owns partitions."""

    worker: str
    partitions: Annotated[list[int], Field(min_length=1)]


class PartitionOpsAnswer(TypedDict):
    """One reservation partition, who applies it, and how fast."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    worker: Annotated[str | None, Field(description="The last one to begin to own it; null: none did yet.")]
    offset: Annotated[int, Field(ge=0, description="The next source offset to be applied.")]
    lag: Annotated[int, Field(ge=0, description="The broker's end offset minus `offset`.")]
    watermark: Annotated[Millisecond | None, Field(description="The newest eventTime counted here.")]
    eventsPerSecond: Annotated[float, Field(ge=0, description="Counted in the last 60 s, as this process saw it.")]
    counted: Count
    late: Count
    duplicates: Count
    deadLetters: Count
    takeovers: Annotated[int, Field(ge=0, description="How many times a worker began to own it.")]


class OpsAnswer(TypedDict):
    """Who does what, and how fast; the same on every process, but for `self` and a moment's delay."""

    self: SelfAnswer
    workers: Annotated[list[WorkerAnswer], Field(description="By name; idle ones own nothing and are not here.")]
    partitions: list[PartitionOpsAnswer]
    completeness: CompletenessAnswer


def partition_ops_answer(activity: SourceActivity) -> PartitionOpsAnswer:
    """One partition."""
    state, position, events_per_second = activity
    return {
        "topic": state.topic,
        "partition": state.partition,
        "worker": position.owner,
        "offset": state.offset,
        "lag": state.lag,
        "watermark": None if state.watermark_ms is None else format_ms(state.watermark_ms),
        "eventsPerSecond": round(events_per_second, 2),
        "counted": position.counted,
        "late": position.late,
        "duplicates": position.duplicates,
        "deadLetters": position.dead_letters,
        "takeovers": position.takeovers,
    }


def worker_answers(activities: Iterable[SourceActivity]) -> list[WorkerAnswer]:
    """Who owns which partitions: a worker owns those of both topics that have the same number."""
    owned: dict[str, set[int]] = {}
    for state, position, _ in activities:
        if position.owner is not None:
            owned.setdefault(position.owner, set()).add(state.partition)
    return [WorkerAnswer(worker=worker, partitions=sorted(numbers)) for worker, numbers in sorted(owned.items())]
