"""Types of PostgreSQL and MySQL in ours, and the expressions that read their values.

Times with a zone stay instants. Days and times outside of the years 1 to 9999 and numbers that are none (NaN,
infinity) become NULL, binary values hexadecimal digits, lists their items with commas between, all else text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_DIGITS = 38
"""Digits of an exact decimal number in the lake; longer ones become floating."""
_FIRST, _LAST = "'0001-01-01'", "'9999-12-31 23:59:59.999999'"


@dataclass(frozen=True)
class RemoteColumn:
    """A column: `declared` is the source's type, `type` ours (text, integer, number, boolean, date, datetime)."""

    name: str
    declared: str
    type: str
    nullable: bool
    comment: str = ""

    @property
    def word(self) -> str:
        """The first word of the declared type, without its length."""
        return _word(self.declared)

    @property
    def is_instant(self) -> bool:
        """Whether a time is a moment in the world, not one of a clock somewhere."""
        return "with time zone" in self.declared or (self.word == "timestamp" and " " not in self.declared)


def _word(declared: str) -> str:
    return re.split(r"[ (]", declared.lower(), maxsplit=1)[0]


def _precision(declared: str) -> tuple[int, int] | None:
    """Digits and decimals of numeric(p,s); None where they are not said."""
    found = re.search(r"\((\d+)(?:,\s*(-?\d+))?\)", declared)
    return (int(found[1]), int(found[2] or 0)) if found else None


def _is_exact(declared: str) -> bool:
    found = _precision(declared)
    return found is not None and 0 <= found[1] <= found[0] <= MAX_DIGITS


def postgresql_type(declared: str) -> str:
    word = _word(declared)
    if "[" in declared:
        return "text"
    if word in ("smallint", "integer", "bigint", "oid"):
        return "integer"
    if word in ("numeric", "real", "double", "money"):
        return "number"
    return {"boolean": "boolean", "date": "date", "timestamp": "datetime"}.get(word, "text")


def postgresql_value(name: str, column: RemoteColumn) -> str:
    """An SQL expression of PostgreSQL; `name` is quoted."""
    word = column.word
    if "[" in column.declared:
        return f"array_to_string({name}, ',')"
    if column.type == "integer":
        return f"{name}::bigint"
    if word == "numeric" and _is_exact(column.declared):
        digits, decimals = _precision(column.declared) or (0, 0)
        return f"nullif({name}, 'NaN')::numeric({digits},{decimals})"
    if column.type == "number":
        number = f"{name}::numeric::float8" if word == "money" else f"{name}::float8"
        return f"CASE WHEN abs({number}) < 'Infinity' THEN {number} END"
    if column.type in ("date", "datetime"):
        return f"CASE WHEN {name} BETWEEN {_FIRST} AND {_LAST} THEN {name} END"
    if word == "bytea":
        return f"encode({name}, 'hex')"
    return name if column.type == "boolean" else f"{name}::text"


_MYSQL_TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set")
_MYSQL_READABLE = ("json", "time", "uuid", "inet4", "inet6")


def mysql_type(declared: str) -> str:
    word = _word(declared)
    if word in ("tinyint", "smallint", "mediumint", "int", "integer", "bigint", "year", "bit"):
        return "integer"
    if word in ("decimal", "numeric", "float", "double", "real"):
        return "number"
    return {"date": "date", "datetime": "datetime", "timestamp": "datetime"}.get(word, "text")


def mysql_value(name: str, column: RemoteColumn) -> str:
    """An SQL expression of MySQL; `name` is quoted."""
    word = column.word
    if column.type == "integer":
        return f"CAST({name} AS {'UNSIGNED' if word == 'bit' or 'unsigned' in column.declared else 'SIGNED'})"
    if column.type == "number":
        return name if word in ("float", "double", "real") or _is_exact(column.declared) else f"{name} + 0E0"
    if column.type in ("date", "datetime"):
        # Days such as 0000-00-00 and 2026-02-31 are none.
        return f"CASE WHEN DAYOFMONTH({name}) BETWEEN 1 AND DAYOFMONTH(LAST_DAY({name})) THEN {name} END"
    if word in _MYSQL_TEXTS:
        # Text that is compared byte by byte would come as binary without this.
        return f"CONVERT({name} USING utf8mb4)"
    return f"CAST({name} AS CHAR)" if word in _MYSQL_READABLE else f"LOWER(HEX({name}))"
