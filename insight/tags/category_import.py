"""Categories and the tags below them from a file: a row per category, or per tag with its category."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.datasets import categories
from insight.datasets.models import Dataset, DatasetField, TagCategory
from insight.datasources import workbooks
from insight.tags import rights

COLUMNS: dict[str, tuple[str, ...]] = {
    "level1": ("level1", "一级类目"),
    "level2": ("level2", "二级类目"),
    "level3": ("level3", "三级类目"),
    "dataset": ("dataset", "数据集"),
    "field": ("field", "字段", "标签"),
}
"""What the columns of a file may be called."""
LEVELS = ("level1", "level2", "level3")
MOST_ROWS, MOST_BYTES = 20_000, 5 * 2**20
MOST_ERRORS = 20


def run(access: Access, name: str, content: bytes) -> dict[str, int]:
    """Make the categories of a CSV or .xlsx file and put its tags below them: {"categories": made, "tags": put}.

    The first row names the columns: level1, level2, level3, dataset, field. Datasets are given by name or ID, fields
    by column or name. All or nothing: raises ValidationFailed with `rows/<number>` of everything that is wrong.
    """
    access.require(rights.MANAGE)
    if len(content) > MOST_BYTES:
        raise _wrong(_("The file is larger than %(size)d MB.") % {"size": MOST_BYTES // 2**20})
    rows = list(_records(_table(name, content)))
    before = TagCategory.objects.in_workspace(access.workspace).count()
    with transaction.atomic():
        placed = _apply(access, rows)
        made = TagCategory.objects.in_workspace(access.workspace).count() - before
        audit.record(access, "tag_category.imported", None, detail={"categories": made, "tags": placed})
    return {"categories": made, "tags": placed}


def _apply(access: Access, rows: list[tuple[int, dict[str, str]]]) -> int:
    """Place all rows; how many tags got a category. Raises ValidationFailed and leaves it to the caller to undo."""
    errors: dict[str, list[str]] = {}
    known = _tags(access)
    found: dict[str, TagCategory] = {}
    chosen: dict[int, TagCategory] = {}
    for number, row in rows:
        levels = [row[level] for level in LEVELS]
        names = [name for name in levels if name]
        path = "/".join(names)
        problem = (
            "" if names == levels[: len(names)] and names else _("A level is missing above another one.")
        )
        problem = problem or next((_("A name has no slash.") for name in names if "/" in name), "")
        problem = problem or categories.check_path(path)
        item = None
        if row["dataset"] or row["field"]:
            item = known.get((row["dataset"], row["field"]))
            if item is None:
                problem = (
                    problem or _("There is no tag “%(field)s” in a dataset “%(dataset)s” that you see.") % row
                )
        if problem:
            errors[f"rows/{number}"] = [problem]
            continue
        if path not in found:
            found[path] = categories.at_path(access, path)
        if item is not None:
            chosen[item.pk] = found[path]
    if errors:
        shown = dict(list(errors.items())[:MOST_ERRORS])
        raise ValidationFailed(_("Nothing was changed: some rows cannot be used."), errors=shown)
    fields = DatasetField.objects.in_bulk(list(chosen))
    for key, item in fields.items():
        item.category = chosen[key]
    DatasetField.objects.bulk_update(list(fields.values()), ["category"], batch_size=1000)
    touched = Dataset.objects.filter(fields__in=list(chosen)).distinct()
    for dataset in touched:
        dataset.bump()
    Dataset.objects.bulk_update(touched, ["edit_version"])
    return len(chosen)


def _tags(access: Access) -> dict[tuple[str, str], DatasetField]:
    """Tags by name or ID of the dataset, and column or name; columns come before names."""
    found: dict[tuple[str, str], DatasetField] = {}
    rows = list(rights.tags(access))
    for item in rows:
        for dataset in (item.dataset.name, item.dataset_id):
            found[dataset, item.column] = item
    for item in rows:
        for dataset in (item.dataset.name, item.dataset_id):
            found.setdefault((dataset, item.name), item)
    return found


def _records(table: Iterable[list[str]]) -> Iterator[tuple[int, dict[str, str]]]:
    """(number of the row in the file, its cells by column); empty rows are left out."""
    places: dict[str, int] | None = None
    for number, cells in enumerate(table, start=1):
        texts = [cell.strip() for cell in cells]
        if not any(texts):
            continue
        if places is None:
            places = _places(texts)
            continue
        if number > MOST_ROWS:
            raise _wrong(_("The file has more than %(most)d rows.") % {"most": MOST_ROWS})
        yield (
            number,
            {
                name: texts[places[name]] if name in places and places[name] < len(texts) else ""
                for name in COLUMNS
            },
        )
    if places is None:
        raise _wrong(_("The file is empty."))


def _places(header: list[str]) -> dict[str, int]:
    lower = [cell.lower() for cell in header]
    places = {
        name: lower.index(alias) for name, aliases in COLUMNS.items() for alias in aliases if alias in lower
    }
    if "level1" not in places:
        raise _wrong(_("The first row must name the columns: %(names)s.") % {"names": ", ".join(COLUMNS)})
    return places


def _table(name: str, content: bytes) -> Iterable[list[str]]:
    if name.lower().endswith(".xlsx"):
        with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
            file.write(content)
            file.flush()
            return list(workbooks.rows(Path(file.name)))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            return list(csv.reader(io.StringIO(text, newline="")))
        except csv.Error:
            break
    raise _wrong(_("The file is neither a CSV file nor an Excel workbook (.xlsx)."))


def _wrong(message: str) -> ValidationFailed:
    return ValidationFailed(message, errors={"file": [message]})


def fields_of(error: ValidationFailed) -> list[tuple[Any, str]]:
    """(row number or "", message) of each problem, for the page."""
    return [
        (path.removeprefix("rows/") if path.startswith("rows/") else "", str(message))
        for path, found in error.errors.items()
        for message in found
    ]
