"""NDJSON archives: a line is an event with an offset of its own, and a bad file is refused as a whole."""

import gzip
from datetime import UTC
from pathlib import Path

import pytest

from ranking_app.archive import lines as lines_module
from ranking_app.archive.errors import ArchiveUnreadable, WrongArchivedEvent
from ranking_app.archive.files import ArchivedRecord
from ranking_app.archive.lines import check_lines, line_offset, read_lines
from ranking_app.errors import WrongLine
from schemas.decode import DecodeRules
from schemas.produce_line import TopicNames
from tests.support.events import NOW_MS, as_bytes, envelope, flat, listing

TOPICS = TopicNames()
RULES = (DecodeRules(UTC, 300_000, 65_536, flat_cancels=False), DecodeRules(UTC, 300_000, 65_536, flat_cancels=True))
DONE, UNDONE = as_bytes(envelope()), as_bytes(envelope(eventType="reservation.cancelled"))
FLAT = b'{"concertScheduleId": "A", "reservedAt": "20250528"}'
AS_RECORD = b'{"topic": "reservation.cancelled", "key": "k", "headers": {"h": "1"}, "value": ' + FLAT + b"}"


def file_of(path: Path, *lines: bytes, end: bytes = b"\n") -> Path:
    content = b"\n".join(lines) + end
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(path: Path, ordinal: int = 0, from_offset: int = 0) -> list[tuple[int, ArchivedRecord]]:
    return [one for block in read_lines(path, ordinal, from_offset, TOPICS) for one in block]


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz"])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_is_a_record_of_its_topic_with_the_offset_of_its_place(tmp_path: Path, name: str, end: bytes) -> None:
    path = file_of(tmp_path / name, b"\xef\xbb\xbf" + DONE, b"", b"  \r", UNDONE + b"\r", AS_RECORD, end=end)
    at = line_offset(5, 0)
    assert read(path, 5) == [
        (0, ArchivedRecord(at, None, DONE, [], -1)),
        (1, ArchivedRecord(at + 3, None, UNDONE, [], -1)),
        (1, ArchivedRecord(at + 4, b"k", FLAT, [("h", b"1")], -1)),
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_events_has_none(tmp_path: Path, content: bytes) -> None:
    assert read(file_of(tmp_path / "a.ndjson", content, end=b"")) == []


def test_reading_goes_on_at_any_line_whatever_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "BLOCK_LINES", 3)
    path = file_of(tmp_path / "a.ndjson", *[DONE, b"", UNDONE] * 4)
    everything = read(path, 2)
    assert len(everything) == 8
    for number in range(14):
        offset = line_offset(2, number)
        assert read(path, 2, offset) == [one for one in everything if one[1].offset >= offset]
    assert read(path, 2, line_offset(1, 7)) == everything  # a place in a file before this one
    assert read(path, 2, line_offset(3, 0)) == []  # and in one after it


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{cut", "expected JSON"),
        (b'"text"', "expected a JSON object"),
        (as_bytes(listing()), "expected a reservation event, got one for topic 'concert.schedule.created'"),
        (b'{"topic": "other", "value": 1}', "expected a reservation event, got one for topic 'other'"),
        (as_bytes(envelope(eventType="x")), "eventType"),
    ],
)
def test_a_wrong_line_is_named_with_its_file_and_number(tmp_path: Path, line: bytes, reason: str) -> None:
    path = file_of(tmp_path / "a.ndjson", DONE, b"", line, DONE)
    for attempt in (read, lambda path: check_lines(path, TOPICS, RULES, NOW_MS)):
        with pytest.raises(WrongLine, match=rf"{path}: line 3: {reason}"):
            attempt(path)


def test_the_events_of_a_good_file_are_counted(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.ndjson.gz", *[DONE, b"", UNDONE, AS_RECORD, as_bytes(flat())] * 2_000)
    assert check_lines(path, TOPICS, RULES, NOW_MS) == 8_000


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (envelope(quantity=-1), "NumberOutOfRange"),
        (envelope(eventTime=NOW_MS + 300_001), "TimeInFuture"),
        (envelope(eventType="payment.cancelled", concertScheduleId=""), "IdLength"),
        ({"topic": "reservation.cancelled", "value": None}, "NoValue"),
    ],
)
def test_the_first_event_that_cannot_be_counted_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: object, reason: str
) -> None:
    later = [as_bytes(envelope(quantity=-2)), as_bytes(envelope(eventType="reservation.cancelled", quantity=-2))]
    path = file_of(tmp_path / "a.ndjson", DONE, UNDONE, b"", as_bytes(event), *later)
    for lines in (1, 4_096):
        monkeypatch.setattr(lines_module, "BLOCK_LINES", lines)
        with pytest.raises(WrongArchivedEvent, match=rf"{path}: line 4: {reason}: "):
            check_lines(path, TOPICS, RULES, NOW_MS)


def test_a_gzip_file_that_is_cut_off_or_changed_is_unreadable(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.ndjson.gz", *[DONE, UNDONE] * 100)
    content = path.read_bytes()
    for broken in (content[:-1], content[: len(content) // 2], b"not gzip", content[:-5] + b"\x00" + content[-4:]):
        path.write_bytes(broken)
        with pytest.raises(ArchiveUnreadable, match=str(path)):
            check_lines(path, TOPICS, RULES, NOW_MS)


def test_a_file_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ArchiveUnreadable, match=r"a\.ndjson"):
        read(tmp_path / "a.ndjson")
