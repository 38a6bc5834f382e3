"""Perspective: how the values of tags spread over the users of a dataset, or over an audience within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ibis
import ibis.expr.types as ir
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, ValidationFailed
from insight.audiences import queries as audiences
from insight.audiences import visibility
from insight.audiences.catalog import Unknown
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField

USER = "user_unique_id"
MOST_VALUES = 5000
TOP = 200
MOST_PARTS = 50
MOST_TAGS = 50


@dataclass(frozen=True)
class Value:
    """A value and its users. `share` is of the base: all users, less unknown ones where these are left out."""

    value: str
    count: int
    share: float
    label: str = ""


@dataclass(frozen=True)
class TagView:
    """The values of one tag, most frequent first. `other`: users of the values that were cut off."""

    tag: str
    name: str
    type: str
    base: int
    unknown: int
    unknown_share: float | None
    values: list[Value] = field(default_factory=list)
    distinct: int = 0
    cut: bool = False
    other: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "tag": self.tag,
            "name": self.name,
            "type": self.type,
            "base": self.base,
            "unknown": {"count": self.unknown, "share": self.unknown_share},
            "values": [
                {
                    "value": row.value,
                    "count": row.count,
                    "share": row.share,
                    **({"label": row.label} if row.label else {}),
                }
                for row in self.values
            ],
            "distinct": self.distinct,
            "cut": self.cut,
            "other": self.other,
            "notice": self.notice,
        }

    @property
    def notice(self) -> str:
        if not self.cut:
            return ""
        return _("More than %(most)d different values: the %(top)d most frequent are shown.") % {
            "most": MOST_PARTS if self.type == "multi" else MOST_VALUES,
            "top": len(self.values),
        }


def perspective(
    access: Access,
    dataset_id: str,
    tags: Sequence[str],
    *,
    audience_id: str = "",
    null_filter: bool = False,
) -> dict[str, Any]:
    """Users per value of some tags: `{"dataset", "audience", "users", "tags": [...]}`.

    A user counts once under each part of a multi-value tag, so counts and shares may add up to more than all.
    Raises NotFound, Conflict (nothing computed yet), ValidationFailed for tags that cannot be shown.
    """
    catalog = WorkspaceCatalog(access.workspace, access=access)
    dataset, known = _dataset(catalog, dataset_id)
    fields = _eligible(known, tags)
    population = catalog.table_of(dataset.pk)
    unique = catalog.has_unique_users(dataset.pk)
    audience = visibility.get_visible(access, audience_id) if audience_id else None
    if audience is not None:
        version = audiences.latest_version(audience)
        if version is None:
            raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
        if version.user_id_type != next((item.id_type for item in known if item.role == "identifier"), ""):
            raise ValidationFailed(
                _("The audience and the dataset know their users by different IDs."),
                errors={"audience": [_("Choose an audience with the dataset's user identifier.")]},
            )
        if audience.source != dataset.source:
            raise ValidationFailed(
                _("The audience and the dataset live in different data sources."),
                errors={"audience": [_("Choose an audience that lives where the dataset does.")]},
            )
        population = population.semi_join(audiences.members(version), USER)
    engine = catalog.engine
    totals = engine.execute(_totals(population, fields, unique)).to_pylist()[0]
    rows = engine.execute(_counts(population, fields, unique)).to_pylist() if fields else []
    found: dict[int, list[tuple[str, int]]] = {}
    for row in rows:
        found.setdefault(row["place"], []).append((row["value"], row["users"]))
    views = [
        _called(
            _view(item, totals["users"], totals[f"known_{place}"], found.get(place, []), null_filter),
            catalog,
            dataset,
        )
        for place, item in enumerate(fields)
    ]
    return {
        "dataset": dataset.pk,
        "audience": audience.pk if audience else None,
        "users": totals["users"],
        "null_filter": null_filter,
        "tags": [view.as_json() for view in views],
    }


def _dataset(catalog: WorkspaceCatalog, dataset_id: str) -> tuple[Dataset, list[DatasetField]]:
    try:
        dataset, known = catalog.row(dataset_id)
    except Unknown as error:
        raise NotFound(str(error)) from None
    if dataset.kind not in TAG_KINDS:
        raise ValidationFailed(
            _("Charts of tags need a user-tag dataset."),
            errors={"dataset": [_("Choose a user-tag dataset.")]},
        )
    return dataset, known


def _eligible(known: Sequence[DatasetField], tags: Sequence[str]) -> list[DatasetField]:
    """The fields of the tags, all enum or multi and switched on. Raises ValidationFailed naming those that are not."""
    if not tags or len(tags) > MOST_TAGS:
        message = _("Choose 1 to %(most)d tags.") % {"most": MOST_TAGS}
        raise ValidationFailed(message, errors={"tags": [message]})
    live = {item.column: item for item in known if item.role == "tag" and not item.deleted}
    errors: dict[str, list[str]] = {}
    for place, tag in enumerate(tags):
        item = live.get(tag)
        if item is None:
            errors[f"tags/{place}"] = [_("The dataset has no tag “%(tag)s”.") % {"tag": tag}]
        elif item.tag_type not in ("enum", "multi"):
            errors[f"tags/{place}"] = [
                _("“%(tag)s” has the type “%(type)s”. Charts need tags with a choice or several values.")
                % {"tag": item.name, "type": item.get_tag_type_display()}
            ]
        elif not item.pivot_enabled:
            errors[f"tags/{place}"] = [
                _("“%(tag)s” is switched off for charts in its dataset.") % {"tag": item.name}
            ]
    if errors:
        raise ValidationFailed(_("Some tags cannot be shown as a chart."), errors=errors)
    return [live[tag] for tag in dict.fromkeys(tags)]


def _people(table: ibis.Table, unique: bool, where: ir.BooleanValue | None = None) -> ir.IntegerScalar:
    return table.count(where=where) if unique else table[USER].nunique(where=where)


def _totals(population: ibis.Table, fields: Sequence[DatasetField], unique: bool) -> ibis.Table:
    """One row: all users, and for each tag those who have a value."""
    known = {
        f"known_{place}": _people(population, unique, _has_value(population[item.column], item))
        for place, item in enumerate(fields)
    }
    return population.aggregate(users=_people(population, unique), **known)


def _has_value(column: Any, item: DatasetField) -> ir.BooleanValue:
    if item.tag_type == "multi":
        return column.notnull() & (column.length() > 0)
    return column.notnull() & (column != "")


def _counts(population: ibis.Table, fields: Sequence[DatasetField], unique: bool) -> ibis.Table:
    """Users per value of every tag, in one statement: the population (and its join) is read once.

    Columns: place (of the tag), value, users. One value more than the limit tells that there are too many.
    """
    parts = []
    for place, item in enumerate(fields):
        values = population.select(
            **({} if unique else {USER: population[USER]}),
            value=population[item.column].unnest() if item.tag_type == "multi" else population[item.column],
        )
        values = values.filter(values.value.notnull() & (values.value != ""))
        grouped = values.group_by("value").aggregate(users=_people(values, unique))
        grouped = grouped.order_by([ibis.desc("users"), "value"]).limit(MOST_VALUES + 1)
        parts.append(grouped.select(place=ibis.literal(place), value=grouped.value, users=grouped.users))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _view(
    item: DatasetField, users: int, known: int, rows: list[tuple[str, int]], null_filter: bool
) -> TagView:
    rows = sorted(rows, key=lambda row: (-row[1], row[0]))
    base = known if null_filter else users
    most, top = (MOST_PARTS, MOST_PARTS) if item.tag_type == "multi" else (MOST_VALUES, TOP)
    cut = len(rows) > most
    shown = rows[:top] if cut else rows
    unknown = 0 if null_filter else users - known
    return TagView(
        tag=item.column,
        name=item.name,
        type=item.tag_type,
        base=base,
        unknown=unknown,
        unknown_share=_share(unknown, base),
        values=[Value(value, count, _share(count, base) or 0.0) for value, count in shown],
        distinct=len(rows),
        cut=cut,
        other=known - sum(count for _value, count in shown) if cut and item.tag_type == "enum" else 0,
    )


def _called(view: TagView, catalog: WorkspaceCatalog, dataset: Dataset) -> TagView:
    """The view with what a dimension table calls the values."""
    labels = catalog.value_labels(dataset.pk, view.tag, [row.value for row in view.values])
    if not labels:
        return view
    return replace(view, values=[replace(row, label=labels.get(row.value, "")) for row in view.values])


def _share(count: int, base: int) -> float | None:
    return round(count / base, 6) if base else None
