"""Keys go where every other Kafka client puts them."""

import time

import aiokafka.partitioner
from hypothesis import given
from hypothesis import strategies as st

from ranking_app.partitioner import murmur2, partition_of


@given(st.binary(max_size=200))
def test_the_hash_is_that_of_aiokafka(key: bytes) -> None:
    assert murmur2(key) == aiokafka.partitioner.murmur2(key)


@given(st.binary(max_size=50), st.integers(1, 1000))
def test_the_partition_is_that_of_aiokafka(key: bytes, count: int) -> None:
    everything = list(range(count))
    assert partition_of(key, count) == aiokafka.partitioner.DefaultPartitioner()(key, everything, everything)


def test_known_hashes_of_the_java_client() -> None:
    # From Apache Kafka's own UtilsTest.testMurmur2, which writes them as signed integers.
    known = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }
    assert {key: murmur2(key) for key in known} == {key: value & 0xFFFFFFFF for key, value in known.items()}


def test_it_is_worth_having() -> None:
    keys = [f"{n:08x}-1f2e-4d3c-a5b6-0123456789ab".encode() for n in range(2_000)]

    def seconds(of: object) -> float:
        begun_s = time.process_time()
        for key in keys:
            of(key)  # type: ignore[operator]
        return time.process_time() - begun_s

    assert min(seconds(murmur2) for _ in range(3)) < min(seconds(aiokafka.partitioner.murmur2) for _ in range(3))
