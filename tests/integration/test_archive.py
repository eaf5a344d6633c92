"""`ranking-app archive` against a real Kafka: what is on the topics is in the files, over runs, markers and losses."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaConnectionError

from ranking_app.archive import topic_reader
from ranking_app.archive.errors import ArchiveAhead, ArchiveGap, ArchiveInterrupted, ArchiveInUse
from ranking_app.archive.files import read_records
from ranking_app.archive.plan import Archives
from ranking_app.archive.verify import examine
from ranking_app.archive.write import write_archive
from ranking_app.errors import TopicMissing
from ranking_app.kafka_client import BrokersUnreachable, client_options
from ranking_app.local.kafka import LocalKafka
from ranking_app.settings import Settings, load_settings
from ranking_app.topics import delete_topic, ensure_topics
from tests.support.in_process import producing, read_topic, settings_of
from tests.support.odd_batches import GZIP, OddBatch, RawName, send_odd, with_junk_behind
from tests.support.processes import free_port

WITHIN_S = 90.0
JUNE_14_MS = 1_781_434_803_412
HOUR_MS = 3_600_000
VALUE = b"in an odd batch" * 50
"""Long enough for aiokafka to compress it."""


def within(body: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(body, WITHIN_S))


@pytest.fixture
def settings(kafka: LocalKafka, tmp_path: Path) -> Settings:
    made = settings_of(f"a{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data")
    within(ensure_topics(made, client_options(made)))
    return made


async def send(settings: Settings, count: int, *, partition: int = 0, at_ms: int | None = None) -> None:
    async with producing(settings) as producer:
        for number in range(count):
            await producer.send(
                settings.completed_topic,
                f"value {number}".encode() if number % 5 else None,
                key=f"key {number}".encode() if number % 5 == 0 or number % 3 else None,
                partition=partition,
                timestamp_ms=at_ms,
                headers=[("trace", f"{number}".encode()), ("제목", b"")] if number % 2 else [],
            )


async def send_transactions(settings: Settings, count: int, partition: int = 0) -> None:
    """Of three transactions one is aborted; each leaves a marker, which has an offset and is no record."""
    async with producing(settings, transactional_id=uuid.uuid4().hex) as producer:
        for number in range(count):
            await producer.begin_transaction()
            for topic in settings.source_topics:
                value = f"transaction {number}".encode()
                await producer.send_and_wait(topic, value, partition=partition, headers=[("n", b"1")])
            await (producer.abort_transaction() if number % 3 == 2 else producer.commit_transaction())


def archive(settings: Settings, directory: Path, *topics: str, accept_gaps: bool = False) -> None:
    within(write_archive(settings, directory, topics, progress=False, accept_gaps=accept_gaps))


def archived(directory: Path, topic: str) -> list[tuple[Any, ...]]:
    """Every archived record of a topic, in the order of partitions and offsets."""
    found: list[tuple[Any, ...]] = []
    if not any(directory.rglob("*.parquet")):
        return found
    for (name, partition), files in Archives.at([directory]).parquet.items():
        if name == topic:
            found += [(partition, *record) for file in files for group in read_records(file, 0) for record in group]
    return found


def on_topic(settings: Settings, topic: str) -> list[tuple[Any, ...]]:
    """The same, as a read_committed reader sees it now."""
    records = within(read_topic(settings, topic, settings.partitions))
    return [(r.partition, r.offset, r.key, r.value, tuple(r.headers), r.timestamp) for r in records]


def assert_archived_whole(settings: Settings, directory: Path) -> None:
    for topic in settings.source_topics:
        assert archived(directory, topic) == on_topic(settings, topic)
    assert examine(directory).problems == []


async def delete_before(settings: Settings, topic: str, partition: int, offset: int) -> None:
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


def test_every_record_that_a_reader_sees_is_archived_over_several_runs(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "archive"
    within(send(settings, 200, at_ms=JUNE_14_MS))
    within(send(settings, 50, at_ms=JUNE_14_MS + 24 * HOUR_MS))
    within(send(settings, 7, partition=2))
    within(send_transactions(settings, 7))
    archive(settings, directory)
    assert_archived_whole(settings, directory)
    days = sorted(path.name for path in (directory / settings.completed_topic).iterdir())
    assert days[:2] == ["2026-06-14", "2026-06-15"] and len(days) == 3
    said = capsys.readouterr().out
    assert f"{settings.completed_topic} partition 0: 255 records in 3 files, offsets 0 to 263" in said
    assert f"{settings.completed_topic} partition 1: nothing new, archived up to offset 0" in said
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*.parquet")}

    within(send_transactions(settings, 4))
    within(send(settings, 30, partition=1))
    archive(settings, directory)
    assert_archived_whole(settings, directory)
    after = {path: path.stat().st_mtime_ns for path in directory.rglob("*.parquet")}
    assert before.items() < after.items()  # nothing that was whole is written again

    archive(settings, directory)
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*.parquet")} == after
    assert list(directory.rglob("*.partial")) == []


def test_an_open_transaction_is_left_to_a_later_run(settings: Settings, tmp_path: Path) -> None:
    topic = settings.completed_topic

    async def body() -> None:
        async with producing(settings, transactional_id=uuid.uuid4().hex) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"open", partition=0)
            await send(settings, 5)
            await write_archive(settings, tmp_path / "a", [topic])
            assert archived(tmp_path / "a", topic) == []
            await producer.commit_transaction()
        await write_archive(settings, tmp_path / "a", [topic])

    within(body())
    assert archived(tmp_path / "a", topic) == on_topic(settings, topic)
    assert len(on_topic(settings, topic)) == 6


def test_offsets_that_were_deleted_before_they_were_archived_are_named(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topic, directory = settings.completed_topic, tmp_path / "archive"
    within(send(settings, 20))
    within(delete_before(settings, topic, 0, 4))  # before anything was archived: it begins there
    archive(settings, directory, topic)
    assert examine(directory).rows[0][:6] == (topic, "0", "1", "16", "4", "20")
    within(send(settings, 20))
    within(delete_before(settings, topic, 0, 33))
    first = archived(directory, topic)
    with pytest.raises(ArchiveGap, match=rf"{topic} partition 0 offsets 20 to 32"):
        archive(settings, directory, topic)
    assert archived(directory, topic) == first

    capsys.readouterr()
    archive(settings, directory, topic, accept_gaps=True)
    assert "offsets 20 to 32 are lost" in capsys.readouterr().out
    assert archived(directory, topic) == first + on_topic(settings, topic)
    report = examine(directory)
    assert report.problems == [] and "offsets 20 to 32 are lost" in report.notes[0]
    archive(settings, directory, topic)  # accepted once and for all


def test_records_that_are_deleted_under_the_reader_are_named_and_what_came_before_is_kept(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, directory = settings.completed_topic, tmp_path / "archive"
    within(send(settings, 20))
    bounds = topic_reader.TopicReader.bounds

    async def then_deleted(self: topic_reader.TopicReader) -> Any:
        found = await bounds(self)
        await delete_before(settings, topic, 0, 8)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(topic_reader.TopicReader, "bounds", then_deleted)
        with pytest.raises(ArchiveGap, match=r"deleted offsets 0 to 7 while"):
            archive(settings, directory, topic)
    archive(settings, directory, topic)
    assert archived(directory, topic) == on_topic(settings, topic)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [(KafkaConnectionError("gone"), ArchiveInterrupted), (asyncio.CancelledError(), asyncio.CancelledError)],
    ids=["no broker answers", "Ctrl-C"],
)
def test_when_a_run_is_cut_short_what_was_read_is_kept_and_the_next_run_goes_on(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: BaseException,
    seen: type[BaseException],
) -> None:
    topic, directory = settings.completed_topic, tmp_path / "archive"
    monkeypatch.setattr(topic_reader, "POLL_RECORDS", 7)
    within(send(settings, 20))
    batches = topic_reader.TopicReader.batches

    async def then_silent(*arguments: Any) -> AsyncIterator[Any]:
        async for records in batches(*arguments):
            yield records
            raise fault

    with monkeypatch.context() as patch:
        patch.setattr(topic_reader.TopicReader, "batches", then_silent)
        with pytest.raises(seen):
            archive(settings, directory, topic)
    assert [row[1] for row in archived(directory, topic)] == list(range(7))
    assert f"{topic} partition 0: 7 records in 1 file, offsets 0 to 6" in capsys.readouterr().out
    archive(settings, directory, topic)
    assert archived(directory, topic) == on_topic(settings, topic)


def test_progress_is_drawn_where_it_does_not_disturb_what_is_printed(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    within(send(settings, 20))
    within(write_archive(settings, tmp_path / "archive", progress=True))
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 * settings.partitions and all(" partition " in line for line in out.splitlines())
    assert "20 offsets" in err


def test_a_batch_that_is_not_as_it_should_be_is_archived_as_a_worker_sees_it(
    settings: Settings, tmp_path: Path
) -> None:
    async def body() -> None:
        behind, nameless = OddBatch(GZIP, with_junk_behind), OddBatch()
        behind.add(VALUE, b"key", [("null", None)])
        nameless.add(VALUE, None, [(RawName.of(b"\xff"), b"v")])
        async with producing(settings, enable_idempotence=False) as producer:
            for batch in (behind, nameless):
                await send_odd(producer, settings.completed_topic, 0, batch)

    within(body())
    within(send(settings, 3))
    archive(settings, tmp_path / "archive")
    assert_archived_whole(settings, tmp_path / "archive")
    odd = archived(tmp_path / "archive", settings.completed_topic)[:2]
    assert [row[2:5] for row in odd] == [(b"key", VALUE, (("null", None),)), (None, VALUE, (("\ufffd", b"v"),))]


def test_many_records_are_divided_and_come_back(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ranking_app.archive.file_writer.FILE_RECORDS", 4_000)
    monkeypatch.setattr("ranking_app.archive.file_writer.ROW_GROUP_RECORDS", 1_000)
    monkeypatch.setattr(topic_reader, "POLL_RECORDS", 700)
    for partition in range(3):
        within(send(settings, 10_000, partition=partition))
    archive(settings, tmp_path / "archive")
    assert_archived_whole(settings, tmp_path / "archive")
    assert len(list((tmp_path / "archive").rglob("*.parquet"))) >= 9


def test_another_cluster_or_a_topic_made_anew_is_not_taken_for_the_same(settings: Settings, tmp_path: Path) -> None:
    within(send(settings, 5))
    archive(settings, tmp_path / "archive")

    topic, options = settings.completed_topic, client_options(settings)
    within(delete_topic(topic, options))
    within(ensure_topics(settings, options))
    with pytest.raises(ArchiveAhead, match=settings.completed_topic):
        archive(settings, tmp_path / "archive")


def test_two_writers_do_not_meet_in_a_directory(settings: Settings, tmp_path: Path) -> None:
    async def both() -> list[Any]:
        runs = (write_archive(settings, tmp_path / "archive") for _ in range(2))
        return await asyncio.gather(*runs, return_exceptions=True)

    within(send(settings, 5))
    first, second = within(both())
    assert first is None and isinstance(second, ArchiveInUse)


def test_a_topic_that_is_missing_is_named_and_not_made(settings: Settings, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(TopicMissing, match="nowhere"):
            archive(settings, tmp_path / "archive", f"{settings.app_id}.nowhere")


def test_brokers_that_do_not_answer_are_waited_for_and_then_named(tmp_path: Path) -> None:
    nobody = load_settings(broker=f"kafka://127.0.0.1:{free_port()}", broker_wait=1)
    with pytest.raises(BrokersUnreachable):
        archive(nobody, tmp_path / "archive")
