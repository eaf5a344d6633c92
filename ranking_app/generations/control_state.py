"""What the control topic says: which generations there are, which is live, and what its readers must have at hand.

Pure: records in, state out. The same records in the same order give the same state on every process; a compacted
topic keeps the last of each key, and that is enough.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from ranking_app.generations.generation import FORMAT, Generation, read_record
from ranking_app.settings import BASE

LIVE_KEY, PREPARED_KEY = b"live", b"prepared"
GENERATION_PREFIX, SILENCED_PREFIX = b"generation/", b"silenced/"

IDS_IN_RECORD = 10_000
"""35 bytes each: far below the largest record that a topic takes."""

Record = tuple[bytes, bytes | None]
"""Key and value; None: a tombstone."""


@dataclass(frozen=True, slots=True)
class Live:
    """Which generation answers. number: of the switch, from 0, which is none yet; previous: what a rollback takes.

    notify_past: whether news of the past that only the new generation knows is raised too.
    """

    name: str = BASE
    previous: str | None = None
    number: int = 0
    switched_at_ms: int = 0
    notify_past: bool = False

    def record(self) -> Record:
        """As it stands on the control topic."""
        value = {
            "format": FORMAT,
            "name": self.name,
            "previous": self.previous,
            "number": self.number,
            "switched_at_ms": self.switched_at_ms,
            "notify_past": self.notify_past,
        }
        return LIVE_KEY, orjson.dumps(value)


@dataclass(frozen=True, slots=True)
class Silenced:
    """Ids of notifications that count as raised since switch `number`: news of the past that nobody asked for."""

    number: int
    ids: frozenset[bytes]

    def records(self) -> list[Record]:
        """As it stands on the control topic: parts that fit into a record each, the decision itself last."""
        ids = sorted(found.hex() for found in self.ids)
        parts = [ids[start : start + IDS_IN_RECORD] for start in range(0, len(ids), IDS_IN_RECORD)] or [[]]
        keys = [f"{self.number}/{number}" for number in range(1, len(parts))] + [str(self.number)]
        return [
            (SILENCED_PREFIX + key.encode(), orjson.dumps({"format": FORMAT, "number": self.number, "ids": part}))
            for key, part in zip(keys, [*parts[1:], parts[0]], strict=True)
        ]


class ControlState:
    """The state after the records applied so far. base: the generation that needs no record."""

    def __init__(self, base: Generation) -> None:
        self._generations = {base.name: base}
        self._silenced: dict[bytes, frozenset[bytes]] = {}
        self.live = Live(base.name)
        self.prepared: str | None = None
        """What is about to be promoted: every process loads it beside the live one."""

    @property
    def generations(self) -> dict[str, Generation]:
        """All that were not dropped, by name."""
        return {name: found for name, found in self._generations.items() if not found.dropped}

    def generation(self, name: str) -> Generation:
        """One that there is or was. KeyError."""
        return self._generations[name]

    @property
    def names_used(self) -> set[str]:
        """Of all there ever were."""
        return set(self._generations)

    @property
    def live_generation(self) -> Generation:
        """The one that answers."""
        return self._generations[self.live.name]

    @property
    def wanted(self) -> set[str]:
        """What every process keeps loaded: to answer, to go back to, to be promoted."""
        named = {self.live.name, self.live.previous, self.prepared}
        return {name for name in named if name is not None and name in self.generations}

    def silenced(self) -> frozenset[bytes] | None:
        """The ids silenced at any switch; None where those of the last one are not known yet."""
        if self.live.number and SILENCED_PREFIX + str(self.live.number).encode() not in self._silenced:
            return None
        return self.silenced_before()

    def silenced_before(self) -> frozenset[bytes]:
        """Those that are known."""
        return frozenset().union(*self._silenced.values())

    def apply(self, key: bytes, value: bytes | None) -> None:
        """One record of the control topic. NewerControlRecord."""
        if key.startswith(GENERATION_PREFIX) and value is not None:
            generation = Generation.decode(value)
            self._generations[generation.name] = generation
        elif key.startswith(SILENCED_PREFIX) and value is not None:
            self._silenced[key] = frozenset(bytes.fromhex(found) for found in read_record(value)["ids"])
        elif key == LIVE_KEY and value is not None:
            self.live = Live(**read_record(value))
        elif key == PREPARED_KEY:
            self.prepared = None if value is None else read_record(value)["name"]


def generation_record(generation: Generation) -> Record:
    """A generation, new or changed."""
    return GENERATION_PREFIX + generation.name.encode(), generation.encode()


def prepared_record(name: str | None) -> Record:
    """What is to be loaded beside the live generation; None: nothing any more."""
    value: dict[str, Any] = {"format": FORMAT, "name": name}
    return PREPARED_KEY, None if name is None else orjson.dumps(value)
