"""Forms of identities."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES, id_type_choices
from insight.oneid import limits, sources
from insight.oneid.models import IdentityGraph

_USES = (
    (limits.STRONG, gettext_lazy("Joins people")),
    (limits.WEAK, gettext_lazy("Follows people")),
    (limits.OFF, gettext_lazy("Not used")),
)


class SettingsForm(forms.Form):
    """Sources, limits and schedule. The limits of each ID type are three fields, `use_…`, `most_…` and `one_…`."""

    datasets = forms.MultipleChoiceField(
        label=gettext_lazy("Datasets"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "IDs in one row belong to one person. Columns with encrypted IDs are not offered."
        ),
    )
    tables = forms.MultipleChoiceField(
        label=gettext_lazy("Tables of pairs"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Tables with the columns id_type_a, id_a, id_type_b, id_b and seen_at."),
    )
    max_ids = forms.IntegerField(
        label=gettext_lazy("IDs that a person has at most"),
        min_value=2,
        max_value=limits.MAX_IDS,
        help_text=gettext_lazy("More than this is cut at its weakest links and listed for review."),
    )
    weak_days = forms.IntegerField(
        label=gettext_lazy("Days that devices count"),
        min_value=1,
        max_value=limits.MAX_DAYS,
        help_text=gettext_lazy("A device belongs to whoever it was seen with in these days."),
    )
    every = forms.ChoiceField(
        label=gettext_lazy("Find people anew"),
        choices=(
            ("off", gettext_lazy("By hand only")),
            ("day", gettext_lazy("Every day")),
            ("week", gettext_lazy("Every Monday")),
        ),
    )
    at = forms.CharField(label=gettext_lazy("At"), initial="02:00", max_length=5)

    def __init__(self, *args: Any, access: Access, graph: IdentityGraph, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        columns = []
        self.unseen = len(sources.unseen(access, graph.sources))
        chosen = [source["dataset"] for source in graph.sources if source["kind"] == "dataset"]
        offered = sources.datasets(access).filter(Q(version__gt=0) | Q(pk__in=chosen))
        for dataset in offered.order_by("name").prefetch_related("fields"):
            for item in sources.id_fields(dataset):
                label = f"{dataset.name}: {item.name} · {ID_TYPES[item.id_type].label}"
                columns.append((f"{dataset.pk}/{item.column}", label))
        fields["datasets"].choices = columns
        fields["tables"].choices = [(table.name, table.name) for table in sources.pair_tables(access)]
        for key, kind in ID_TYPES.items():
            fields[f"use_{key}"] = forms.ChoiceField(label=kind.label, choices=_USES)
            fields[f"most_{key}"] = forms.IntegerField(
                label=_("Shared above"), min_value=1, max_value=limits.MAX_MOST
            )
            fields[f"one_{key}"] = forms.BooleanField(label=_("One per person"), required=False)

    def type_rows(self) -> list[dict[str, Any]]:
        """The fields of each ID type, for the table of the page."""
        return [
            {
                "label": kind.label,
                "use": self[f"use_{key}"],
                "most": self[f"most_{key}"],
                "one": self[f"one_{key}"],
            }
            for key, kind in ID_TYPES.items()
        ]

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        data = self.cleaned_data
        chosen: dict[str, list[str]] = {}
        for item in data["datasets"]:
            dataset, _slash, column = item.partition("/")
            chosen.setdefault(dataset, []).append(column)
        refresh: dict[str, Any] = {"every": data["every"]}
        if data["every"] != "off":
            refresh["at"] = data["at"]
        return {
            "sources": [
                *({"kind": "dataset", "dataset": key, "columns": columns} for key, columns in chosen.items()),
                *({"kind": "table", "table": name} for name in data["tables"]),
            ],
            "limits": {
                "types": {
                    key: {
                        "use": data[f"use_{key}"],
                        "most": data[f"most_{key}"],
                        "only_one": data[f"one_{key}"],
                    }
                    for key in ID_TYPES
                },
                "max_ids": data["max_ids"],
                "weak_days": data["weak_days"],
            },
            "refresh": refresh,
        }


def initial_of(graph: IdentityGraph) -> dict[str, Any]:
    """A graph's settings as the form takes them."""
    full = graph.full_limits
    found: dict[str, Any] = {
        "datasets": [
            f"{source['dataset']}/{column}"
            for source in graph.sources
            if source["kind"] == "dataset"
            for column in source["columns"]
        ],
        "tables": [source["table"] for source in graph.sources if source["kind"] == "table"],
        "max_ids": full["max_ids"],
        "weak_days": full["weak_days"],
        "every": graph.refresh.get("every", "off"),
        "at": graph.refresh.get("at", "02:00"),
    }
    for key, value in full["types"].items():
        found |= {f"use_{key}": value["use"], f"most_{key}": value["most"], f"one_{key}": value["only_one"]}
    return found


class FindForm(forms.Form):
    """Any ID of somebody."""

    id_type = forms.ChoiceField(label=gettext_lazy("ID type"), choices=id_type_choices, initial="mobile")
    value = forms.CharField(
        label=gettext_lazy("ID"), max_length=256, widget=forms.TextInput({"autocomplete": "off"})
    )
