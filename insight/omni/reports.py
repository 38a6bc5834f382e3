"""Insight reports: charts kept as they were, with what they show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import PermissionDenied, ValidationFailed
from insight.omni import features
from insight.omni.models import InsightReport

PARTS = ("distinctive", "distribution", "cross")
LISTS = ("tags", "row_values", "column_values")
FIELDS = {"name", "public", "audience", "compare", "parts", "row", "column", "of", *LISTS}


def visible(access: Access) -> Any:
    """One's own reports and the public ones."""
    rows = InsightReport.objects.in_workspace(access.workspace).select_related("owner")
    return rows.filter(Q(owner=access.user) | Q(public=True))


def save(access: Access, data: Mapping[str, Any]) -> InsightReport:
    """Compute the chosen parts and keep them: name, public, audience, compare, parts, tags, row, column.

    Of a cross, row_values and column_values choose some values, and `of` says what its shares are of.
    Raises ValidationFailed, and what the parts raise.
    """
    errors = {str(key): [_("Unknown field.")] for key in set(data) - FIELDS}
    name = str(data.get("name") or "").strip()
    if not 1 <= len(name) <= 64:
        errors["name"] = [_("Give a name of 1 to 64 characters.")]
    public = data.get("public", False)
    if not isinstance(public, bool):
        errors["public"] = [_("Use true or false.")]
    parts = data.get("parts", ["distinctive"])
    if not isinstance(parts, list) or not parts or set(map(str, parts)) - set(PARTS):
        errors["parts"] = [_("Choose one of %(types)s.") % {"types": ", ".join(PARTS)}]
    lists = {key: data.get(key) or [] for key in LISTS}
    for key, given in lists.items():
        if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
            errors[key] = [_("Give a list of texts.")]
    of = data.get("of") or "total"
    if of not in features.WHOLES:
        errors["of"] = [_("Choose one of %(types)s.") % {"types": ", ".join(features.WHOLES)}]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    audience, compare = str(data.get("audience") or ""), str(data.get("compare") or "")
    row, column = str(data.get("row") or ""), str(data.get("column") or "")
    result: dict[str, Any] = {"group": features.group(access, audience).name}
    if compare:
        result["compared_group"] = features.group(access, compare).name
    if "distinctive" in parts:
        result["distinctive"] = features.distinctive(access, audience, compare)
    if "distribution" in parts:
        result["distribution"] = features.distribution(access, lists["tags"], audience, compare)
    if "cross" in parts:
        values = {key: lists[key] for key in ("row_values", "column_values")}
        result["cross"] = {**features.cross(access, row, column, audience, compare, **values), "of": of}
    definition = {
        "audience": audience,
        "compare": compare,
        "parts": list(parts),
        "row": row,
        "column": column,
        "of": of,
        **lists,
    }
    with transaction.atomic():
        made = InsightReport.objects.create(
            workspace=access.workspace,
            name=name,
            public=public,
            owner=access.user,
            definition=definition,
            result=result,
        )
        audit.record(access, "omni.report_saved", made, after={"name": name, "public": public})
    return made


def again(access: Access, report: InsightReport) -> InsightReport:
    """The same charts with the numbers of now, as a new report."""
    return save(access, {**report.definition, "name": report.name, "public": False})


def delete(access: Access, report: InsightReport) -> None:
    """Raises PermissionDenied for somebody else's."""
    if report.owner_id != access.user.pk:
        raise PermissionDenied(_("Only the one who saved the report can delete it."))
    with transaction.atomic():
        audit.record(access, "omni.report_deleted", report, before={"name": report.name})
        report.delete()
