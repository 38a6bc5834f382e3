"""How customers moved between RFM groups from one day to another.

Both days are scored anew from the transactions, with the bands and comparison values of the model's last computation:
with values of its own for each day a customer would change groups because others had changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, ValidationFailed
from insight.datasets import rfm
from insight.rfm.figures import USER, Scope, people_sql, source_columns

OUTSIDE = "outside"
"""No customer of the model on that day: nothing bought in its period."""
STATES = (*rfm.TYPES, OUTSIDE)


@dataclass(frozen=True)
class Migration:
    """`matrix[before, after]` counts customers by their group on the two days."""

    first: date
    last: date
    matrix: dict[tuple[str, str], int]

    def start(self, group: str) -> int:
        return sum(users for (before, _after), users in self.matrix.items() if before == group)

    def end(self, group: str) -> int:
        return sum(users for (_before, after), users in self.matrix.items() if after == group)

    def as_json(self) -> dict[str, Any]:
        return {
            "from": str(self.first),
            "to": str(self.last),
            "matrix": [
                {"from": before, "to": after, "users": self.matrix[before, after]}
                for before in STATES
                for after in STATES
                if (before, after) in self.matrix
            ],
        }


def migration(scope: Scope, first: date, last: date) -> Migration:
    """Customers by group before and after. Raises Conflict `trend_not_possible`, ValidationFailed."""
    moved = _moved(scope, first, last)
    rows = scope.engine.rows(f"SELECT before, after, count(*) FROM ({moved}) moved GROUP BY 1, 2")
    return Migration(first, last, {(before, after): users for before, after, users in rows})


def write_cell(scope: Scope, first: date, last: date, before: str, after: str, table: str) -> None:
    """Write the customers of one cell of the matrix as a table where the model lives. Raises as `migration` does."""
    check_cell(before, after)
    moved = _moved(scope, first, last)
    cell = f"SELECT {USER} FROM ({moved}) moved WHERE before = '{before}' AND after = '{after}'"
    scope.engine.create_table_as(scope.model.workspace, table, cell, sort=(USER,))


def check_cell(before: str, after: str) -> None:
    """Raises ValidationFailed for what is no cell of the matrix."""
    errors = {
        name: [_("Choose one of %(types)s.") % {"types": ", ".join(STATES)}]
        for name, group in (("before", before), ("after", after))
        if group not in STATES
    }
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)


def _moved(scope: Scope, first: date, last: date) -> str:
    """SQL with user_unique_id, before and after, a row per customer of either day."""
    if not scope.has_trend:
        raise Conflict(
            _("Only models of transactions can be computed for days gone by."), code="trend_not_possible"
        )
    if first >= last:
        message = _("The first day must be before the last one.")
        raise ValidationFailed(message, errors={"to": [message]})
    if last > scope.as_of:
        message = _("The model was computed for %(day)s; choose no later day.") % {"day": scope.as_of}
        raise ValidationFailed(message, errors={"to": [message]})
    relation, columns = source_columns(scope.model)
    bands = {name: rfm.Bands.model_validate(band) for name, band in scope.stats["bands"].items()}
    days = [
        rfm.groups_on(
            scope.definition,
            source=relation,
            columns=columns,
            as_of=day,
            bands=bands,
            against=scope.stats["compare"],
        )
        for day in (first, last)
    ]
    # Who sees some customers only, sees only how these moved.
    seen = "" if scope.all_rows else f" WHERE {USER} IN ({people_sql(scope)})"
    return (
        f"SELECT * FROM (SELECT {USER}, coalesce(b.type, '{OUTSIDE}') AS before, "
        f"coalesce(a.type, '{OUTSIDE}') AS after FROM ({days[0]}) b FULL JOIN ({days[1]}) a USING ({USER})"
        f") both_days{seen}"
    )
