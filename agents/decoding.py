"""Records of one partition become slices: decoded here, or tallied by the process beside.

Of a backlog that process begins with what waits for the flush under way, so that it does not stand still meanwhile; and
where the worker would have to wait for it, the worker takes back what was not sent yet.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from agents.arrivals import SPAN_MS
from agents.slices import SalesSlice, Slice, TalliedSlice
from agents.tally_process import Answer, Tallying
from ranking_app.errors import RankingError
from schemas.decode import DecodeRules, decode_batch
from schemas.record import Record

SLICE_RECORDS = 2_000
"""Decoded in one go, about 5 ms; other tasks (HTTP, the consumer) get their turn between slices."""

TALLIED_RECORDS = 8_000
"""Tallied in one go: the longer a slice, the fewer panes it has for its sales."""

TALLIED_BYTES = 4 * 1024 * 1024
"""Of the values of a slice that is sent: it is in memory four times until it is tallied."""

ANSWERS_WITHIN_S = 2.0
"""For all slices of a batch together; 50 ms each are usual. A rebalance waits for the flush under way."""

AHEAD_RECORDS = 2_000
"""What waits for the flush under way is begun with where it is so many in one batch; fewer are put together first. A
slice of fewer is not taken back either: its answer comes before it would be decoded here."""

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


class _Asked(NamedTuple):
    """Records that the process beside has, or will have. now_ms: when they arrived, as it was told."""

    records: Sequence[Record]
    now_ms: int
    answer: Answer


class Decoding:
    """Of one partition's records, each source's in the order of their offsets."""

    def __init__(self, tallying: Tallying) -> None:
        self._tallying = tallying
        self._begun: defaultdict[int, deque[_Asked]] = defaultdict(deque)

    def begin(self, source: Source, records: Sequence[Record], now_ms: int, with_offsets: bool) -> None:
        """Have the process beside begin with records that slices() is given later; as many as it takes."""
        if len(records) < AHEAD_RECORDS:
            return
        start = 0
        while start < len(records):
            asked = self._ask(source, records, start, len(records), now_ms, with_offsets)
            if asked is None:
                return
            self._begun[source.role].append(asked)
            start += len(asked.records)

    def drop(self) -> None:
        """What was begun with is not counted here any more: nobody has to wait behind it."""
        for asked in chain.from_iterable(self._begun.values()):
            self._tallying.take_back(asked.answer)
        self._begun.clear()

    async def slices(
        self, source: Source, records: Sequence[Record], now_ms: int, with_offsets: bool
    ) -> Sequence[Slice]:
        """The records in slices. with_offsets: duplicates are expected. ApplyFailed."""
        helped = len(records) >= HELPED_RECORDS
        found: list[_Asked | list[SalesSlice]] = []
        start = 0
        while start < len(records):
            asked = self._begun_with(source.role, records, start, now_ms)
            end = self._begun_from(source.role, records, start)
            if asked is None and helped:
                asked = self._ask(source, records, start, end, now_ms, with_offsets)
            part = records[start : min(start + SLICE_RECORDS, end)] if asked is None else asked.records
            found.append(asked or [_decode(source, part, now_ms)])
            start += len(part)
            if helped:  # fewer are one slice, and soon decoded: the turns of all others would come before they count
                await asyncio.sleep(0)
        await self._take_back(source, found, now_ms)
        return await _answered(source, found, now_ms)

    def _ask(
        self, source: Source, records: Sequence[Record], start: int, end: int, now_ms: int, with_offsets: bool
    ) -> _Asked | None:
        part = _as_one(records, start, end)
        answer = self._tallying.ask(part, source.rules, now_ms, with_offsets) if part else None
        return _Asked(part, now_ms, answer) if part and answer else None

    def _begun_with(self, role: int, records: Sequence[Record], start: int, now_ms: int) -> _Asked | None:
        """What was begun with and starts here. What is not to be counted any more, or was cut, is dropped."""
        begun, at = self._begun[role], records[start].offset
        while begun and begun[0].records[0].offset <= at:
            one = begun.popleft()
            end = start + len(one.records)
            same = end <= len(records) and one.records[0] is records[start] and one.records[-1] is records[end - 1]
            if same and abs(now_ms - one.now_ms) <= SPAN_MS:
                return one
        return None

    def _begun_from(self, role: int, records: Sequence[Record], start: int) -> int:
        """The index from which on more is begun with; the length where nothing is."""
        begun = self._begun[role]
        if not begun:
            return len(records)
        return bisect_left(records, begun[0].records[0].offset, lo=start + 1, key=lambda record: record.offset)

    async def _take_back(self, source: Source, found: list[_Asked | list[SalesSlice]], now_ms: int) -> None:
        """From the last on: the process beside does the first ones meanwhile."""
        for index in reversed(range(len(found))):
            one = found[index]
            if isinstance(one, list) or one.answer.done() or len(one.records) < AHEAD_RECORDS:
                continue
            if self._tallying.take_back(one.answer):
                found[index] = await _decoded(source, one.records, now_ms)


def _decode(source: Source, records: Sequence[Record], now_ms: int) -> SalesSlice:
    try:
        return SalesSlice(records, decode_batch(records, source.rules, now_ms))
    except Exception as exc:
        raise apply_failed(source, records, lambda one: decode_batch([one], source.rules, now_ms), exc) from exc


async def _decoded(source: Source, records: Sequence[Record], now_ms: int) -> list[SalesSlice]:
    """Here, and others get their turn."""
    slices = []
    for start in range(0, len(records), SLICE_RECORDS):
        slices.append(_decode(source, records[start : start + SLICE_RECORDS], now_ms))
        await asyncio.sleep(0)
    return slices


def _as_one(records: Sequence[Record], start: int, end: int) -> Sequence[Record] | None:
    """The slice from start on that may be asked for; None where already few records are too much to be sent."""
    count = TALLIED_RECORDS
    while True:
        part = records[start : min(start + count, end)]
        if sum([len(record.value or b"") for record in part]) <= TALLIED_BYTES:
            return part
        if count <= SLICE_RECORDS:
            return None
        count //= 2


async def _answered(source: Source, found: Sequence[_Asked | list[SalesSlice]], now_ms: int) -> list[Slice]:
    """The slices, in order. What is not answered soon is decoded here; what comes later is dropped."""
    open_answers = [one.answer for one in found if not isinstance(one, list)]
    if open_answers:
        await asyncio.wait(open_answers, timeout=ANSWERS_WITHIN_S)
    slices: list[Slice] = []
    for one in found:
        if isinstance(one, list):
            slices.extend(one)
        elif one.answer.done() and (tally := one.answer.result()) is not None:
            # With the tally's time: what was too far in the future for it stays so when some of it is decoded again.
            slices.append(TalliedSlice(one.records, tally, partial(_decode, source, now_ms=one.now_ms)))
        else:
            slices.extend(await _decoded(source, one.records, now_ms))
    return slices


def apply_failed(source: Source, items: Sequence[Any], attempt: Callable[[Any], object], exc: Exception) -> ApplyFailed:
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
