"""Applying one batch of source records to the panes: decode, dead letters, duplicates, late, fold.

No write happens here: `Applied` says what one flush has to make durable, together.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agents.arrivals import Arrivals
from agents.dead_letters import DeadLetters
from agents.pending import Record
from ranking_app.clock import Clock
from ranking_app.errors import RankingError
from ranking_app.rankings.panes import Pane, Touched, fold
from schemas.decode import DecodeRules, decode_batch
from schemas.sale import Sale
from tables.panes import OwnedPartition
from tables.position import Position
from tables.seen import SeenBatch

SLICE_RECORDS = 2_000
"""Decoded in one go, about 5 ms; other tasks (HTTP, the consumer) get their turn between slices."""


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

    panes: dict[int, Touched] = field(default_factory=dict)
    positions: dict[int, Position] = field(default_factory=dict)
    seen: list[tuple[int, SeenBatch]] = field(default_factory=list)
    records: int = 0

    def add(self, role: int, touched: Touched) -> None:
        """Panes of one more slice; those that it shares with an earlier one are the same objects."""
        known = self.panes.setdefault(role, touched)
        if known is not touched:
            for schedule_id, minutes in touched.items():
                known.setdefault(schedule_id, {}).update(minutes)


class Applier:
    """Applies batches to one owned partition."""

    def __init__(
        self,
        owned: OwnedPartition,
        sources: Mapping[int, Source],
        dead_letters: DeadLetters,
        arrivals: Mapping[int, Arrivals],
        clock: Clock,
    ) -> None:
        self._owned = owned
        self._sources = sources
        self._dead_letters = dead_letters
        self._arrivals = arrivals
        self._clock = clock

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
        sales, dead = await self._decode(source, records, arrived_ms)
        named = [sale for sale in sales if sale.event_id is not None]  # the flat form has no id
        seen = self._owned.seen[source.role].check(
            [sale.offset for sale in named], [sale.event_id for sale in named if sale.event_id], arrived_ms
        )
        if seen.duplicates:
            sales = [sale for sale in sales if sale.offset not in seen.duplicates]
        late, watermark_ms = count_late(sales, position.watermark_ms, source.grace_ms)
        try:
            touched = fold(lambda schedule, minute: self._owned.pane(source.role, schedule, minute), sales)
        except Exception as exc:
            raise _failed(source, sales, lambda sale: fold(lambda *_: Pane(), [sale]), exc) from exc
        applied.add(source.role, touched)
        applied.seen.append((source.role, seen))
        applied.records += len(records)
        applied.positions[source.role] = position.moved(
            next_offset=records[-1].offset + 1,
            watermark_ms=watermark_ms,
            counted=position.counted + len(sales),
            late=position.late + late,
            duplicates=position.duplicates + len(seen.duplicates),
            dead_letters=position.dead_letters + dead,
            written_at_ms=self._clock.now_ms(),
        )

    async def _decode(self, source: Source, records: Sequence[Record], now_ms: int) -> tuple[list[Sale], int]:
        """All sales of the records, and how many records were bad; those are in the dead-letter topic by then."""
        sales: list[Sale] = []
        dead: list[tuple[Record, str, str]] = []
        for start in range(0, len(records), SLICE_RECORDS):
            part = records[start : start + SLICE_RECORDS]
            try:
                decoded = decode_batch(part, source.rules, now_ms)
            except Exception as exc:
                raise _failed(source, part, lambda one: decode_batch([one], source.rules, now_ms), exc) from exc
            sales += decoded.sales
            dead += [(part[bad.index], bad.error, bad.message) for bad in decoded.bad]
            await asyncio.sleep(0)
        if dead:
            await self._dead_letters.send(source.topic, source.partition, dead)
        return sales, len(dead)


def _from(records: list[Record], next_offset: int) -> list[Record]:
    """Those not applied before. Records come in the order of their offsets."""
    if records and records[0].offset >= next_offset:
        return records
    return [record for record in records if record.offset >= next_offset]


def count_late(sales: Sequence[Sale], watermark_ms: int | None, grace_ms: int) -> tuple[int, int | None]:
    """How many are more than grace_ms behind the watermark as it stands when they come, and where it stands after.

    >>> at = lambda ms: Sale(0, "A", ms, 1, 0, False, None)
    >>> count_late([at(100_000), at(39_999), at(40_000)], None, 60_000)
    (1, 100000)
    """
    if not sales:
        return 0, watermark_ms
    times = [sale.at_ms for sale in sales]
    newest = max(times) if watermark_ms is None else max(watermark_ms, max(times))
    if min(times) >= newest - grace_ms:
        return 0, newest  # the usual case: nothing can be late
    late, mark = 0, times[0] if watermark_ms is None else watermark_ms
    for at_ms in times:
        if at_ms > mark:
            mark = at_ms
        elif at_ms < mark - grace_ms:
            late += 1
    return late, mark


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
