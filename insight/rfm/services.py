"""What makes something of an RFM analysis."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from insight.audiences import fixed
from insight.audiences.models import Audience
from insight.audiences.summary import RFM_TYPES
from insight.rfm import migration
from insight.rfm.figures import Scope


def group_label(group: str) -> str:
    return _("Outside") if group == migration.OUTSIDE else str(RFM_TYPES[group])


def cell_words(scope: Scope, first: date, last: date, before: str, after: str) -> str:
    """Which customers a cell of the migration holds."""
    migration.check_cell(before, after)
    return _("RFM model %(model)s: “%(before)s” on %(first)s, “%(after)s” on %(last)s") % {
        "model": scope.model.name,
        "before": group_label(before),
        "after": group_label(after),
        "first": first,
        "last": last,
    }


def keep_cell(
    scope: Scope, first: date, last: date, before: str, after: str, data: Mapping[str, Any]
) -> Audience:
    """An audience with the customers of a cell of the migration. Raises as `migration.migration`, ValidationFailed."""
    words = cell_words(scope, first, last, before, after)

    def write(table: str) -> None:
        migration.write_cell(scope, first, last, before, after, table)

    return fixed.keep(scope.access, scope.model, write, words, data)
