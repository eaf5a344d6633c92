"""The read model on a worker's disk: a start builds it from there and reads only what came to the changelog since.

It is a cache of the changelog and nothing else: where it is missing, damaged, old or of another changelog, all of the
changelog is read. Written while the worker answers and counts, so its schedules are some moments newer than its
offsets; what is read again on top of them only puts what is there (panes are put whole).
"""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from ranking_app.clock import Clock
from ranking_app.read_model.saved_form import (
    END,
    PANES,
    SCHEDULE,
    SavedHead,
    SavedUnreadable,
    framed,
    frames_of,
    head_frame,
    panes_frames,
    parse_head,
    parse_panes,
    parse_schedule,
    schedule_frame,
)
from ranking_app.read_model.sources import SourceKey
from ranking_app.read_model.state import ReadModel

NEWER_THAN_MS = 12 * 3600 * 1000
"""A changelog forgets tombstones 24 h (delete.retention.ms) after they were written: what was saved before one could
miss it. Half of that, so that clocks and slow starts do not matter."""

READ_TOGETHER = 250
"""Schedules whose panes are read in one go: one by one takes three times as long."""

WRITE_BYTES = 256 * 1024
"""Gathered before a thread writes them."""


class SavedReadModel:
    """One file. A failure to write it is told to the caller; a failure to read it only costs the time it saves."""

    def __init__(self, path: Path, changelog_topic: str, clock: Clock, log: Any) -> None:
        self._path = path
        self._changelog_topic = changelog_topic
        self._clock = clock
        self._log = log

    async def load(self, model: ReadModel, bounds: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        """Build an empty model from the file; returns the changelog offsets to go on from, none if it is of no use.

        bounds: first and next offset of each changelog partition at the brokers.
        """
        started_s = time.monotonic()
        try:
            with self._path.open("rb") as file:
                frames = frames_of(file.read)
                offsets = self._offsets(next(frames, b"{}"), model, bounds)
                await _build(model, frames)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError) as error:  # ValueError: also what JSON and UTF-8 refuse
            model.begin_anew()
            self._log.warning("saved_read_model_unused", reason=str(error))
            return {}
        seconds = round(time.monotonic() - started_s, 3)
        self._log.info("saved_read_model_used", panes=model.panes, schedules=len(model.schedules), seconds=seconds)
        return offsets

    def _offsets(self, head: bytes, model: ReadModel, bounds: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        """Where to go on, if the head fits this changelog as it is now; puts the positions."""
        saved = parse_head(head)
        offsets = dict(enumerate(saved.offsets))
        age_ms = self._clock.now_ms() - saved.saved_at_ms
        if saved.changelog_topic != self._changelog_topic or offsets.keys() != bounds.keys():
            raise SavedUnreadable(f"it is of {saved.changelog_topic} with {len(offsets)} partitions")
        if not 0 <= age_ms <= NEWER_THAN_MS:
            raise SavedUnreadable(f"it is {age_ms / 3_600_000:.1f} h old, more than a tombstone is sure to live")
        for partition, (begin, end) in bounds.items():
            if not begin <= offsets[partition] <= end:
                raise SavedUnreadable(f"changelog partition {partition} has [{begin}, {end}), not {offsets[partition]}")
        for number, (key, value) in enumerate(saved.positions):
            model.apply_change(number, key, value)
        return offsets

    async def save(self, model: ReadModel, offsets: Mapping[int, int]) -> int:
        """Write the model as it is, with these next changelog offsets; returns the bytes written. OSError.

        The whole file or none: it takes the place of the last one when it is complete. Who has settled the model before
        has it read less at once here.
        """
        head = SavedHead(
            changelog_topic=self._changelog_topic,
            offsets=[offset for _, offset in sorted(offsets.items())],
            positions=model.positions(),
            saved_at_ms=self._clock.now_ms(),
        )
        beside = self._path.with_suffix(".new")
        # No await before saved_panes(): head, positions and the offsets in the panes are of one moment.
        frames = _frames(model, head, model.saved_panes())
        with beside.open("wb") as file:
            written = await _write(file, frames)
            await asyncio.to_thread(os.fsync, file.fileno())
        beside.replace(self._path)
        return written


def _frames(model: ReadModel, head: SavedHead, panes: list[tuple[str, bytes]]) -> Iterator[bytes]:
    yield head_frame(head)
    yield from panes_frames(panes)
    ids = list(model.schedules)
    for start in range(0, len(ids), READ_TOGETHER):
        some = ids[start : start + READ_TOGETHER]
        model.read(some)  # what came while others were written
        for schedule_id in some:
            schedule = model.schedules.get(schedule_id)
            if schedule is not None and not schedule.curve.is_empty:
                yield schedule_frame(schedule_id, schedule.curve)
    yield framed(END)


async def _write(file: IO[bytes], frames: Iterator[bytes]) -> int:
    gathered, size, written = [], 0, 0
    for frame in frames:
        gathered.append(frame)
        size += len(frame)
        if size >= WRITE_BYTES:
            await asyncio.to_thread(file.writelines, gathered)
            gathered, size, written = [], 0, written + size
    await asyncio.to_thread(file.writelines, gathered)
    return written + size


async def _build(model: ReadModel, frames: Iterator[bytes]) -> None:
    size, kind = 0, b""
    for body in frames:
        kind = body[:1]
        if kind == PANES:
            model.restore_panes(parse_panes(body))
        elif kind == SCHEDULE:
            model.restore_curve(*parse_schedule(body, SourceKey))
        size += len(body)
        if size >= WRITE_BYTES:
            size = 0
            await asyncio.sleep(0)
    if kind != END:
        raise SavedUnreadable("it ends before its end")
