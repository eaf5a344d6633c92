"""Whether a worker has a process beside it: a matter of what is set, and of processors."""

import os
from pathlib import Path

import pytest
import structlog

from agents import tally_process
from agents.tally_process import NoTallying, TallyProcess, processors, tallying
from tests.support.beside import NOW_MS, RULES, slice_of


async def test_without_a_processor_for_it_or_not_wanted_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    log = structlog.get_logger()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert isinstance(tallying(True, log), TallyProcess)
    assert isinstance(tallying(False, log), NoTallying)
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert isinstance(tallying(True, log), TallyProcess)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone = tallying(True, log)
    assert isinstance(alone, NoTallying)
    alone.ask(slice_of(0), RULES, NOW_MS)
    await alone.close()


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000\n", 4), ("100000 100000\n", 1), ("150000 100000\n", 1.5), ("800000 100000\n", 4)],
)
def test_a_containers_quota_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: float
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(tally_process, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert processors() == expected
