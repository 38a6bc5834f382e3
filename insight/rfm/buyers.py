"""The customers who bought on a day, in a week or in a month of a model's trend, as an audience."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from insight.audiences import fixed
from insight.audiences.models import Audience
from insight.rfm import figures
from insight.rfm.figures import USER, Scope


def bucket_of(scope: Scope, start: Any) -> tuple[date, date, int]:
    """The first day of a bucket of the trend, that of the next one, and its buyers.

    Raises Conflict `trend_not_possible`, ValidationFailed for what is no beginning of a bucket.
    """
    found = figures.trend(scope)
    bucket = next((row for row in found["buckets"] if row["start"] == str(start)), None)
    if bucket is None:
        message = _("Give the first day of a day, week or month that the trend shows.")
        raise ValidationFailed(message, errors={"start": [message]})
    first = date.fromisoformat(bucket["start"])
    return first, figures.next_start(first, found["unit"]), bucket["users"]


def words(scope: Scope, start: Any) -> str:
    """Which customers a bucket of the trend holds."""
    first, after, _users = bucket_of(scope, start)
    last = date.fromordinal(after.toordinal() - 1)
    said = _("Customers of the RFM model %(model)s who bought from %(first)s to %(last)s") % {
        "model": scope.model.name,
        "first": first,
        "last": last,
    }
    return f"{said} · {scope.members.version.audience.name}" if scope.members else said


def keep(scope: Scope, start: Any, data: Mapping[str, Any]) -> Audience:
    """An audience with the buyers of a bucket, who have paid something other than a refund then; as they are now."""
    first, after, _users = bucket_of(scope, start)

    def write(table: str) -> None:
        bought = figures.transactions_sql(scope)
        people = (
            f"SELECT DISTINCT {USER} FROM ({bought}) bought "
            f"WHERE amount >= 0 AND day >= DATE '{first}' AND day < DATE '{after}'"
        )
        scope.engine.create_table_as(scope.model.workspace, table, people, sort=(USER,))

    return fixed.keep(scope.access, scope.model, write, words(scope, start), data)
