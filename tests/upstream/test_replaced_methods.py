"""What ranking_app.upstream replaces or leans on in Faust and aiokafka is still what it was written against.

A failing line means: the library changed. Read the upstream diff and the decision note named in the module that
replaces the method, adapt the override, run `make test`, and only then change the hash here.
"""

import inspect
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from typing import Any, cast

import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.consumer.group_coordinator import BaseCoordinator, GroupCoordinator
from aiokafka.record.default_records import DefaultRecord, _DefaultRecordPy
from aiokafka.record.legacy_records import LegacyRecord, _LegacyRecordPy
from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor
from faust.serializers.schemas import Schema
from faust.stores.rocksdb import Store
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as KafkaConsumer
from mode.threads import ServiceThread

from ranking_app.upstream import closed_connections, plain_records

REPLACED = [
    (Consumer._drain_messages, "44a2500309e8"),
    (Consumer._new_offset, "1d2c7ea89a7a"),
    (Consumer.perform_seek, "0e8c130ff4b0"),
    (Consumer.on_partitions_revoked, "d04b7ae72c6f"),
    (Consumer.ack, "5fcf41cf4515"),
    (KafkaConsumer._new_consumer_thread, "0870ec53dea7"),
    (AIOKafkaConsumerThread._create_worker_consumer, "c2701bfc3e6f"),
    (Recovery._restart_recovery.fun, "6bd8a8558a2d"),
    (Recovery.on_recovery_completed, "6ef567acf072"),
    (TableManager.on_start, "365dd25fbc0e"),
    (cast(property, TableManager.recovery).fget, "f0bf5de78b4c"),
    (Store._open_for_partition, "1dc4e0113d67"),
    (Store.revoke_partitions, "3f85447a24fc"),
    (Collection._new_store_by_url, "343a8125107d"),
    (Schema.compile, "d46eec5ce319"),
    (PartitionAssignor.assign, "25f1cbbba9d4"),
    (ServiceThread._gather_remaining_tasks, "6f65b92dd101"),
    (plain_records._with_topic_and_sizes, "e668541600b0"),
    (closed_connections._send, "5909ea32f4ef"),
]
LEANED_ON = [
    (Consumer._commit_tps, "a20e230b05ae"),
    (Consumer._filter_committable_offsets, "dc5e9baf5d99"),
    (Consumer._should_commit, "5ce941793947"),
    (AIOKafkaConsumerThread.getmany, "26fc5fc9f3b6"),
    (AIOKafkaConsumerThread._fetch_records, "39a2c6c79fc1"),
    (Recovery.on_rebalance, "aa4d997a1795"),
    (Recovery._wait, "ec7429b70176"),
    (TableManager._update_channels, "88e3941facc9"),
    (TableManager.on_rebalance, "2d2c23a07bf5"),
    (Store.assign_partitions, "34dc27ace6dd"),
    (Store._db_for_partition, "cb7e67d5f9ef"),
    (PartitionAssignor._perform_assignment, "1e0bf2c5c8f4"),
    (PartitionAssignor._get_copartitioned_groups, "82b7a3764ad5"),
    (PartitionAssignor._get_client_metadata, "a0e1ba5c0d01"),
    (PartitionAssignor._protocol_assignments, "e231e876d04a"),
    (PartitionAssignor.on_assignment, "72f34bf053d6"),
    (ClientAssignment._colocated_partitions, "264b62dec23c"),
    (ClientAssignment.kafka_protocol_assignment, "a98a588cbc88"),
    # A grown topic makes the leader rejoin, and a topic once asked for stays in a reader's metadata:
    (BaseCoordinator._handle_metadata_update, "b2832b6d82be"),
    (BaseCoordinator._get_metadata_snapshot, "c7730c10381d"),
    (GroupCoordinator._on_metadata_change, "86316f4dffa6"),
    (GroupCoordinator._perform_assignment, "a5cf61fa9732"),
    (Fetcher._proc_offset_requests, "96978550f836"),
    # What is paused is not fetched, and what was fetched of it is thrown away, also behind a seek:
    (FetchResult.check_assignment, "b5340df67e3f"),
    (Fetcher.fetched_records, "be4348896b9b"),
    (Fetcher._get_actions_per_node, "1dab2cf937d1"),
    (Fetcher.seek_to, "f0ba6aba6c22"),
]


def test_the_version_is_the_one_the_overrides_were_written_for() -> None:
    assert version("faust-streaming") == "0.15.3"
    assert version("mode-streaming") == "0.7.1"
    assert version("aiokafka") == "0.14.0"


@pytest.mark.parametrize(("method", "expected"), REPLACED + LEANED_ON, ids=lambda v: getattr(v, "__qualname__", ""))
def test_the_library_still_has_the_method_we_replaced_or_use(method: Callable[..., Any], expected: str) -> None:
    found = sha256(inspect.getsource(method).encode()).hexdigest()[:12]
    assert found == expected, f"{method.__qualname__} changed upstream: read its diff before changing this line"


def test_a_plain_record_has_what_is_used_of_a_record() -> None:
    """Both parsers of aiokafka, the compiled one and the one in Python, and both message formats."""
    for parsed in (DefaultRecord, _DefaultRecordPy, LegacyRecord, _LegacyRecordPy):
        for name in ("offset", "timestamp", "timestamp_type", "key", "value", "headers"):
            assert hasattr(parsed, name), f"{parsed} has no {name}"
