"""Where audiences of files and tables may live, and the tables there that they can be made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import NotFound, ValidationFailed
from insight.datasets.joining import PlacedSource, Source
from insight.datasources.connections import browsing, in_place
from insight.datasources.models import LAKE, SourceTable
from insight.datasources.organization import grants

SEE_TABLES = "insight.datasource.view"
PAGE = 50


@dataclass(frozen=True)
class Found:
    """A page of tables, by name; `more` says whether others follow."""

    names: list[str]
    more: bool


def offered(access: Access) -> dict[str, str]:
    """The data sources that the person may put audiences into, by ID, with what people call them."""
    every = in_place.names(access.workspace)
    return every if access.can(SEE_TABLES) else {LAKE: every[LAKE]}


def check(access: Access, source: Any) -> str:
    """The data source that was asked for. Raises ValidationFailed where it is none that the person may use."""
    wanted = str(source or LAKE)
    if wanted not in offered(access):
        message = _("There is no such data source that audiences may live in.")
        raise ValidationFailed(message, code="source_missing", errors={"source": [message]})
    return wanted


def hold(workspace: Any, source: str) -> None:
    """Until the end of the transaction a data source cannot be removed: something comes to live in it."""
    if source != LAKE:
        in_place.hold(in_place.usable(workspace).get(pk=source))


def tables(access: Access, source: str, search: str = "", page: int = 1) -> Found:
    """A page of the tables whose names contain `search`; in the lake those that may be read now.

    Raises ValidationFailed for the source, PermissionDenied, DomainError (502) where it cannot be asked.
    """
    access.require(SEE_TABLES)
    source, start = check(access, source), (max(1, page) - 1) * PAGE
    if source == LAKE:
        rows = SourceTable.objects.in_workspace(access.workspace).filter(state=SourceTable.State.READY)
        rows = rows.filter(name__icontains=search.strip()).exclude(pk__in=grants.taken_back(access.workspace))
        names = list(rows.order_by("name").values_list("name", flat=True)[start : start + PAGE + 1])
    else:
        connection = in_place.usable(access.workspace).get(pk=source)
        found = browsing.some_tables(connection, search, PAGE + 1, start, viewer=access.workspace)
        names = [table.name for table in found]
    return Found(names[:PAGE], len(names) > PAGE)


def table(workspace: Any, source: str, name: str) -> Source:
    """A table to make an audience of. Raises ValidationFailed at `source` or `table`, DomainError (502)."""
    if source != LAKE:
        try:
            return PlacedSource(workspace, in_place.find_table(workspace, source, name))
        except NotFound as error:
            place = "source" if error.code == "source_missing" else "table"
            raise ValidationFailed(str(error), code=error.code, errors={place: [str(error)]}) from error
    found = SourceTable.objects.in_workspace(workspace).filter(name=name).first()
    if found is None or not found.lake_table:
        message = _("There is no such table, or it has not been loaded.")
        raise ValidationFailed(message, code="table_missing", errors={"table": [message]})
    return Source(workspace, found)
