"""What the JSON of a board says, in short."""

from typing import Any


def lag(answer: Any) -> int:
    """Events still to be read, of all partitions."""
    return sum(part["lag"] for part in answer["completeness"]["partitions"])


def sold(answer: Any) -> dict[str, int]:
    """Net, by schedule."""
    return {entry["concertScheduleId"]: entry["sold"] for entry in answer["entries"]}


def offsets(answer: Any) -> dict[tuple[str, int], int]:
    """Next offset by topic and partition."""
    return {(part["topic"], part["partition"]): part["offset"] for part in answer["completeness"]["partitions"]}
