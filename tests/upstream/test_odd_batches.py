"""What brokers take and aiokafka cannot read, read by `ranking_app.upstream.odd_batches`."""

import inspect
import re

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from ranking_app.upstream.odd_batches import UNREADABLE_HEADER, TolerantRecords, read_carefully
from tests.support.odd_batches import GZIP, LZ4, SNAPPY, ZSTD, OddBatch, RawName, with_junk_behind


def built(batch: OddBatch) -> bytes:
    return bytes(batch._build())


def plain(value: bytes = b"fine", codec: int = 0) -> bytes:
    batch = OddBatch(codec)
    batch.add(value, b"k", [("h", b"v"), ("null", None)])
    batch.add(None, b"k2")
    return built(batch)


def values(data: bytes) -> list[bytes | None]:
    records, found = TolerantRecords(data), []
    while records.has_next():
        found += [record.value for record in records.next_batch()]
    return found


@pytest.mark.parametrize("codec", [0, GZIP, SNAPPY, LZ4, ZSTD])
def test_ordinary_batches_are_read_as_aiokafka_reads_them(codec):
    data = plain(b"x" * 5_000, codec) * 3
    theirs = MemoryRecords(data)
    ours = TolerantRecords(data)
    assert ours.size_in_bytes() == theirs.size_in_bytes()
    while theirs.has_next():
        assert ours.has_next()
        one, other = ours.next_batch(), theirs.next_batch()
        assert (one.validate_crc(), one.next_offset, one.is_control_batch) == (True, other.next_offset, False)
        assert [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in one] == [
            (r.offset, r.timestamp, r.key, r.value, r.headers) for r in other
        ]
    assert not ours.has_next()


@pytest.mark.parametrize("codec", [0, GZIP, LZ4])
def test_a_header_name_that_is_no_text_is_read_with_replacement_characters(codec):
    batch = OddBatch(codec)
    batch.add(b"value", b"key", [(RawName.of(b"a\xff\xfe"), b"v")])
    batch.add(b"second")
    with pytest.raises(UnicodeDecodeError):
        list(MemoryRecords(built(batch)).next_batch())
    first, second = TolerantRecords(built(batch)).next_batch()
    assert (first.key, first.value, list(first.headers)) == (b"key", b"value", [("a\ufffd\ufffd", b"v")])
    assert (second.offset, second.value) == (1, b"second")


@pytest.mark.parametrize("codec", [GZIP, LZ4])
def test_what_stands_behind_a_compressed_frame_is_left_out(codec):
    batch = OddBatch(codec, with_junk_behind)
    batch.add(b"x" * 100_000)
    with pytest.raises(Exception, match=r"gzipped|frameType"):
        list(MemoryRecords(built(batch)).next_batch())
    assert values(plain() + built(batch) + plain()) == [b"fine", None, b"x" * 100_000, b"fine", None]


def test_a_batch_that_cannot_be_read_is_one_record_and_the_next_ones_follow():
    batch = OddBatch(GZIP, lambda data: data[:70] + b"no gzip")
    batch.add(b"lost", b"key")
    batch.add(b"lost too")
    records = TolerantRecords(built(batch) + plain())
    odd = records.next_batch()
    (stand_in,) = list(odd)
    assert (stand_in.offset, stand_in.key, stand_in.value) == (0, None, built(batch))
    assert list(stand_in.headers) == [UNREADABLE_HEADER]
    assert odd.next_offset == 2
    assert [record.value for record in records.next_batch()] == [b"fine", None]


@given(st.sampled_from([0, GZIP, SNAPPY, LZ4, ZSTD]), st.binary(max_size=300), st.integers(0, 300), st.binary())
def test_no_content_of_a_batch_makes_careful_reading_raise(codec, value, at, scrap):
    """Brokers look at how records are framed, so only the careful way ever meets what this makes up."""

    def spoil(data):
        place = 61 + at % max(len(data) - 61, 1)
        return data[:place] + scrap + data[place + len(scrap) :]

    batch = OddBatch(codec, spoil)
    batch.add(value, b"k", [("h", b"v")])
    assert len(read_carefully(built(batch))) == 1


def test_aiokafka_still_reads_fetched_data_through_the_name_we_replace():
    source = inspect.getsource(fetcher)
    uses = re.findall(r"MemoryRecords\(.*", source)
    assert uses == ["MemoryRecords(part_data[-1])"], "read the upstream diff, then change odd_batches.py and this line"
