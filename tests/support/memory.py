"""A changelog and a store in memory, with the promises of the real ones, and crashes at every step between them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tables.restore import newest_pairs


class Crash(Exception):
    """The process dies here."""


@dataclass
class MemoryChangelog:
    """One partition's log: a batch is there whole or not at all. crash_in: appends left until it dies, None never."""

    pairs: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    crash_in: int | None = None
    crash_after_append: bool = False

    async def append(self, partition: int, pairs: Sequence[tuple[bytes, bytes | None]]) -> tuple[int, int]:
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0 and not self.crash_after_append:
                raise Crash
        self.pairs += pairs
        if self.crash_in is not None and self.crash_in < 0:
            raise Crash
        return len(self.pairs) - len(pairs), len(self.pairs) - 1


class MemoryPartitionStore:
    """tables.store.PartitionStore in a dict. A crash takes some of what it was given last (take_back)."""

    def __init__(self) -> None:
        self.pairs: dict[bytes, bytes] = {}
        self.changelog_offset: int | None = None
        self.waits = False
        self._before: list[tuple[dict[bytes, bytes], int | None]] = []

    def get(self, key: bytes) -> bytes | None:
        return self.pairs.get(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        yield from sorted((k, v) for k, v in self.pairs.items() if k.startswith(prefix))

    def last_key(self, prefix: bytes) -> bytes | None:
        return max((key for key in self.pairs if key.startswith(prefix)), default=None)

    def write(self, pairs: Iterable[tuple[bytes, bytes | None]], changelog_offset: int) -> None:
        self._before.append((dict(self.pairs), self.changelog_offset))
        for key, value in pairs:
            if value is None:
                self.pairs.pop(key, None)
            else:
                self.pairs[key] = value
        self.changelog_offset = changelog_offset
        self.waits = True

    def write_waiting(self) -> None:
        self.waits = False

    def take_back(self, writes: int) -> None:
        """Stand at an earlier write, with everything before it and nothing after; at most where it began."""
        for _ in range(min(writes, len(self._before))):
            self.pairs, self.changelog_offset = self._before.pop()

    def put_many(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self.pairs.update(pairs)

    def delete_prefix(self, prefix: bytes) -> None:
        self.pairs = {k: v for k, v in self.pairs.items() if not k.startswith(prefix)}

    def clear(self) -> None:
        self.pairs.clear()
        self.changelog_offset = None

    def catch_up(self, changelog: MemoryChangelog) -> None:
        """What tables.restore does, by the same rule."""
        start = 0 if self.changelog_offset is None else self.changelog_offset + 1
        if changelog.pairs[start:]:
            records = [SimpleNamespace(key=key, value=value) for key, value in changelog.pairs[start:]]
            self.write(newest_pairs(records, self.get), len(changelog.pairs) - 1)


@dataclass
class MemoryDeadLetters:
    """agents.dead_letters.DeadLetters that keeps what it is sent."""

    sent: list[tuple[str, int, int]] = field(default_factory=list)

    async def send(self, topic: str, partition: int, bad: Sequence[tuple[Any, str, str]]) -> None:
        self.sent += [(topic, partition, record.offset) for record, _, _ in bad]


@dataclass(frozen=True)
class FakeRecord:
    """A Kafka record as the decoder sees it."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0
