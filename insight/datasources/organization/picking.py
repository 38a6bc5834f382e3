"""The values that a controlled field has, to choose from."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from insight.datasources.connections import browsing
from insight.datasources.connections.diagnosis import session
from insight.datasources.connections.dialects import dialect_of
from insight.datasources.models import Connection
from insight.datasources.organization.conditions import (
    CONTROL_TYPES,
    MOST_CHARACTERS,
    as_text,
    contains,
    normal,
)

MOST_PICKED = 1000


def values(source: Connection, table: str, field: str, search: str = "") -> dict[str, Any]:
    """Different values of a column, in order: {"values", "more"}; at most MOST_PICKED.

    Raises NotFound for a table, ValidationFailed for a column that is not there, DomainError (502).
    """
    with session(source) as opened:
        columns = {column.name: column for column in browsing.find(opened, source, table)[1]}
        column = columns.get(field)
        if column is None or column.type not in CONTROL_TYPES:
            message = _("Rows cannot be shared by this column.")
            raise ValidationFailed(message, errors={"field": [message]})
        text = as_text(source, column)
        found = opened.rows(
            f"SELECT DISTINCT {text} FROM {dialect_of(source).path(source, table)} "
            f"WHERE {text} IS NOT NULL{contains(source, column, search.strip())} "
            f"ORDER BY 1 LIMIT {MOST_PICKED + 1}"
        )
    texts = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for (value,) in found]
    fitting = [normal(column, value) for value in texts if len(value) <= MOST_CHARACTERS]
    return {"values": list(dict.fromkeys(fitting))[:MOST_PICKED], "more": len(texts) > MOST_PICKED}
