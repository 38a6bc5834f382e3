"""Counts and a look at the items while conditions are being edited. Nothing here is stored."""

from __future__ import annotations

import time
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from insight.audiences import counting, rules, wording
from insight.audiences.summary import summarise
from insight.items import computing, reading
from insight.items.catalog import ItemCatalog
from insight.items.checking import checked_rule, dataset_of

PREVIEW_ROWS = 100


def estimate(access: Access, data: Any, *, token: str = "") -> dict[str, Any]:
    """Items of each condition, each group and the whole rule, exactly.

    `{"count", "conditions": [{"path", "count"}], "groups": [...], "elapsed_ms"}`. A newer call with the same `token`
    interrupts this one.
    """
    started = time.perf_counter()
    catalog = ItemCatalog(access.workspace, access=access)
    rule = checked_rule(data, catalog)
    return counting.count_parts(access, rule, catalog, token=token, started=started)


def preview(access: Access, data: Any) -> dict[str, Any]:
    """Up to a hundred items of the rule: `{"count", "columns": [{"key", "label"}], "rows": [[…]]}`."""
    catalog = ItemCatalog(access.workspace, access=access)
    rule = checked_rule(data, catalog)
    items = computing.items_of(rule, catalog)
    columns = reading.columns_of(rules.to_json(rule), dataset_of(rule), catalog)
    rows = reading.rows(items, columns, dataset_of(rule), catalog, size=PREVIEW_ROWS)
    return {
        "count": int(catalog.engine.scalar(items.count())),
        "columns": [{"key": column.name, "label": column.label} for column in columns],
        "rows": [[reading.plain(row[column.name]) for column in columns] for row in rows],
    }


def summary(access: Access, data: Any) -> dict[str, Any]:
    """`{"text", "warnings": [...]}`: the rule in words, with what it leaves out although one might think otherwise."""
    catalog = ItemCatalog(access.workspace, access=access)
    rule = checked_rule(data, catalog)
    warnings = []
    if wording.warnings(rule):
        warnings.append(
            _(
                "Items without a value match no negative condition. Add “has no value” where they should be included."
            )
        )
    return {"text": _sentence(rule, catalog), "warnings": warnings}


def stored_words(workspace: Any, rule: Any) -> str:
    """The conditions of a pool in words; what is gone is named as gone."""
    try:
        return _sentence(rules.parse_rule(rule), ItemCatalog(workspace, access=None))
    except rules.RuleInvalid as error:
        return str(error)


def _sentence(rule: rules.Rule, catalog: ItemCatalog) -> str:
    text = summarise(rule, catalog)
    return text[:1].upper() + text[1:]
