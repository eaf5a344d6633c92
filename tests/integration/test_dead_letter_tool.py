"""`ranking-app dead-letters` on a real Kafka: what it lists, what it shows, and that it sends each letter once."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from ranking_app.dead_letter_tool import replaying
from ranking_app.dead_letter_tool.commands import Filter, list_letters, replay_matching, replay_positions, show_letters
from ranking_app.dead_letter_tool.errors import (
    LetterWasCut,
    NoOrigin,
    NoSuchLetter,
    ReplayInterrupted,
    WrongMendedValue,
    WrongPosition,
)
from ranking_app.dead_letter_tool.letters import Letter, Wanted
from ranking_app.dead_letter_tool.progress import replayed_topic
from ranking_app.dead_letter_tool.reading import letter_reader
from ranking_app.kafka_client import client_options
from ranking_app.local.kafka import LocalKafka
from ranking_app.settings import Settings
from ranking_app.topics import ensure_topics
from schemas.dead_letter import cut_header, dead_letter_headers
from tests.support.in_process import producing, read_topic, settings_of

ERROR = "ranking_app.errors.NotJson"
FLAT = b'{"concertScheduleId": "A", "reservedAt": "20250528"}'


@pytest.fixture
async def settings(kafka: LocalKafka, tmp_path: Path) -> Settings:
    found = settings_of(f"d{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data")
    await ensure_topics(found, client_options(found))
    return found


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def yes(_: str) -> bool:
    return True


async def write(
    settings: Settings,
    values: Sequence[bytes | None],
    *,
    source: str | None = None,
    partition: int = 0,
    error: str = ERROR,
    first_offset: int = 0,
    headers: Sequence[tuple[str, bytes]] = (),
    key: bytes | None = b"k",
) -> None:
    """Letters of records at consecutive offsets, as a worker writes them."""
    source = source or settings.completed_topic
    async with producing(settings) as producer:
        batch = producer.create_batch()
        for offset, value in enumerate(values, first_offset):
            own = dead_letter_headers(source, partition, offset, 1_000 + offset, "g", error, "expected JSON")
            batch.append(timestamp=None, key=key, value=value, headers=[*headers, *own])
        await (await producer.send_batch(batch, f"{source}-dlt", partition=partition))


async def sent(settings: Settings, topic: str | None = None) -> list[Any]:
    return await read_topic(settings, topic or settings.completed_topic)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


async def test_list_shows_the_newest_and_filters(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    await write(settings, [b"a", b"b", b"c"])
    await write(settings, [b"d"], partition=1, error="ranking_app.errors.TimeInFuture")
    await write(settings, [b"e"], source=settings.cancelled_topic)
    await list_letters(settings, Filter(), 2, False, now_ms())
    newest = lines(capsys)
    assert [line.split("  ")[0] for line in newest] == [
        f"{settings.completed_topic}-dlt:1:0",
        f"{settings.cancelled_topic}-dlt:0:0",
    ]
    await list_letters(settings, Filter(topics=[f"{settings.completed_topic}-dlt"]), 50, True, now_ms())
    assert [json.loads(line)["originalOffset"] for line in lines(capsys)] == [0, 1, 2, 0]
    await list_letters(settings, Filter(error="future"), 50, True, now_ms())
    assert [json.loads(line)["error"] for line in lines(capsys)] == ["TimeInFuture"]
    await list_letters(settings, Filter(since="1h"), 50, False, now_ms())
    assert len(lines(capsys)) == 5
    await list_letters(settings, Filter(until="1h"), 50, False, now_ms())
    assert lines(capsys) == []
    with pytest.raises(WrongPosition, match="none of"):
        await list_letters(settings, Filter(topics=["another"]), 50, False, now_ms())


async def test_show_prints_nothing_that_a_terminal_acts_on(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = b"\x1b]0;owned\x07\xff\xfe\xe2\x80\xae" + b"x" * 10_000
    await write(settings, [evil, None], headers=[("\x1b[2Jtrace", b"\x00\x9b")], key=b"\r\nk")
    await show_letters(settings, ["0:0", f"{settings.completed_topic}:0:1"], 100, False)
    shown = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "\\u001b]0;owned\\u0007\\xff\\xfe\\u202e" in shown
    assert "and 9915 bytes more" in shown
    assert len(shown) < 4_000
    with pytest.raises(NoSuchLetter):
        await show_letters(settings, ["0:2"], 100, False)
    await write(settings, [b"x"], source=settings.cancelled_topic)
    with pytest.raises(WrongPosition, match="several topics"):
        await show_letters(settings, ["0:0"], 100, False)


async def test_a_replay_goes_where_it_came_from_and_is_not_done_twice(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await write(settings, [FLAT, b"bad"], partition=2, headers=[("trace", b"1"), ("kafka_dlt-original-topic", b"own")])
    await write(settings, [FLAT], partition=2)  # a crash of the worker wrote the first one twice
    questions: list[str] = []

    def no(question: str) -> bool:
        questions.append(question)
        return False

    await replay_matching(settings, Filter(error="notjson"), no, now_ms())
    assert "2 records" in questions[0]
    assert "1 of them are bad" in questions[0]
    assert await sent(settings) == []
    for _ in range(2):
        await replay_matching(settings, Filter(), yes, now_ms())
    records = await sent(settings)
    assert [(r.partition, r.key, r.value) for r in records] == [(2, b"k", FLAT), (2, b"k", b"bad")]
    assert records[0].headers == (("trace", b"1"), ("kafka_dlt-original-topic", b"own"))
    assert now_ms() - records[0].timestamp < 60_000
    printed = capsys.readouterr().out
    assert f"2 records to {settings.completed_topic} (2) sent" in printed
    assert "3 left out: sent by an earlier replay" in printed
    await list_letters(settings, Filter(), 10, True, now_ms())
    assert [json.loads(line)["replayed"] for line in lines(capsys)] == [True, True, True]


@pytest.mark.parametrize("death", ["line cut", "killed", "killed after the commit, before it knew"])
async def test_a_replay_that_dies_half_way_goes_on_where_it_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, death: str
) -> None:
    monkeypatch.setattr(replaying, "TRANSACTION_RECORDS", 10)
    await write(settings, [FLAT] * 35)
    real_commit, real_abort = replaying.Replay._commit, replaying.Replay.abort
    commits = 0

    async def dying(self: replaying.Replay) -> None:
        nonlocal commits
        commits += 1
        if commits == 3:
            if "after" in death:
                await real_commit(self)
            await asyncio.gather(*self._open)  # they are on the brokers, in a transaction that nobody ends
            raise KafkaError("dead")
        await real_commit(self)

    async def not_aborting(self: replaying.Replay) -> None:
        if death == "line cut":
            await real_abort(self)

    monkeypatch.setattr(replaying.Replay, "_commit", dying)
    monkeypatch.setattr(replaying.Replay, "abort", not_aborting)
    with pytest.raises(ReplayInterrupted, match="after 20 records"):
        await replay_matching(settings, Filter(), yes, now_ms())
    await replay_matching(settings, Filter(), yes, now_ms())
    assert len(await sent(settings)) == 35
    assert len(await read_topic(settings, replayed_topic(settings.completed_topic).name, 1)) == 35


@pytest.mark.parametrize("fenced", ["at the commit", "between two letters"])
async def test_of_two_replays_at_a_time_one_is_fenced_and_nothing_is_sent_twice(
    settings: Settings, fenced: str
) -> None:
    await write(settings, [FLAT] * 5)
    options = client_options(settings)

    async def one_after_the_other(letters: AsyncIterator[Letter], slow: replaying.Replay) -> AsyncIterator[Letter]:
        async for letter in letters:
            yield letter
            if fenced == "between two letters":
                await asyncio.wait(slow._open)

    async with replaying.replaying(options, settings.completed_topic) as slow:
        await replay_matching(settings, Filter(), yes, now_ms())

        wanted = Wanted((settings.completed_topic,))
        async with letter_reader(options, wanted.sources) as reader:
            letters = reader.letters(await reader.spans(wanted), wanted)
            with pytest.raises(ReplayInterrupted, match="after 0 records: ProducerFenced"):
                await slow.send(one_after_the_other(letters, slow), {}, replaying.Outcome())
    assert len(await sent(settings)) == 5


async def test_mended_values_are_checked_before_any_is_sent(settings: Settings, tmp_path: Path) -> None:
    await write(settings, [b'{"concertScheduleId":\n "A", "reservedAt": "x"}', b"bad"])
    file = tmp_path / "mended.ndjson"
    file.write_bytes(FLAT + b"\n" + FLAT.replace(b"20250528", b"2025"))
    with pytest.raises(WrongMendedValue, match=r"value 2 .*UnreadableTime"):
        await replay_positions(settings, ["0:0", "0:1"], str(file), yes)
    file.write_bytes(FLAT)
    with pytest.raises(WrongMendedValue, match="expected 2 lines"):
        await replay_positions(settings, ["0:0", "0:1"], str(file), yes)
    assert await sent(settings) == []
    file.write_bytes(FLAT.replace(b", ", b",\n  "))  # one letter's value may have several lines
    await replay_positions(settings, ["0:1"], str(file), yes)
    assert [json.loads(record.value) for record in await sent(settings)] == [json.loads(FLAT)]


async def test_what_cannot_be_sent_as_it_is_says_what_to_do(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await write(settings, [b"beginn"], headers=[cut_header(70_000)])
    await write(settings, [None], first_offset=1, key=None)
    async with producing(settings) as producer:
        await producer.send_and_wait(f"{settings.completed_topic}-dlt", b"mine", partition=0)
    with pytest.raises(LetterWasCut, match=r"70000 bytes.* partition 0, offset 0"):
        await replay_positions(settings, ["0:0"], None, yes)
    with pytest.raises(NoOrigin):
        await replay_positions(settings, ["0:2"], None, yes)
    await replay_matching(settings, Filter(), yes, now_ms())
    assert await sent(settings) == []
    printed = capsys.readouterr().out
    assert "1 left out: cut" in printed
    assert "1 left out: without key and value" in printed
    assert "1 left out: not written by a worker" in printed
    file = tmp_path / "whole"
    file.write_bytes(FLAT)
    await replay_positions(settings, ["0:0"], str(file), yes)
    assert [record.value for record in await sent(settings)] == [FLAT]
