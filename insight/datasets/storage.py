"""Dropping the tables and views of versions, wherever they lie."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cdp.core.errors import DomainError
from cdp.warehouse import get_engine
from insight.datasources.models import LAKE

log = logging.getLogger(__name__)


def drop(workspace: Any, source: str, wanted: Callable[[str], bool]) -> None:
    """Drop the workspace's tables whose names are `wanted`; what cannot be dropped stays (see `drop_named`)."""
    with _forgiving(source):
        drop_named(workspace, source, filter(wanted, get_engine(source).tables(workspace)))


def drop_named(workspace: Any, source: str, tables: Iterable[str]) -> None:
    """Drop tables that nothing needs any more.

    Where a data source outside cannot be asked, they stay there: whatever is done with them must not fail with it.
    """
    with _forgiving(source):
        engine = get_engine(source)
        for table in tables:
            engine.drop(workspace, table)


def drop_view(workspace: Any, source: str, name: str) -> None:
    """Drop a view that nothing needs any more, as `drop_named` does tables."""
    with _forgiving(source):
        get_engine(source).drop_view(workspace, name)


@contextmanager
def _forgiving(source: str) -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        if source == LAKE:
            raise
        log.warning("Tables were not dropped in %s: %s", source, error)
