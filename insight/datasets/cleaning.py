"""Expressions that make clean, typed values of the columns of a source, in the SQL of the engine that it lies in.

Both engines give the same values for the same rows.
"""

from __future__ import annotations

from typing import ClassVar

from cdp.core.identifiers import ID_TYPES, Dialect
from cdp.lake.names import literal, quote
from insight.datasets.models import JSON
from insight.datasources.importing import cast as parse_text
from insight.datasources.models import LAKE

NUMBER = "DOUBLE PRECISION"


class Cleaning:
    """The lake's expressions. `kind` is the column's type of ours: text, integer, number, boolean, date, datetime."""

    dialect: ClassVar[Dialect] = "duckdb"

    def text(self, column: str, kind: str) -> str:
        """Any column as text: whole numbers without decimals, so that 123.0 and 123 are the same identifier."""
        return self.text_of(quote(column), kind)

    def text_of(self, expression: str, kind: str) -> str:
        """The same of an expression of that type."""
        return text_of(expression)

    def composed(self, text: str) -> str:
        """A text in the Unicode form NFC."""
        return f"nfc_normalize({text})"

    def words(self, column: str) -> str:
        """A column as text, NULL where it is empty."""
        return f"nullif({self.composed(f'{quote(column)}::VARCHAR')}, '')"

    def identifier(
        self, column: str, kind: str, id_type: str, encryption: str, *, fix_prefix: bool = False
    ) -> str:
        return ID_TYPES[id_type].sql_normalise(
            self.text(column, kind),
            encryption=encryption,  # type: ignore[arg-type]
            fix_prefix=fix_prefix,
            dialect=self.dialect,
        )

    def parts(self, column: str, separator: str) -> str:
        """The different values in a list, in order; NULL where there are none.

        `separator` may be "json": what is no JSON array then has no values.
        """
        value = self.composed(f"{quote(column)}::VARCHAR")
        if separator == JSON:
            holds = f"json_type(try_cast({value} AS JSON)) = 'ARRAY'"
            parts = f"""CASE WHEN {holds} THEN from_json({value}, '["VARCHAR"]') END"""
        else:
            parts = f"string_split({value}, {literal(separator)})"
        clean = f"list_distinct(list_filter(list_transform({parts}, lambda x: trim(x)), lambda x: x <> ''))"
        return f"CASE WHEN len({clean}) > 0 THEN list_sort({clean}) END"

    def different(self, value: str, condition: str) -> str:
        """As an aggregate, the different values of a text in the rows that a condition holds for, in order."""
        return f"list_sort(list(DISTINCT {value}) FILTER (WHERE {condition}))"

    def number(self, column: str, kind: str) -> str:
        """Numbers keep their type, text is read; NULL where there is no number."""
        name = quote(column)
        value = name if kind in ("integer", "number") else f"try_cast(trim({name}::VARCHAR) AS DOUBLE)"
        return f"CASE WHEN NOT isnan({value}::DOUBLE) THEN {value} END"

    def floating(self, column: str) -> str:
        """A column as floating number. A short float goes by its text, as it is shown, so that it gains no digits."""
        name = quote(column)
        value = (
            f"CASE WHEN typeof({name}) IN {_EXACT} THEN try_cast({name} AS DOUBLE) "
            f"ELSE try_cast({name}::VARCHAR AS DOUBLE) END"
        )
        return f"CASE WHEN NOT isnan({value}) THEN {value} END"

    def moment(self, column: str, kind: str, zone: str, *, zoned: bool) -> str:
        """A date or local time: moments (`zoned`) move to the time zone; text and digits (20260131) are read."""
        name = quote(column)
        if kind == "date":
            return name
        if kind == "datetime":
            return f"({name} AT TIME ZONE {literal(zone)})" if zoned else f"{name}::TIMESTAMP"
        return parse_text(column, "datetime").replace(name, self.text(column, kind))


_EXACT = "('DOUBLE', 'BIGINT', 'INTEGER', 'SMALLINT', 'TINYINT')"
"""Types of the lake whose values are the same as floating numbers; casting the text of each takes 30 times as long."""

_DAY = r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})"
_CLOCK = r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,6})?))?)?"
_OFFSET = r"(?: ?(Z|[+-]\d{2}(?::?\d{2})?))?"
_MOMENT = f"^{_DAY}{_CLOCK}{_OFFSET}$"
_DIGITS = r"^((?:19|20)\d{2})(\d{2})(\d{2})$"
_GERMAN = r"^(\d{1,2})\.(\d{1,2})\.(\d{4})$"
_STRING = r'"(?:[^"\\[:cntrl:]]|\\["\\/bfnrt]|\\u(?!0000)[0-9a-fA-F]{4})*"'
_ELEMENT = rf"(?:{_STRING}|-?(?:0|[1-9]\d*)(?:\.\d+)?|true|false|null)"
_ARRAY = rf"^\s*\[\s*(?:{_ELEMENT}\s*(?:,\s*{_ELEMENT}\s*)*)?\]\s*$"
_NUMBER = r"^[-+]?(\d{1,200}\.?\d{0,200}|\.\d{1,200})([eE][-+]?\d{1,2})?$"


