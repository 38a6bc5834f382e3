"""Prometheus metrics of a process, served at /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

REQUESTS = Histogram(
    "tideline_http_request_seconds",
    "Server time of HTTP requests.",
    ["view", "method", "status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ENGINE_QUERIES = Histogram(
    "tideline_engine_query_seconds",
    "Time of queries on the data engine.",
    ["engine"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)
JOBS = Counter("tideline_jobs_total", "Jobs that ended.", ["kind", "status"])
MESSAGES = Counter("tideline_messages_total", "Messages by channel and outcome.", ["channel", "outcome"])
