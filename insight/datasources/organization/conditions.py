"""Granted rows as a condition in the words of the source, so that no other row leaves it.

Values are kept as text, in the form that the source itself gives them (numbers without needless zeros), and compared
exactly: neither case nor blanks at the end are forgiven, whatever the database's collation says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, ValidationFailed
from insight.datasources.connections.dialects import dialect_of
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.models import Connection
from insight.datasources.organization.grants import Allowed

CONTROL_TYPES = ("text", "integer", "number", "boolean")
"""Types of columns that rows can be shared by: days and times are none of them."""
MOST_CHARACTERS = 500


def rows_where(source: Connection, allowed: Allowed, columns: Mapping[str, RemoteColumn]) -> str:
    """The condition for the granted rows; empty for all of them. Raises Conflict `no_grant` for a lost field."""
    gone = [name for name, _values in allowed.rows if name not in columns]
    if gone:
        raise Conflict(
            _(
                "Rows of this table are shared by columns that the source no longer has: %(names)s. Ask a manager of "
                "your organization to share it anew. The rows copied before stay."
            )
            % {"names": ", ".join(gone)},
            code="no_grant",
        )
    return " AND ".join(_one_of(source, columns[name], values) for name, values in allowed.rows)


def normal(column: RemoteColumn, value: str) -> str:
    """A typed value in the form in which it is kept. Raises ValidationFailed where the column cannot have it."""
    found = _normal(column, value)
    if found is None:
        message = _("“%(value)s” is no value of %(column)s.") % {"value": value[:50], "column": column.name}
        raise ValidationFailed(message, errors={"values": [message]})
    return found


def as_text(source: Connection, column: RemoteColumn) -> str:
    """The value of a column as text, for lists of different values: bytes in MySQL, whose texts may look alike."""
    value = dialect_of(source).value(column)
    if source.kind == Connection.Kind.MYSQL:
        return f"CAST(CONVERT(CAST({value} AS CHAR) USING utf8mb4) AS BINARY)"
    return f'(({value})::text COLLATE "C")'


def contains(source: Connection, column: RemoteColumn, search: str) -> str:
    """A further condition: the value has `search` in it, in any case; empty where nothing is searched for."""
    if not search or "\0" in search:
        return ""
    value = dialect_of(source).value(column)
    if source.kind == Connection.Kind.MYSQL:
        return f" AND LOCATE(CONVERT({_text(source, search)} USING utf8mb4), CAST({value} AS CHAR)) > 0"
    return f" AND strpos(lower(({value})::text), lower({_text(source, search)})) > 0"


def _normal(column: RemoteColumn, value: str) -> str | None:
    if column.type == "boolean":
        return {"true": "true", "t": "true", "false": "false", "f": "false"}.get(value.strip().lower())
    if column.type in ("integer", "number"):
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            return None
        if not number.is_finite() or abs(number.adjusted()) > MOST_CHARACTERS:
            return None
        whole = number == number.to_integral_value()
        if column.type == "integer" and not whole:
            return None
        return str(int(number)) if whole else format(number.normalize(), "f")
    return value if len(value) <= MOST_CHARACTERS and "\0" not in value else None


def _one_of(source: Connection, column: RemoteColumn, values: Iterable[str]) -> str:
    known = sorted({found for value in values if (found := _normal(column, value)) is not None})
    if not known:
        return "1 = 0"
    if column.type != "text":
        return f"({dialect_of(source).value(column)}) IN ({', '.join(known)})"
    return f"{as_text(source, column)} IN ({', '.join(_text(source, value) for value in known)})"


def _text(source: Connection, value: str) -> str:
    """A literal that no setting of the server reads in another way: backslashes, character sets."""
    if source.kind == Connection.Kind.MYSQL:
        return f"X'{value.encode().hex()}'"
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"
