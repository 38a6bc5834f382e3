"""The benchmarks that exist: what each compares is said in its module."""

from __future__ import annotations

from collections.abc import Callable

from bench.behaviour import behaviour_rule
from bench.identities import identities
from bench.live_counts import live_count
from bench.measure import Result
from bench.models import models
from bench.pages import console_pages
from bench.saving import saving
from bench.sending import sending
from bench.surviving import surviving
from bench.tags import charts, ranking
from bench.uploading import uploading

SUITE: dict[str, Callable[[float, int], list[Result]]] = {
    "B1": live_count,
    "B2": behaviour_rule,
    "B3": saving,
    "B4": charts,
    "B5": models,
    "B6": ranking,
    "B7": sending,
    "B11": console_pages,
    "B12": identities,
    "B13": uploading,
    "CHAOS": surviving,
}
