"""A generation: one complete set of tables, built from the source topics under a name, and its form on the wire."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from ranking_app.errors import RankingError
from ranking_app.settings import BASE, Settings

FORMAT = 1


class NewerControlRecord(RankingError):
    """The control topic was written by a newer version of this app. Operator: update this process."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What its workers have to know. partitions: of its tables.

    starts: by source topic, the first offset of each partition that it counts; a topic that is not there is counted
    from the first record that the brokers (or the archives) have. ends: the same, exclusive; a topic that is not
    there is followed for ever. archives: files, absolute, in the order in which they were named.
    """

    name: str
    partitions: int
    created_at_ms: int = 0
    archives: tuple[str, ...] = ()
    starts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ends: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    line_events: int = 0
    """How many events the NDJSON files among the archives hold."""
    gaps_accepted: bool = False
    """Whether offsets of the range may be gone."""
    dropped: bool = False
    """A name is used once: what is left of its tables on some disk must not be taken for those of another."""

    def settings(self, app: Settings) -> Settings:
        """The settings of this generation's workers."""
        return app.of_generation(self.name, self.partitions)

    def encode(self) -> bytes:
        """JSON, for the control topic."""
        return orjson.dumps({"format": FORMAT, **asdict(self)})

    @classmethod
    def decode(cls, value: bytes) -> "Generation":
        """The inverse. NewerControlRecord."""
        fields = read_record(value)
        return cls(
            name=fields["name"],
            partitions=fields["partitions"],
            created_at_ms=fields["created_at_ms"],
            archives=tuple(fields["archives"]),
            starts={topic: tuple(offsets) for topic, offsets in fields["starts"].items()},
            ends={topic: tuple(offsets) for topic, offsets in fields["ends"].items()},
            line_events=fields["line_events"],
            gaps_accepted=fields["gaps_accepted"],
            dropped=fields["dropped"],
        )


def base_generation(app: Settings) -> Generation:
    """The one that every app begins with."""
    return Generation(BASE, app.partitions)


def read_record(value: bytes) -> dict[str, Any]:
    """The fields of a record of the control topic. NewerControlRecord."""
    fields: dict[str, Any] = orjson.loads(value)
    if fields.pop("format") > FORMAT:
        raise NewerControlRecord("the control topic was written by a newer version of ranking-app: update this process")
    return fields
