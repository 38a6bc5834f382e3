"""All numbers of a send-out as one CSV: a row per number, so that a spreadsheet can filter and pivot them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from admin_center.audit.services import log_download
from cdp.core.access import Access
from cdp.core.csv_export import escape_formula
from marketing.delivery import breakdown, course, queries
from marketing.delivery.models import SendOut

COLUMNS = ("part", "of", "measure", "value")
_Row = tuple[str, str, str, Any]


def as_csv(access: Access, send_out: SendOut) -> Iterator[bytes]:
    """Rates are shares (0-1). The download is logged. Raises PermissionDenied."""
    access.require(f"marketing.{send_out.channel}.view")
    rows = list(_rows(queries.summary(send_out)))
    log_download(access, send_out, action="send_out.effect_downloaded", rows=len(rows), unmasked=False)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part, of, measure, value in rows:
        writer.writerow([part, escape_formula(of), measure, "" if value is None else value])
    return iter([("\ufeff" + out.getvalue()).encode()])


def _rows(found: dict[str, Any]) -> Iterator[_Row]:
    for name, value in found.items():
        if isinstance(value, int):
            yield "total", "", name, value
    for name, rate in found["rates"].items():
        yield "rate", "", name, rate
    for name in ("push", "custom"):
        for measure, value in found.get(name, {}).items():
            if isinstance(value, int) and not isinstance(value, bool):
                yield name, "", measure, value
    for row in found.get("custom", {}).get("statuses", []):
        yield "result", str(row["code"]), "people", row["count"]
    for unit, figures in found.get("figures", {}).items():
        yield from ((unit, "", name, value) for name, value in figures.items())
    for row in found["reasons"]:
        yield "left_out", row["reason"], "people", row["count"]
    for row in found["failures"]:
        yield "failed", row["code"], "people", row["count"]
    for row in found["links"]:
        yield from (("link", row["url"], name, row[name]) for name in ("people", "clicks"))
    for row in found["variants"]:
        yield from (("variant", row["variant"], name, row[name]) for name in ("people", "sent"))
        for name, rate in row["rates"].items():
            yield from (("variant", row["variant"], f"{name}_{key}", rate[key]) for key in ("count", "share"))
    for row in found["audiences"]:
        names = (*breakdown.COUNTS, "several")
        yield from (("audience", row["name"], name, row[name]) for name in names)
    for row in found["course"]["rows"]:
        yield from ((found["course"]["unit"], row["at"], name, row[name]) for name in course.NAMES)
