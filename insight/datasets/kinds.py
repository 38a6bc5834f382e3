"""Kinds of datasets that higher layers bring along, because they are made of more than tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cdp.core.access import Access
from cdp.core.registry import Registry
from cdp.jobs import JobContext
from insight.datasets.measuring import Measured
from insight.datasets.models import Dataset, DatasetField


@dataclass(frozen=True)
class KindSupport:
    """How datasets of one kind are defined, computed and shown.

    `read` gives the values of the dataset (name, definition …) and its fields for data as the API takes it, and raises
    ValidationFailed with paths; `write` is its opposite. `compute` writes a version's lake table. `new_url` and
    `edit_url` name the pages that make and edit one, `panel` the template at the
    top of its page with its context, None for no panel.
    """

    key: str
    read: Callable[[Access, dict[str, Any]], tuple[dict[str, Any], list[DatasetField]]]
    write: Callable[[Dataset], dict[str, Any]]
    compute: Callable[[Dataset, str, JobContext], Measured]
    new_url: str
    edit_url: str
    panel: Callable[[Access, Dataset], dict[str, Any] | None]


KINDS: Registry[KindSupport] = Registry("kind of datasets")


def register(support: KindSupport) -> KindSupport:
    """Called in AppConfig.ready by the module that brings the kind."""
    return KINDS.add(support.key, support)


def of(kind: Any) -> KindSupport | None:
    return KINDS.get(kind) if isinstance(kind, str) else None
