"""Why datasets fail, for those who look for all that fail for one reason."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from insight.datasets.models import Dataset

REASONS = {
    "no_grant": _("No right to the data"),
    "table_missing": _("Table missing"),
    "column_missing": _("Column missing"),
    "auth_failed": _("Login refused"),
    "source_unreachable": _("Data source not reachable"),
    "engine_busy": _("Data engine busy"),
    "engine_error": _("Data engine failed"),
    "rule_outdated": _("Rule no longer fits"),
}
"""Codes of the failures that people look for, with their names."""


def failing(rows: QuerySet[Dataset], code: str) -> QuerySet[Dataset]:
    """Those whose last refresh failed for this reason, and those whose tables could not be copied for it."""
    copies = (
        Q(table__feed__error_code=code)
        | Q(joins__table__feed__error_code=code)
        | Q(dimensions__table__feed__error_code=code)
    )
    found: Any = Dataset.objects.filter(Q(state=Dataset.State.FAILED, error_code=code) | copies)
    return rows.filter(pk__in=found.values("pk"))
