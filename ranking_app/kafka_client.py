"""How every Kafka client of this app connects: one place for brokers, encryption and credentials."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from ranking_app.errors import RankingError
from ranking_app.settings import Settings

T = TypeVar("T")
Client = TypeVar("Client", AIOKafkaConsumer, AIOKafkaProducer)

FETCH_MAX_WAIT_MS = 25
"""Longest long poll. aiokafka keeps one fetch in flight per broker, and a partition whose records were just taken
waits for that fetch to return: the long poll is the stall. 25 ms costs 40 empty fetches a second when idle. With 100 ms
for read models and 500 ms for the control topic p50 at 2,500 events/s was the same, and a start took 0.8 s longer:
whatever else a client asks of a broker waits behind its fetch."""

DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
"""Kafka's own default of max.message.bytes, for where nobody says otherwise or we may not ask."""

CLOSE_WAIT_S = 1.0
"""How long a client may take to close: without brokers, a producer would wait for them."""

RETRY_PAUSE_S = 1.0
"""Between two tries to reach the brokers at a start."""


class BrokersUnreachable(RankingError):
    """No broker answered in time. Operator: start Kafka, or correct RANKING_BROKER; nothing was changed."""

    retriable = True


class WrongCredentials(RankingError):
    """Encryption or credentials cannot work as set. Operator: correct the RANKING_SSL_* or RANKING_SASL_* setting."""

    exit_code = 2


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes: brokers, encryption, credentials."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    if settings.security_protocol.startswith("SASL"):
        if settings.sasl_username is None or settings.sasl_password is None:
            raise WrongCredentials(
                f"RANKING_SECURITY_PROTOCOL={settings.security_protocol} needs RANKING_SASL_USERNAME and "
                "RANKING_SASL_PASSWORD"
            )
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return options


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ssl_cafile)
        if settings.ssl_certfile is not None:
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile)
    except (OSError, ssl.SSLError) as exc:
        raise WrongCredentials(f"RANKING_SSL_*: the certificate files cannot be used: {exc}") from exc
    return context


def reader(options: Mapping[str, Any], **more: Any) -> AIOKafkaConsumer:
    """A consumer without a group: it reads what it is told to, commits nothing, and joins no rebalance."""
    return AIOKafkaConsumer(
        **{
            "group_id": None,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "fetch_max_wait_ms": FETCH_MAX_WAIT_MS,
            "max_partition_fetch_bytes": 8 * 1024 * 1024,
            **options,
            **more,
        }
    )


def writer(options: Mapping[str, Any], **more: Any) -> AIOKafkaProducer:
    """An idempotent producer that waits for all in-sync replicas."""
    return AIOKafkaProducer(**{"acks": "all", "enable_idempotence": True, "linger_ms": 0, **options, **more})


_closing: set[asyncio.Future[None]] = set()
"""Clients that still close; the loop itself would not keep them."""


@contextlib.asynccontextmanager
async def started(client: Client) -> AsyncIterator[Client]:
    """A client, started; closed at the end, also where the start failed or whoever uses it was cancelled."""
    try:
        await client.start()
        yield client
    finally:
        await close(client)


async def close(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Close a client that may have been started or closed before. What it still had to send has CLOSE_WAIT_S for that.

    Not cut short by a cancellation: aiokafka would leave its connections open.
    """
    closing = asyncio.ensure_future(client.stop())
    _closing.add(closing)
    closing.add_done_callback(_closed)
    try:
        await asyncio.wait([closing], timeout=CLOSE_WAIT_S)
    except asyncio.CancelledError:
        await asyncio.wait([closing], timeout=CLOSE_WAIT_S)
        raise
    if closing.cancelled():
        await _disconnect(client)
    elif closing.done():
        closing.result()


async def _disconnect(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """What was left of a close that ended as if somebody had cancelled it, which nobody has.

    The fetcher of aiokafka 0.14.0, closed while it pauses after a failed fetch, lets its own cancellation out. Handed
    on, it ended Faust's recovery without a word: the worker owned nothing any more
    (tests/upstream/test_fetcher_close.py).
    """
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(client._client.close(), CLOSE_WAIT_S)


def _closed(closing: asyncio.Future[None]) -> None:
    _closing.discard(closing)
    if not closing.cancelled():
        closing.exception()  # looked at: whoever waited has it, and if nobody did any more, nobody needs it


async def wait_for_brokers(options: Mapping[str, Any], wait_ms: int, log: Any) -> None:
    """Return when a broker answers; a clear log line for each failed try; BrokersUnreachable after wait_ms."""
    servers = ", ".join(options["bootstrap_servers"])
    deadline = time.monotonic() + wait_ms / 1000
    while True:
        probe = writer(options)
        try:
            await asyncio.wait_for(probe.start(), timeout=max(deadline - time.monotonic(), 0.5))
        except (KafkaError, OSError, TimeoutError) as exc:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise BrokersUnreachable(
                    f"no Kafka broker answered at {servers} within {wait_ms / 1000:g} s; "
                    "start Kafka (`ranking-app kafka` starts a local one) or set RANKING_BROKER"
                ) from exc
            log.warning("brokers_unreachable", servers=servers, gives_up_in_seconds=round(left_s, 1))
            await asyncio.sleep(min(RETRY_PAUSE_S, left_s))
        else:
            return
        finally:
            await probe.stop()


async def retried(ask: Callable[[], Awaitable[T]], wait_ms: int, log: Any) -> T:
    """The first answer; asked again for wait_ms while a broker is away: the others take over within seconds."""
    deadline = time.monotonic() + wait_ms / 1000
    while True:
        try:
            return await ask()
        except KafkaError as exc:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise
            log.warning("brokers_asked_again", reason=repr(exc), gives_up_in_seconds=round(left_s, 1))
            await asyncio.sleep(min(RETRY_PAUSE_S, left_s))


async def max_message_bytes(admin: AIOKafkaAdminClient, topic: str) -> int:
    """The largest record batch that a topic takes, compressed where it is; Kafka's default where we may not ask."""
    asked = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": None})
    for response in await admin.describe_configs([asked]):
        for resource in response.resources:
            for name, value, *_ in resource[4]:
                if name == "max.message.bytes":
                    return int(value)
    return DEFAULT_MAX_MESSAGE_BYTES


def partitions_of(topic: str, count: int) -> list[TopicPartition]:
    """All partitions of a topic with `count` of them."""
    return [TopicPartition(topic, number) for number in range(count)]
