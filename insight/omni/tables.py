"""Insight analysis as tables: pairs of values for the page, and CSV with the numbers of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from cdp.core.csv_export import table_response

Table = tuple[list[Any], list[list[Any]]]
HEATS = 8
"""Steps of colour in a table of pairs."""


def shaded(found: dict[str, Any], of: str) -> dict[str, Any]:
    """A table of pairs with the share of each cell (of its row, its column, or all), and a step of colour."""
    cells = found["cells"]
    sums = {
        "row": [sum(row) for row in cells],
        "column": [sum(column) for column in zip(*cells, strict=True)],
    }
    most = max((people for row in cells for people in row), default=0)

    def cell(people: int, row: int, column: int) -> dict[str, Any]:
        whole = {"row": sums["row"][row], "column": sums["column"][column]}.get(of) if of != "total" else None
        whole = found["people"] if whole is None else whole
        heat = (people * (HEATS - 1) + most - 1) // most if most else 0
        return {"people": people, "share": people / whole if whole else None, "heat": heat}

    lines = [
        (name, [cell(people, row, column) for column, people in enumerate(cells[row])])
        for row, name in enumerate(found["rows"])
    ]
    return {**found, "lines": lines, "of": of}


def response(tab: str, found: dict[str, Any]) -> HttpResponse:
    """A file of what features, a distribution or a cross have found."""
    return table_response(f"omni-{tab}", *_TABLES[tab](found))


def _distinctive(found: dict[str, Any]) -> Table:
    """The values with the highest TGI, then those of most people."""
    head = [_("Ranked by"), _("Tag"), _("Value"), _("TGI"), _("Share"), _("People")]
    rows = [
        [label, row["name"], row["value"], row["tgi"], row["share"], row["people"]]
        for label, ranked in (
            (_("Highest TGI"), found["by_tgi"]),
            (_("Largest share"), found["by_share"]),
        )
        for row in ranked
    ]
    return head, rows


def _distribution(found: dict[str, Any]) -> Table:
    head = [_("Tag"), _("Value"), _("Share"), _("People"), _("TGI")]
    if found["compared"] is not None:
        head += [_("Compared: share"), _("Compared: people")]
    rows = []
    for tag in found["tags"]:
        for row in tag["values"]:
            more = [row["compared_share"], row["compared_people"]] if found["compared"] is not None else []
            rows.append([tag["name"], row["value"], row["share"], row["people"], row["tgi"], *more])
        more = (
            [tag["compared_unknown_share"], tag["compared_unknown"]] if found["compared"] is not None else []
        )
        rows.append([tag["name"], _("Unknown"), tag["unknown_share"], tag["unknown"], None, *more])
    return head, rows


def _cross(found: dict[str, Any]) -> Table:
    """A line per pair of values."""
    head = [found["row"]["name"], found["column"]["name"], _("People"), _("Share")]
    rows = [
        [name, column, cell["people"], cell["share"]]
        for name, cells in found["lines"]
        for column, cell in zip(found["columns"], cells, strict=True)
    ]
    return head, rows


_TABLES: dict[str, Callable[[dict[str, Any]], Table]] = {
    "distinctive": _distinctive,
    "distribution": _distribution,
    "cross": _cross,
}
