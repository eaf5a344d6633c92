"""`/metrics`: what Prometheus reads, with labels that cannot grow without bound."""

from prometheus_client.parser import text_string_to_metric_families

from ranking_app.metrics import Metrics
from tests.support.web import FakeReadModel, ask

SHOP = FakeReadModel().sell("A", "11:30:00")


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels)


async def test_metrics_are_in_the_text_format_of_prometheus_under_one_prefix():
    answer = await ask(SHOP, "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(answer.body.decode())}
    assert {
        "ranking_events", "ranking_late", "ranking_duplicates", "ranking_dead_letters",
        "ranking_batch_flush_seconds", "ranking_batch_events", "ranking_rebalances",
        "ranking_partition_owned", "ranking_notifications", "ranking_source_lag", "ranking_source_offset",
        "ranking_changelog_applied_offset", "ranking_schedules", "ranking_panes",
        "ranking_read_model_loaded", "ranking_http_requests", "ranking_http_request_seconds",
    } <= names  # fmt: skip
    assert {name for name in names if not name.startswith(("ranking_", "process_", "python_gc_"))} == set()


async def test_requests_are_counted_by_route_template_method_and_status():
    metrics = Metrics()
    await ask(SHOP, "/v1/schedules/A", metrics=metrics)
    await ask(SHOP, "/v1/schedules/Nobody", metrics=metrics)
    await ask(SHOP, "/v1/rankings/sales?limit=0", metrics=metrics)
    await ask(SHOP, "/v1/rankings/sales", metrics=metrics, method="HEAD")
    counted = "ranking_http_requests_total"
    assert value(metrics, counted, route="/v1/schedules/{id}", method="GET", status="200") == 1
    assert value(metrics, counted, route="/v1/schedules/{id}", method="GET", status="404") == 1
    assert value(metrics, counted, route="/v1/rankings/sales", method="GET", status="400") == 1
    assert value(metrics, counted, route="/v1/rankings/sales", method="HEAD", status="200") == 1
    assert value(metrics, "ranking_http_request_seconds_count", route="/v1/schedules/{id}") == 2


async def test_paths_and_methods_that_strangers_invent_share_one_label():
    metrics = Metrics()
    for number in range(3):
        await ask(SHOP, f"/nothing/{number}", metrics=metrics, method="PROPFIND")
    assert value(metrics, "ranking_http_requests_total", route="unmatched", method="other", status="404") == 3


async def test_two_apps_in_one_process_do_not_share_numbers():
    first, second = Metrics(), Metrics()
    first.events.labels("reservation.completed", "0").inc(5)
    assert value(first, "ranking_events_total", topic="reservation.completed", partition="0") == 5
    assert value(second, "ranking_events_total", topic="reservation.completed", partition="0") is None
