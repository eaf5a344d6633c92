"""Applying one batch of source records to the panes: decode, dead letters, duplicates, late, fold.

No write happens here: `Applied` says what one flush has to make durable, together.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from agents.arrivals import Arrivals
from agents.dead_letters import DeadLetters
from agents.slices import SalesSlice, Slice, TalliedSlice
from agents.tally_process import Answer, Tallying
from ranking_app.clock import Clock
from ranking_app.errors import RankingError
from ranking_app.rankings.panes import Pane, fold
from schemas.decode import DecodeRules, decode_batch
from schemas.record import Record
from tables.pane_cache import Changed
from tables.panes import OwnedPartition
from tables.position import Position
from tables.seen import SeenBatch

SLICE_RECORDS = 2_000
"""Decoded in one go, about 5 ms; other tasks (HTTP, the consumer) get their turn between slices."""

TALLIED_RECORDS = 8_000
"""Tallied in one go: the longer a slice, the fewer panes it has for its sales."""

TALLIED_BYTES = 4 * 1024 * 1024
"""Of the values of a slice that is sent: it is in memory four times until it is tallied."""

ANSWERS_WITHIN_S = 2.0
"""For all slices of a batch together; 50 ms each are usual. A rebalance waits for the flush under way."""

HELPED_RECORDS = 200
"""From so many on somebody waits for others already: fewer are decoded sooner than they are sent."""


class ApplyFailed(RankingError):
    """Our own code failed on a record. The worker stops, nothing of the batch is acknowledged, nothing is lost.

    Operator: report it with the topic, partition and offset in the message; after an update the worker goes on from
    that record.
    """


@dataclass(frozen=True, slots=True)
class Source:
    """A source partition and the rules its records are read by. role: index in Settings.source_topics."""

    role: int
    topic: str
    partition: int
    rules: DecodeRules
    grace_ms: int


@dataclass(slots=True)
class Applied:
    """What a flush makes durable: touched panes, positions and ids by role."""

    panes: Changed = field(default_factory=dict)
    positions: dict[int, Position] = field(default_factory=dict)
    seen: list[tuple[int, SeenBatch]] = field(default_factory=list)
    records: int = 0


class Applier:
    """Applies batches to one owned partition."""

    def __init__(
        self,
        owned: OwnedPartition,
        sources: Mapping[int, Source],
        dead_letters: DeadLetters,
        arrivals: Mapping[int, Arrivals],
        clock: Clock,
        tallying: Tallying,
    ) -> None:
        self._owned = owned
        self._sources = sources
        self._dead_letters = dead_letters
        self._arrivals = arrivals
        self._clock = clock
        self._tallying = tallying
        self._repeats = dict.fromkeys(sources, False)
        """By role: whether the last batch had duplicates. The next is expected to have some, too."""

    async def apply(self, records_by_role: dict[int, list[Record]]) -> Applied:
        """Fold records (per role in offset order) into the panes in memory; dead letters are acknowledged on return.

        ApplyFailed where our own code raises; DeadLetterNotAcknowledged.
        """
        applied = Applied()
        for role, records in records_by_role.items():
            fresh = _from(records, self._owned.positions[role].next_offset)
            for arrived_ms, part in self._arrivals[role].slices(fresh) if fresh else ():
                self._remember_now(applied, role)
                await self._apply_source(self._sources[role], part, arrived_ms, applied)
        return applied

    def _remember_now(self, applied: Applied, role: int) -> None:
        """What came before in this flush has to be known to what follows, although it is not durable yet.

        Should the flush fail, the partition is read anew from what is durable.
        """
        for index, (its_role, batch) in enumerate(applied.seen):
            if its_role == role and batch.digests:
                self._owned.seen[role].remember(batch)
                applied.seen[index] = (role, replace(batch, digests=[], offsets=[]))

    async def _apply_source(self, source: Source, records: Sequence[Record], arrived_ms: int, applied: Applied) -> None:
        position = applied.positions.get(source.role) or self._owned.positions[source.role]
        slices = await self._decoded(source, records, arrived_ms)
        dead = await self._send_dead_letters(source, slices)
        ids = [one.ids() for one in slices]
        offsets, digests = (list(chain.from_iterable(column)) for column in zip(*ids, strict=True))
        seen = self._owned.seen[source.role].check(offsets, digests, arrived_ms)
        self._repeats[source.role] = bool(seen.duplicates)
        if seen.duplicates:
            slices = await _without(slices, seen.duplicates)
        late, watermark_ms = 0, position.watermark_ms
        for one in slices:
            behind, watermark_ms = one.late(watermark_ms, source.grace_ms)
            late += behind
            applied.panes.update(self._fold(source, one))
            await asyncio.sleep(0)
        applied.seen.append((source.role, seen))
        applied.records += len(records)
        applied.positions[source.role] = position.moved(
            next_offset=records[-1].offset + 1,
            watermark_ms=watermark_ms,
            counted=position.counted + sum(one.count for one in slices),
            late=position.late + late,
            duplicates=position.duplicates + len(seen.duplicates),
            dead_letters=position.dead_letters + dead,
            written_at_ms=self._clock.now_ms(),
        )

    async def _decoded(self, source: Source, records: Sequence[Record], now_ms: int) -> list[Slice]:
        """The records, in slices. Of a backlog the process beside may take some."""
        asks = len(records) >= HELPED_RECORDS
        found: list[tuple[Sequence[Record], SalesSlice | Answer]] = []
        start = 0
        while start < len(records):
            part = records[start : start + SLICE_RECORDS]
            if asks and (larger := _as_one(records, start)) and (answer := self._ask(source, larger, now_ms)):
                found.append((larger, answer))
                start += len(larger)
            else:
                found.append((part, _decode(source, part, now_ms)))
                start += len(part)
            await asyncio.sleep(0)
        return await _answered(source, found, now_ms)

    def _ask(self, source: Source, records: Sequence[Record], now_ms: int) -> Answer | None:
        return self._tallying.ask(records, source.rules, now_ms, self._repeats[source.role])

    async def _send_dead_letters(self, source: Source, slices: Sequence[Slice]) -> int:
        """How many records were bad; those are in the dead-letter topic by then."""
        dead = [(one.records[bad.index], bad.error, bad.message) for one in slices for bad in one.bad]
        if dead:
            await self._dead_letters.send(source.topic, source.partition, dead)
        return len(dead)

    def _fold(self, source: Source, one: Slice) -> Changed:
        try:
            return one.fold(self._owned.panes[source.role])
        except ApplyFailed:
            raise  # from decoding some of it again
        except Exception as exc:
            raise _failed(source, one.sale_by_sale().sales, lambda sale: fold(lambda *_: Pane(), [sale]), exc) from exc


def _decode(source: Source, records: Sequence[Record], now_ms: int) -> SalesSlice:
    try:
        return SalesSlice(records, decode_batch(records, source.rules, now_ms))
    except Exception as exc:
        raise _failed(source, records, lambda one: decode_batch([one], source.rules, now_ms), exc) from exc


def _as_one(records: Sequence[Record], start: int) -> Sequence[Record] | None:
    """The slice from start on that may be asked for; None where already few records are too much to be sent."""
    count = TALLIED_RECORDS
    while True:
        part = records[start : start + count]
        if sum([len(record.value or b"") for record in part]) <= TALLIED_BYTES:
            return part
        if count <= SLICE_RECORDS:
            return None
        count //= 2


async def _answered(
    source: Source, found: Sequence[tuple[Sequence[Record], SalesSlice | Answer]], now_ms: int
) -> list[Slice]:
    """The slices, in order. What is not answered soon is decoded here; what comes later is dropped."""
    open_answers = [one for _, one in found if not isinstance(one, SalesSlice)]
    if open_answers:
        await asyncio.wait(open_answers, timeout=ANSWERS_WITHIN_S)
    slices: list[Slice] = []
    for part, one in found:
        if isinstance(one, SalesSlice):
            slices.append(one)
        elif one.done() and (tally := one.result()) is not None:
            slices.append(TalliedSlice(part, tally, lambda some: _decode(source, some, now_ms)))
        else:
            for start in range(0, len(part), SLICE_RECORDS):
                slices.append(_decode(source, part[start : start + SLICE_RECORDS], now_ms))
                await asyncio.sleep(0)
    return slices


async def _without(slices: Sequence[Slice], duplicates: frozenset[int]) -> list[Slice]:
    left = []
    for one in slices:
        left.append(one.without(duplicates))
        await asyncio.sleep(0)
    return left


def _from(records: list[Record], next_offset: int) -> list[Record]:
    """Those not applied before. Records come in the order of their offsets."""
    if records and records[0].offset >= next_offset:
        return records
    return [record for record in records if record.offset >= next_offset]


def _failed(source: Source, items: Sequence[Any], attempt: Callable[[Any], object], exc: Exception) -> ApplyFailed:
    """The error to raise: it names the first item (record or sale) that fails on its own, else the whole range."""
    where = f"offsets {items[0].offset} to {items[-1].offset}"
    for item in items:
        try:
            attempt(item)
        except Exception:
            where = f"offset {item.offset}"
            break
    return ApplyFailed(
        f"applying {source.topic!r} partition {source.partition} {where} failed: {exc!r}; the worker stops, nothing "
        "of this batch is acknowledged"
    )
