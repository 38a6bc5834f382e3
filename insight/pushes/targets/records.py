"""Rows as text: JSON objects and lines of CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from insight.pushes.targets.base import Head, Row


def plain(value: Any) -> Any:
    """A value as JSON has it: times and days as ISO text, lists as lists."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def json_text(head: Head, row: Row) -> str:
    """One user as a record: what the push is, and the fields; without empty ones where that was asked for."""
    fields = {name: plain(value) for name, value in row.fields.items()}
    if head.options.get("skip_empty"):
        fields = {name: value for name, value in fields.items() if value is not None}
    return json.dumps({**head.as_json(), "fields": fields}, ensure_ascii=False)


def csv_lines(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Lines with the user's identifier in front; several values of one field are joined by a bar."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow([row.key, *(_cell(row.fields.get(name)) for name in columns)])
    return out.getvalue()


def csv_head(columns: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(["user_unique_id", *columns])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "|".join(map(str, value))
    return str(plain(value))