class PostgresCleaning(Cleaning):
    """PostgreSQL's, over columns in the types that `InPlaceTable.relation` gives them."""

    dialect = "postgresql"

    def text_of(self, expression: str, kind: str) -> str:
        if kind != "number":
            return f"{expression}::text"
        whole = f"{expression}::numeric = trunc({expression}::numeric) AND abs({expression}) < 9e15"
        return f"CASE WHEN {whole} THEN {expression}::bigint::text ELSE {expression}::text END"

    def composed(self, text: str) -> str:
        return f"normalize({text}, NFC)"

    def parts(self, column: str, separator: str) -> str:
        value = self.composed(f"{quote(column)}::text")
        if separator == JSON:
            # A text that is no JSON at all would end the query, so its shape is looked at first.
            elements = (
                f"jsonb_array_elements_text(CASE WHEN {value} ~ {literal(_ARRAY)} THEN {value}::jsonb END)"
            )
            parts = f"ARRAY(SELECT {elements})"
        else:
            parts = f"string_to_array({value}, {literal(separator)})"
        clean = f"SELECT DISTINCT btrim(x) COLLATE \"C\" AS x FROM unnest({parts}) AS x WHERE btrim(x) <> ''"
        return f"nullif(ARRAY(SELECT x FROM ({clean}) clean ORDER BY x), '{{}}'::text[])"

    def different(self, value: str, condition: str) -> str:
        text = f'{value} COLLATE "C"'
        return f"array_agg(DISTINCT {text} ORDER BY {text}) FILTER (WHERE {condition})"

    def number(self, column: str, kind: str) -> str:
        return quote(column) if kind in ("integer", "number") else self.floating(column)

    def floating(self, column: str) -> str:
        text = f"btrim({quote(column)}::text)"
        return f"CASE WHEN {text} ~ {literal(_NUMBER)} THEN {text}::{NUMBER} END"

    def moment(self, column: str, kind: str, zone: str, *, zoned: bool) -> str:
        if kind in ("date", "datetime"):
            return super().moment(column, kind, zone, zoned=zoned)
        text = f"btrim({self.text(column, kind)})"
        text = f"regexp_replace({text}, {literal(_DIGITS)}, '\\1-\\2-\\3')"
        text = f"regexp_replace({text}, {literal(_GERMAN)}, '\\3-\\2-\\1')"
        # Groups: year, separator, month, day, hour, minute, second, offset. A day that is none gives no time.
        year, month, day = "m[1]::int", "m[3]::int", "m[4]::int"
        hour, minute, second = "coalesce(m[5], '0')::int", "coalesce(m[6], '0')::int", "coalesce(m[7], '0')"
        last = f"date_part('day', make_date({year}, {month}, 1) + interval '1 month - 1 day')"
        made = f"make_timestamp({year}, {month}, {day}, {hour}, {minute}, {second}::{NUMBER})"
        offset = "coalesce(nullif(m[8], 'Z')::interval, interval '0')"
        return (
            f"(SELECT CASE WHEN {year} > 0 AND {month} BETWEEN 1 AND 12 THEN "
            f"CASE WHEN {day} BETWEEN 1 AND {last} AND {hour} < 24 AND {minute} < 60 AND {second}::numeric < 60 "
            f"THEN {made} - {offset} END END FROM regexp_match({text}, {literal(_MOMENT)}) AS m)"
        )


def text_of(expression: str) -> str:
    """Any column of the lake as text: whole numbers without decimals."""
    number = f"TRY_CAST({expression} AS DOUBLE)"
    return (
        f"CASE WHEN regexp_matches(typeof({expression}), 'DOUBLE|FLOAT|DECIMAL') AND {number} = trunc({number}) "
        f"AND abs({number}) < 9e15 THEN {number}::BIGINT::VARCHAR ELSE {expression}::VARCHAR END"
    )


LAKE_CLEANING, POSTGRES_CLEANING = Cleaning(), PostgresCleaning()


def cleaning_of(source: str) -> Cleaning:
    """The expressions of the engine that a data source is read by."""
    return LAKE_CLEANING if source == LAKE else POSTGRES_CLEANING
