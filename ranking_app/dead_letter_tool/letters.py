"""A dead letter as it stands on its topic, and which of them an operator means."""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from ranking_app.dead_letter_tool.errors import WrongPosition
from ranking_app.topics import dead_letter_name
from schemas.dead_letter import Header, Origin, read_dead_letter_headers

_POSITION = re.compile(r"(?:(?P<topic>[a-zA-Z0-9._-]{1,249}):)?(?P<partition>[0-9]{1,9}):(?P<offset>[0-9]{1,18})")


class Position(NamedTuple):
    """Where a letter stands on a dead-letter topic. topic: the source topic; None where it was not said."""

    topic: str | None
    partition: int
    offset: int

    def __str__(self) -> str:
        place = f"{self.partition}:{self.offset}"
        return place if self.topic is None else f"{dead_letter_name(self.topic)}:{place}"


class Identity(NamedTuple):
    """What makes two letters the same: their original. The timestamp tells a topic from a later one of its name."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One record of `<source>-dlt`. origin: None where somebody else wrote it, without a dead letter's headers.

    written_ms: when it was written there. headers: those that the original had.
    """

    source: str
    partition: int
    offset: int
    written_ms: int
    key: bytes | None
    value: bytes | None
    headers: list[Header]
    origin: Origin | None

    @property
    def position(self) -> Position:
        """Where it stands."""
        return Position(self.source, self.partition, self.offset)

    @property
    def identity(self) -> Identity | None:
        """None where there is no origin, or where it names another topic than the one that this letter belongs to."""
        if self.origin is None or self.origin.topic != self.source:
            return None
        return Identity(self.source, self.origin.partition, self.origin.offset, self.origin.timestamp_ms)

    @property
    def error(self) -> str:
        """The error's class without its module; "-" where nobody says."""
        return "-" if self.origin is None else self.origin.error.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter. sources: source topics. Times in ms since the epoch, [since, until), of the writing of the letter."""

    sources: tuple[str, ...]
    error: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    @property
    def takes_any(self) -> bool:
        """Whether every letter of the topics is wanted."""
        return self.error is None and self.since_ms is None and self.until_ms is None

    def takes(self, letter: Letter) -> bool:
        """Whether this letter is wanted. error: the class's name, or a part of it, in any case."""
        if self.error is not None and self.error.lower() not in letter.error.lower():
            return False
        if self.since_ms is not None and letter.written_ms < self.since_ms:
            return False
        return self.until_ms is None or letter.written_ms < self.until_ms


def letter_of(source: str, record: Any) -> Letter:
    """A record of `<source>-dlt` as aiokafka gives it."""
    parsed = read_dead_letter_headers(record.headers)
    origin, headers = (None, list(record.headers)) if parsed is None else parsed
    return Letter(source, record.partition, record.offset, record.timestamp, record.key, record.value, headers, origin)


def parse_position(text: str, sources: tuple[str, ...]) -> Position:
    """`PARTITION:OFFSET` or `TOPIC:PARTITION:OFFSET`, the topic being the source or its dead-letter topic.

    WrongPosition for any other text, and for a topic that is none of the sources.

    >>> parse_position("reservation.completed-dlt:0:12", ("reservation.completed",))
    Position(topic='reservation.completed', partition=0, offset=12)
    """
    found = _POSITION.fullmatch(text)
    if found is None:
        raise WrongPosition(f"expected PARTITION:OFFSET or TOPIC:PARTITION:OFFSET, as `list` shows them, got {text!r}")
    topic = None if found["topic"] is None else source_named(found["topic"], sources)
    return Position(topic, int(found["partition"]), int(found["offset"]))


def source_named(name: str, sources: tuple[str, ...]) -> str:
    """The source topic that a name means. WrongPosition if it is none of them."""
    for source in sources:
        if name in (source, dead_letter_name(source)):
            return source
    known = ", ".join(dead_letter_name(source) for source in sources)
    raise WrongPosition(f"topic {name!r} is none of {known}")
