"""Narrowing the list of tags down, in the console and in the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from insight.datasets import categories, tag_uses
from insight.datasets.models import DatasetField, TagCategory
from insight.tags import rights

NONE = "none"


class TagFilter(django_filters.FilterSet):
    """Narrows the list down; the period decides which uses count."""

    dataset = django_filters.ChoiceFilter(
        label=gettext_lazy("Dataset"), empty_label=gettext_lazy("All datasets")
    )
    category = django_filters.ChoiceFilter(
        label=gettext_lazy("Category"), empty_label=gettext_lazy("Any category"), method="in_category"
    )
    type = django_filters.ChoiceFilter(
        field_name="tag_type",
        choices=DatasetField.TagType.choices,
        label=gettext_lazy("Type"),
        empty_label=gettext_lazy("Any type"),
    )
    made = django_filters.ChoiceFilter(
        choices=[("custom", gettext_lazy("Custom tags"))],
        label=gettext_lazy("Made by"),
        empty_label=gettext_lazy("All tags"),
        method="made_by",
    )
    used = django_filters.ChoiceFilter(
        choices=[("yes", gettext_lazy("Used")), ("no", gettext_lazy("Unused"))],
        label=gettext_lazy("Use"),
        empty_label=gettext_lazy("Used or not"),
        method="is_used",
    )
    period = django_filters.ChoiceFilter(
        choices=[(str(days), str(days)) for days in tag_uses.PERIODS],
        label=gettext_lazy("Period"),
        empty_label=None,
        method="unchanged",
    )

    class Meta:
        model = DatasetField
        fields: list[str] = []

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        shown = data.copy() if data is not None else {}
        shown.setdefault("period", str(tag_uses.DEFAULT_PERIOD))
        super().__init__(shown, *args, **kwargs)
        access = self.request.access
        choices = {
            "dataset": list(rights.datasets(access).order_by("name").values_list("pk", "name")),
            "category": [
                *((row.pk, row.path) for row in categories.tree(access.workspace)),
                (NONE, _("Without category")),
            ],
            "period": [(str(days), _("Last %(days)d days") % {"days": days}) for days in tag_uses.PERIODS],
        }
        for name, found in choices.items():
            self.filters[name].extra["choices"] = found

    def in_category(self, rows: QuerySet[DatasetField], _name: str, value: str) -> QuerySet[DatasetField]:
        if value == NONE:
            return rows.filter(category=None)
        category = TagCategory.objects.get_in(self.request.access.workspace, value)
        return rows.filter(
            Q(category=category) | Q(category__path__startswith=f"{category.path}{categories.SEPARATOR}")
        )

    def made_by(self, rows: QuerySet[DatasetField], _name: str, _value: str) -> QuerySet[DatasetField]:
        return rows.filter(custom_tag__isnull=False)

    def is_used(self, rows: QuerySet[DatasetField], _name: str, value: str) -> QuerySet[DatasetField]:
        return rows.filter(uses__gt=0) if value == "yes" else rows.filter(uses=0)

    def unchanged(self, rows: QuerySet[DatasetField], _name: str, _value: str) -> QuerySet[DatasetField]:
        return rows


def period_of(given: Any) -> int:
    """One of the periods, the default one for anything else."""
    return int(given) if given in map(str, tag_uses.PERIODS) else tag_uses.DEFAULT_PERIOD
