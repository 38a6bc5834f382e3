"""Conversions as people see them: rates of those written to, of each variant and of the control group, and the lift."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from admin_center.audit.services import log_download
from cdp.core.access import Access
from marketing.delivery import significance
from marketing.delivery.conversion_count import CONTROL
from marketing.delivery.models import SendOut

COLUMNS = ("group", "people", "converted", "share", "low", "high", "amount", "amount_per_person")
_NOBODY = {"people": 0, "converted": 0, "amount": 0.0}


def of(send_out: SendOut) -> dict[str, Any]:
    """Empty where nothing was chosen.

    `chosen` is what counts. Once counted: `target`, `control` (None where nobody was kept back) and `variants`, each
    with `people`, `converted`, `rate` (with its bounds at 95 %), `amount`, `amount_per_person`. `lift` has the
    `difference` in points with bounds, p and whether there are too few people; `relative`, the share by which the rate
    of those written to is above that of the control group; and `extra`, how many converted beyond what the control
    group lets expect. `counted_at`, `refreshed_at` (of the behaviour) and `open` (whether days still run) say how fresh
    it is.
    """
    if not send_out.conversion:
        return {}
    kept = send_out.conversions
    found: dict[str, Any] = {
        "chosen": send_out.conversion,
        "dataset_name": kept.get("dataset_name", ""),
        "counted_at": kept.get("counted_at"),
        "refreshed_at": kept.get("refreshed_at"),
        "open": is_open(send_out),
        "error": kept.get("error", ""),
    }
    if "groups" not in kept:
        return found
    groups = {int(lot): row for lot, row in kept["groups"].items()}
    written = [row for lot, row in groups.items() if lot != CONTROL]
    target = {name: sum(row[name] or 0 for row in written) for name in _NOBODY}
    control = groups.get(CONTROL)
    sums = bool(send_out.conversion.get("amount"))
    found |= {
        "target": _group(target, sums),
        "control": _group(control, sums) if control else None,
        "lift": _lift(target, control) if control else None,
        "variants": [
            {
                "variant": row.letter,
                "name": row.template.name,
                **_group(groups.get(row.number, _NOBODY), sums),
            }
            for row in send_out.variants.select_related("template")
        ],
    }
    return found


def revenue(send_out: SendOut) -> Decimal | None:
    """What those written to have spent, as counted last; None where amounts are not counted, or not yet."""
    groups = send_out.conversions.get("groups")
    if groups is None or not send_out.conversion.get("amount"):
        return None
    amounts = (Decimal(str(row["amount"] or 0)) for lot, row in groups.items() if int(lot) != CONTROL)
    return sum(amounts, Decimal(0)).quantize(Decimal("0.01"))


def as_csv(access: Access, send_out: SendOut) -> Iterator[bytes]:
    """The groups with their numbers, as CSV; the download is logged. Shares are fractions of 1."""
    access.require(f"marketing.{send_out.channel}.view")
    found = of(send_out)
    rows = []
    if "target" in found:
        rows = [
            ("target", found["target"]),
            *((f"variant {row['variant']}", row) for row in found["variants"]),
        ]
        rows += [("control", found["control"])] if found["control"] else []
    log_download(access, send_out, action="send_out.conversions_downloaded", rows=len(rows), unmasked=False)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, row in rows:
        rate = row["rate"]
        shown = (row["people"], row["converted"], rate["share"], rate["low"], rate["high"])
        writer.writerow([name, *shown, row["amount"], row["amount_per_person"]])
    return iter([("\ufeff" + out.getvalue()).encode()])


def is_open(send_out: SendOut) -> bool:
    """Whether the days of some people are not over yet, so that the numbers may still grow."""
    if send_out.rows_deleted_at is not None:
        return False
    last = send_out.finished_at or timezone.now()
    return bool(last + timedelta(days=send_out.conversion["days"]) > timezone.now())


def _group(row: dict[str, Any], sums: bool) -> dict[str, Any]:
    people = row["people"]
    return {
        "people": people,
        "converted": row["converted"],
        "rate": significance.rate(row["converted"], people).as_json(),
        "amount": row["amount"] if sums else None,
        "amount_per_person": row["amount"] / people if sums and people else None,
    }


def _lift(target: dict[str, Any], control: dict[str, Any]) -> dict[str, Any] | None:
    ours, other = (significance.rate(row["converted"], row["people"]) for row in (target, control))
    difference = significance.compare(ours, other)
    if difference is None or ours.share is None or other.share is None:
        return None
    return {
        "difference": difference.as_json(),
        "relative": difference.points / other.share if other.share else None,
        "extra": difference.points * target["people"],
    }
