"""Applying one batch of source records to the panes: decode, dead letters, duplicates, late, fold.

No write happens here: `Applied` says what one flush has to make durable, together.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from agents.arrivals import Arrivals
from agents.dead_letters import DeadLetters
from agents.decoding import HELPED_RECORDS, ApplyFailed, Decoding, Source, apply_failed
from agents.slices import Slice
from agents.tally_process import Tallying
from ranking_app.clock import Clock
from ranking_app.rankings.panes import Pane, fold
from ranking_app.rankings.tally import summed
from schemas.record import Record
from schemas.sale import Sale
from tables.changed import Changed
from tables.panes import OwnedPartition
from tables.position import Position
from tables.seen import SeenBatch


@dataclass(slots=True)
class Applied:
    """What a flush makes durable: touched panes, positions and ids by role."""

    panes: Changed = field(default_factory=Changed)
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
        self._decoding = Decoding(tallying)
        self._repeats = dict.fromkeys(sources, False)
        """By role: whether the last batch had duplicates. The next is expected to have some, too."""

    def begin(self, role: int, records: Sequence[Record]) -> None:
        """Of what apply is given later, as it came: the process beside may begin with it."""
        arrived_ms = self._arrivals[role].together_ms(records)
        if arrived_ms is not None:
            self._decoding.begin(self._sources[role], records, arrived_ms, self._repeats[role])

    def drop(self) -> None:
        """What was begun with is applied by nobody, or by another."""
        self._decoding.drop()

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
        slices = await self._decoding.slices(source, records, arrived_ms, self._repeats[source.role])
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
            if len(records) >= HELPED_RECORDS:  # as in Decoding.slices
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
            raise apply_failed(source, one.sale_by_sale().sales, _count_by_itself, exc) from exc


def _count_by_itself(sale: Sale) -> None:
    """All that is done with a sale and knows nothing of the others."""
    summed([sale])
    fold(lambda *_: Pane(), [sale])


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
