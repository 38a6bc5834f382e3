"""Looking into tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.core.cache import cache

from admin_center.audit.services import log_unmasked
from cdp import lake
from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES
from cdp.lake.names import quote
from insight.datasources import profiling
from insight.datasources.models import Feed, SourceTable
from insight.datasources.organization import grants

ROWS = 20
PROFILE_SECONDS = 7 * 86400
TOP_COUNTED_ROWS = 2_000_000
"""In larger tables what is frequent is counted in about so many rows."""
_PERSONAL = re.compile(
    r"(^|_)(id|no|user|member|customer|phone|mobile|email|mail|imei|imsi|idfa|oaid|mac|nick|openid|unionid)(\d*$|_)"
    "|手机|电话|邮箱|邮件|会员号|会员编号|会员卡|身份证|证件|账号|昵称|姓名",
    re.IGNORECASE,
)
_CONTACTS = (ID_TYPES["mobile"], ID_TYPES["email"])


def looks_personal(column: str, values: Iterable[Any] = ()) -> bool:
    """Whether a column's name, or some of its values, say that it identifies people, so that samples mask it.

    Values count where more than half of those that are there are mobile numbers or e-mail addresses.
    """
    if _PERSONAL.search(column):
        return True
    texts = [str(value) for value in values if value not in (None, "")]
    contacts = sum(any(kind.normalise(text) for kind in _CONTACTS) for text in texts)
    return contacts * 2 > len(texts)


def masked(column: str, value: Any, *, always: bool = False) -> Any:
    """A value of a column; hidden where the column's name says that it identifies people, or it is a contact itself."""
    if value is None or not (always or looks_personal(column, (value,))):
        return value
    return ID_TYPES["one_id"].mask(str(value))


def check_readable(tables: Iterable[SourceTable | str]) -> None:
    """Raises Conflict where tables, or those of these keys, hold rows that an organization has taken back."""
    for feed in Feed.objects.filter(table__in=list(tables)).select_related("connection", "workspace"):
        grants.check_copy(feed)


def path_of(table: SourceTable) -> str:
    """The table in the lake, as SQL. Raises Conflict where its rows must not be read any more."""
    check_readable([table])
    return lake.table_path(table.workspace_id, table.lake_table)


def sample(table: SourceTable, *, clear: bool = False) -> dict[str, Any]:
    """The first rows: {"columns": [...], "rows": [{column: value}]}; columns that identify people are masked.

    Raises Conflict where the rows must not be read any more.
    """
    names = [column["name"] for column in table.columns]
    if not table.lake_table:
        return {"columns": names, "rows": []}
    with lake.cursor() as handle:
        found = handle.execute(
            f"SELECT {', '.join(map(quote, names))} FROM {path_of(table)} LIMIT {ROWS}"
        ).fetchall()
    columns = dict(zip(names, zip(*found, strict=True), strict=True)) if found else {}
    hidden = {name for name in names if looks_personal(name, columns.get(name, ()))}

    def shown(name: str, value: Any) -> Any:
        return value if clear else masked(name, value, always=name in hidden)

    rows = [{name: shown(name, value) for name, value in zip(names, row, strict=True)} for row in found]
    return {"columns": names, "rows": rows}


def seen_sample(access: Access, table: SourceTable) -> dict[str, Any]:
    """The first rows as the person may see them. That IDs were shown in full is put into the audit log."""
    clear = access.can("privacy.unmask")
    found = sample(table, clear=clear)
    values = {name: [row[name] for row in found["rows"]] for name in found["columns"]}
    if clear and any(looks_personal(name, values[name]) for name in values):
        log_unmasked(access, table, place="sample of a table", rows=len(found["rows"]))
    return found


def failed_copies(tables: Iterable[SourceTable]) -> list[dict[str, str]]:
    """The tables that could not be loaded the last time: [{"id", "table", "code", "detail"}].

    What is made of them still has the rows from before. `code` is that of a failed copy, empty for files.
    """
    failed = {table.pk: table for table in tables if table.error}
    codes = dict(Feed.objects.filter(table__in=list(failed)).values_list("table", "error_code"))
    return [
        {"id": table.pk, "table": table.name, "code": codes.get(table.pk, ""), "detail": table.error}
        for table in sorted(failed.values(), key=lambda table: table.name)
    ]


def report(table: SourceTable, *, clear: bool) -> dict[str, Any]:
    """The report of the last import; the values of broken rows are hidden unless `clear`: they may be anything."""
    bad = table.report.get("bad", [])
    if clear or not bad:
        return dict(table.report)
    return {**table.report, "bad": [{**row, "value": "•••"} for row in bad]}


def profile(table: SourceTable) -> list[dict[str, Any]]:
    """Per column: name, type, nullable, filled, distinct, min, max, top; see `profiling.figures`.

    Identifiers are masked, also for those who may see them: it is kept for all. Counted once per version. Raises
    Conflict where the rows must not be read any more.
    """
    if not table.lake_table:
        return []
    check_readable([table])
    key = _figures_key(table)
    found: list[dict[str, Any]] | None = cache.get(key)
    if found is None:
        found = _profile(table)
        cache.set(key, found, PROFILE_SECONDS)
    return found


def forget_profile(table: SourceTable) -> None:
    """Call where rows of a version were written in place."""
    cache.delete(_figures_key(table))


def _figures_key(table: SourceTable) -> str:
    return f"table-figures:{table.lake_table}"


def _profile(table: SourceTable) -> list[dict[str, Any]]:
    path = lake.table_path(table.workspace_id, table.lake_table)
    rows, part = table.rows or 0, ""
    if rows > TOP_COUNTED_ROWS:
        part = f"{path} TABLESAMPLE system({TOP_COUNTED_ROWS * 100 / rows:.6f}%) REPEATABLE (7)"
    with lake.cursor() as handle:
        _rows, found = profiling.figures(
            handle, path, [column["name"] for column in table.columns], part=part
        )
    shown = profiling.masked_figures(found, looks_personal, masked)
    return [{**column, **figures} for column, figures in zip(table.columns, shown, strict=True)]
