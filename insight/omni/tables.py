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
    """A table of pairs with the share of each cell (of its row, its column, or all), and a step of colour.

    Where another audience is beside it, each cell has its people and share, too.
    """
    cells, others = found["cells"], found.get("compared_cells")
    shares = _shares(cells, found["people"], of)
    other_shares = _shares(others, found["compared"], of) if others else None
    most = max((people for row in cells for people in row), default=0)

    def cell(people: int, row: int, column: int) -> dict[str, Any]:
        heat = (people * (HEATS - 1) + most - 1) // most if most else 0
        made = {
            "column": found["columns"][column],
            "people": people,
            "share": shares[row][column],
            "heat": heat,
        }
        if others and other_shares:
            made["compared_people"] = others[row][column]
            made["compared_share"] = other_shares[row][column]
        return made

    lines = [
        (name, [cell(people, row, column) for column, people in enumerate(cells[row])])
        for row, name in enumerate(found["rows"])
    ]
    return {**found, "lines": lines, "of": of}


def _shares(cells: list[list[int]], people: int, of: str) -> list[list[float | None]]:
    """The share of each cell of its row, its column, or all people."""
    sums = [sum(column) for column in zip(*cells, strict=True)]

    def share(count: int, row: list[int], column: int) -> float | None:
        whole = {"row": sum(row), "column": sums[column]}.get(of, people)
        return count / whole if whole else None

    return [[share(count, row, column) for column, count in enumerate(row)] for row in cells]


def response(tab: str, found: dict[str, Any]) -> HttpResponse:
    """A file of what features, a distribution or a cross have found."""
    return table_response(f"omni-{tab}", *_TABLES[tab](found))


def _distinctive(found: dict[str, Any]) -> Table:
    """The values with the highest TGI, then those of most people."""
    head = [_("Ranked by"), _("Tag"), _("Value"), _("TGI"), _("Share"), _("People"), *_compared_head(found)]
    rows = [
        [label, row["name"], row["value"], row["tgi"], row["share"], row["people"], *_compared(found, row)]
        for label, ranked in (
            (_("Highest TGI"), found["by_tgi"]),
            (_("Largest share"), found["by_share"]),
        )
        for row in ranked
    ]
    return head, rows


def _distribution(found: dict[str, Any]) -> Table:
    head = [_("Tag"), _("Value"), _("Share"), _("People"), _("TGI"), *_compared_head(found)]
    rows = []
    for tag in found["tags"]:
        for row in tag["values"]:
            more = _compared(found, row)
            rows.append([tag["name"], row["value"], row["share"], row["people"], row["tgi"], *more])
        more = (
            [tag["compared_unknown_share"], tag["compared_unknown"]] if found["compared"] is not None else []
        )
        rows.append([tag["name"], _("Unknown"), tag["unknown_share"], tag["unknown"], None, *more])
    return head, rows


def _cross(found: dict[str, Any]) -> Table:
    """A line per pair of values."""
    head = [found["row"]["name"], found["column"]["name"], _("People"), _("Share"), *_compared_head(found)]
    rows = [
        [name, column, cell["people"], cell["share"], *_compared(found, cell)]
        for name, cells in found["lines"]
        for column, cell in zip(found["columns"], cells, strict=True)
    ]
    return head, rows


def _compared_head(found: dict[str, Any]) -> list[Any]:
    return [_("Compared: share"), _("Compared: people")] if found["compared"] is not None else []


def _compared(found: dict[str, Any], row: dict[str, Any]) -> list[Any]:
    return [row["compared_share"], row["compared_people"]] if found["compared"] is not None else []


_TABLES: dict[str, Callable[[dict[str, Any]], Table]] = {
    "distinctive": _distinctive,
    "distribution": _distribution,
    "cross": _cross,
}
