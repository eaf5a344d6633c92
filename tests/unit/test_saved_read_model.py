"""A read model built from its file and the changelog after it is the one that the whole changelog gives."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from ranking_app.clock import ManualClock
from ranking_app.rankings.panes import Pane, encode_pane
from ranking_app.read_model import saved, saved_form
from ranking_app.read_model.saved import NEWER_THAN_MS, SavedReadModel
from ranking_app.read_model.state import ReadModel, ReadRules, WentBack
from tables.layout import pane_key, position_key
from tables.position import Position

NOW_MS = 1_781_434_800_000
MINUTE = NOW_MS // 60_000
RULES = ReadRules(("done", "gone", "listed"), 2, "wall", ZoneInfo("UTC"), 60_000, 60_000, 65_536, 300_000)
TOPIC = "changelog"

Record = tuple[int, bytes, bytes | None]
"""(changelog partition, key, value)"""


def pane(partition: int, schedule: str, minute: int, applied: int, **seconds: Any) -> Record:
    first = seconds.pop("first", None)
    cells = {(MINUTE + minute) * 60 + int(second[1:]): list(numbers) for second, numbers in seconds.items()}
    return partition, pane_key(0, partition, MINUTE + minute, schedule), encode_pane(Pane(applied, cells, first))


def gone(partition: int, schedule: str, minute: int) -> Record:
    return partition, pane_key(0, partition, MINUTE + minute, schedule), None


def at(partition: int, offset: int) -> Record:
    return partition, position_key(0, partition), Position(offset, NOW_MS + offset, counted=offset).encode()


HISTORY = [
    pane(0, "A", 0, 5, first=3, s1=(3, 0, 300), s7=(1, 2, -100)),
    pane(1, "A", 0, 2, s1=(2, 0, 2**70)),
    pane(1, "콘서트", 1, 9, first=9, s59=(2**40, 0, 0)),
    at(1, 10),
    pane(0, "gone", 2, 6, s0=(1, 0, 1)),
    pane(0, "A", 3, 8, s2=(4, 0, 400)),
    gone(0, "gone", 2),
    at(0, 9),
]


@dataclass
class Log:
    """Records in their order, and the read models that have followed them so far."""

    records: list[Record]
    read: int = 0
    offsets: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    model: ReadModel = field(default_factory=lambda: new_model())

    def follow(self, count: int) -> None:
        for record in self.records[self.read : self.read + count]:
            self.model.apply_change(*record)
            self.offsets[record[0]] += 1
            self.read += 1

    def bounds(self) -> dict[int, tuple[int, int]]:
        return {number: (0, sum(record[0] == number for record in self.records)) for number in (0, 1)}

    def followed_from(self, model: ReadModel, offsets: dict[int, int]) -> ReadModel:
        seen = {0: 0, 1: 0}
        for record in self.records:
            if seen[record[0]] >= offsets.get(record[0], 0):
                model.apply_change(*record)
            seen[record[0]] += 1
        return model


def new_model() -> ReadModel:
    return ReadModel(RULES, ManualClock(NOW_MS))


def contents(model: ReadModel) -> Any:
    """Everything that answers are made of."""
    curves = {id_: rows(model, id_) for id_ in model.schedules}
    return (
        curves,
        sorted(model.saved_panes()),
        model.panes,
        sorted(model.positions()),
        model.clock_ms(),
        model.touched,
    )


def rows(model: ReadModel, schedule_id: str) -> Any:
    sources, (second, source, *sums) = model.schedules[schedule_id].curve.columns()
    numbers = [list(column) for column in sums]
    own = [
        (second[i], sources[source[i]], *(column[i + 1] - column[i] for column in numbers[:3]))
        for i in range(len(second))
    ]
    return sorted(own), list(second), max(numbers[3])


def file_of(path: Path, now_ms: int = NOW_MS, topic: str = TOPIC) -> SavedReadModel:
    return SavedReadModel(path / "saved", topic, ManualClock(now_ms), structlog.get_logger())


def test_what_was_saved_and_what_came_since_give_the_whole(tmp_path: Path) -> None:
    whole = Log(HISTORY).followed_from(new_model(), {})
    for count in range(len(HISTORY) + 1):
        log = Log(HISTORY)
        log.follow(count)
        asyncio.run(file_of(tmp_path).save(log.model, log.offsets))
        model = new_model()
        offsets = asyncio.run(file_of(tmp_path).load(model, log.bounds()))
        assert offsets == log.offsets
        assert contents(log.followed_from(model, offsets))[:-1] == contents(whole)[:-1]
        assert model.touched >= set(model.schedules), "the notifier looks at what was touched"


minutes = st.integers(0, 3)
schedules = st.sampled_from("AB")
panes = st.builds(
    lambda p, s, m, a, first, second, q: pane(
        p, s, m, a, first=None if first is None else min(a, first), **{f"s{second}": (q, 0, q)}
    ),
    st.integers(0, 1), schedules, minutes, st.integers(0, 20), st.none() | st.integers(0, 20), st.integers(0, 59),
    st.integers(1, 9),
)  # fmt: skip
tombstones = st.builds(gone, st.integers(0, 1), schedules, minutes)
positions = st.builds(at, st.integers(0, 1), st.integers(0, 30))


@given(st.lists(st.one_of(panes, tombstones, positions), max_size=40), st.integers(0, 40), st.lists(st.integers(0, 4)))
def test_records_that_are_applied_while_it_is_saved_change_nothing(
    records: list[Record], before: int, between: list[int]
) -> None:
    log = Log(records)
    log.follow(before)
    offsets, steps = dict(log.offsets), iter(between)
    went_back_before = list(log.model.went_back)
    head = saved_form.SavedHead(TOPIC, [offsets[0], offsets[1]], log.model.positions(), NOW_MS)
    frames: Iterator[bytes] = saved._frames(log.model, head, log.model.saved_panes())
    body = b""
    for frame in frames:
        body += frame
        log.follow(next(steps, 0))
    model = restored(body, log)
    log.followed_from(model, offsets)
    whole = Log(records).followed_from(new_model(), {})
    assert contents(model)[:-1] == contents(whole)[:-1]
    # An older pane over a newer one is found as it would have been, no more often and no less.
    assert [*went_back_before, *model.went_back] == went_back_of(records)


def went_back_of(records: list[Record]) -> list[WentBack]:
    """What a reader finds that has followed from the beginning."""
    log = Log(records)
    log.follow(len(records))
    return log.model.went_back


def restored(body: bytes, log: Log) -> ReadModel:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "saved").write_bytes(body)
        model = new_model()
        assert asyncio.run(file_of(Path(folder)).load(model, log.bounds()))
        return model


def saved_bytes(tmp_path: Path) -> tuple[bytes, Log]:
    log = Log(HISTORY)
    log.follow(len(HISTORY))
    written = asyncio.run(file_of(tmp_path).save(log.model, log.offsets))
    body = (tmp_path / "saved").read_bytes()
    assert len(body) == written
    return body, log


def unused(tmp_path: Path, log: Log, bounds: Any = None, **more: Any) -> bool:
    """Whether nothing was taken from the file, and the model is as empty as a new one."""
    model = new_model()
    offsets = asyncio.run(file_of(tmp_path, **more).load(model, bounds or log.bounds()))
    return not offsets and contents(model) == contents(new_model())


def test_a_damaged_or_shortened_file_is_not_used_wherever_the_damage_is(tmp_path: Path) -> None:
    body, log = saved_bytes(tmp_path)
    path = tmp_path / "saved"
    for place in range(len(body)):
        path.write_bytes(body[:place])
        assert unused(tmp_path, log), f"cut at {place}"
        path.write_bytes(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
        assert unused(tmp_path, log), f"changed at {place}"


def test_one_of_another_changelog_is_not_used(tmp_path: Path) -> None:
    _, log = saved_bytes(tmp_path)
    assert not unused(tmp_path, log)
    assert unused(tmp_path, log, topic="another")
    assert unused(tmp_path, log, bounds={0: (0, 9)}), "another count of partitions"
    assert unused(tmp_path, log, bounds={0: (0, 1), 1: (0, 9)}), "the changelog ends before it: it was deleted"
    assert unused(tmp_path, log, bounds={0: (0, 9), 1: (5, 9)}), "records after it are gone"


def test_one_that_may_have_missed_a_tombstone_is_not_used(tmp_path: Path) -> None:
    _, log = saved_bytes(tmp_path)
    assert not unused(tmp_path, log, now_ms=NOW_MS + NEWER_THAN_MS)
    assert unused(tmp_path, log, now_ms=NOW_MS + NEWER_THAN_MS + 1)
    assert unused(tmp_path, log, now_ms=NOW_MS - 1), "it says to be of the future"


def test_one_of_another_layout_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, log = saved_bytes(tmp_path)
    monkeypatch.setattr(saved_form, "LAYOUT", saved_form.LAYOUT + 1)
    assert unused(tmp_path, log)


def test_without_a_file_everything_is_read(tmp_path: Path) -> None:
    assert unused(tmp_path, Log(HISTORY))


def test_a_file_that_cannot_be_written_leaves_the_last_one(tmp_path: Path) -> None:
    body, log = saved_bytes(tmp_path)
    (tmp_path / "saved.new").mkdir()
    with pytest.raises(IsADirectoryError):
        asyncio.run(file_of(tmp_path).save(log.model, log.offsets))
    assert (tmp_path / "saved").read_bytes() == body
