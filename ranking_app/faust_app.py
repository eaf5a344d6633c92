"""The Faust app with our transport, recovery and store in it: assignment, agents and rebalancing are Faust's."""

from typing import Any, cast

import faust
from faust.types.auth import CredentialsT

from ranking_app.settings import Settings
from ranking_app.topics import METADATA_MAX_AGE_MS
from ranking_app.upstream.assignor import TablesAssignor
from ranking_app.upstream.consumer import BatchTransport, SourceOwner
from ranking_app.upstream.recovery import OwnTableManager, Restore
from ranking_app.upstream.store import ClosingStore, StoredTable

SESSION_TIMEOUT_S = 10.0
"""A worker that died is noticed after this long; shorter, and a busy machine loses its partitions for nothing."""

HEARTBEAT_S = 2.0
REBALANCE_TIMEOUT_S = 20.0
"""A worker that does not come back to a rebalance within this long is left out of it."""

COMMIT_INTERVAL_S = 1.0
"""Commits only tell the group's lag to Kafka's tools: where to go on stands in the tables."""


def create_faust_app(settings: Settings, options: dict[str, Any]) -> faust.App:
    """A Faust app that declares no topics, serves no HTTP, elects no leader. options: see client_options."""
    app = faust.App(
        settings.app_id,
        broker=";".join(f"kafka://{host}" for host in settings.bootstrap_servers),
        broker_credentials=_credentials(settings, options),
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_rebalance_timeout=REBALANCE_TIMEOUT_S,
        broker_commit_interval=COMMIT_INTERVAL_S,
        store="rocksdb://",
        datadir=str(settings.data_dir),
        table_standby_replicas=0,
        topic_partitions=settings.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        autodiscover=False,
        consumer_metadata_max_age_ms=METADATA_MAX_AGE_MS,
        TableManager=OwnTableManager,
        PartitionAssignor=TablesAssignor,
    )
    cast(TablesAssignor, app.assignor).copartition(settings.changelog_topic, settings.source_topics)
    transport = BatchTransport(app.conf.broker_consumer, app)
    transport.client_options = options
    app.transport = transport
    return app


def create_table(app: faust.App, partitions: int) -> ClosingStore:
    """Define the panes table, so that Faust assigns its changelog with the source partitions; returns its store."""
    table = StoredTable(app, name="panes", partitions=partitions, key_type=bytes, value_type=bytes)
    app.tables.add(table)
    return cast(ClosingStore, table.data)


def connect(app: faust.App, owner: SourceOwner, restore: Restore) -> None:
    """Tell the transport who applies the batches, and the recovery what restores the tables."""
    cast(BatchTransport, app.transport).owner = owner
    cast(OwnTableManager, app.tables).restore = restore


def _credentials(settings: Settings, options: dict[str, Any]) -> CredentialsT | None:
    """The same for Faust's own producer, which it starts and we do not use."""
    if settings.security_protocol == "SSL":
        return faust.SSLCredentials(options["ssl_context"])
    if settings.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=options.get("ssl_context"),
        )
    return None
