"""Settings of a test that shares the broker with others: topics and group of its own, by a prefix."""

import time

from tests.support.arrival import Topics
from tests.support.oracle_events import Rules


def own_topics(prefix: str) -> Topics:
    """The reservation topics and the catalogue."""
    return Topics(*(f"{prefix}.{name}" for name in Topics()))


def own_rules(prefix: str) -> Rules:
    """The oracle's rules for these topics, as of now."""
    topics = own_topics(prefix)
    return Rules(
        now_ms=time.time_ns() // 1_000_000,
        completed_topic=topics.completed,
        cancelled_topic=topics.cancelled,
        catalogue_topic=topics.catalogue,
    )


def own_settings(prefix: str, broker: str, clock: str = "wall") -> dict[str, str]:
    """The environment of the app."""
    topics = own_topics(prefix)
    return {
        "RANKING_BROKER": broker,
        "RANKING_APP_ID": f"{prefix}-app",
        "RANKING_CLOCK": clock,
        "RANKING_COMPLETED_TOPIC": topics.completed,
        "RANKING_CANCELLED_TOPIC": topics.cancelled,
        "RANKING_CATALOGUE_TOPIC": topics.catalogue,
        "RANKING_NOTIFICATION_TOPIC": f"{prefix}.ranking.notification.raised",
    }
