"""Metrics for Prometheus. Under several processes they are added up through PROMETHEUS_MULTIPROC_DIR.

Labels have few values: routes as patterns, codes of problems, never ids.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import registry as prometheus_registry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import ValueClass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REQUESTS = Counter("regulars_http_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "regulars_http_request_seconds",
    "Time from the first byte read to the answer made, in seconds",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
PROBLEMS = Counter("regulars_http_problems", "Problems answered, by code", ["code"])
RATE_LIMIT_AWAY = Counter("regulars_rate_limit_away", "Requests let through because Valkey did not answer")
READY = Gauge("regulars_ready", "1 when a part is ready, 0 when not", ["part"], multiprocess_mode="mostrecent")


def render_metrics() -> bytes:
    """All metrics of all processes in the text format."""
    if getattr(ValueClass, "_multiprocess", False):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(prometheus_registry.REGISTRY)
