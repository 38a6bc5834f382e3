"""A form's table of columns, each of which may hold an ID of some type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.identifiers import ENCRYPTIONS, ID_TYPES, encryption_choices, id_type_choices

Identity = dict[str, Any]


class IdColumnsWidget(forms.Widget):
    """Rows of three inputs: the column, its ID type ("" for no ID), and how its values are stored."""

    use_fieldset = True
    columns: Sequence[tuple[str, str]] = ()

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Identity]:
        parts = (_listed(data, f"{name}-{part}") for part in ("column", "type", "encryption"))
        return [
            {"column": column, "id_type": id_type, "encryption": encryption}
            for column, id_type, encryption in zip(*parts, strict=False)
            if id_type
        ]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-column" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        chosen = {item["column"]: item for item in value or []}
        rows = [
            {"column": column, "label": label, "value": chosen.get(column, {"encryption": "plain"})}
            for column, label in self.columns
        ]
        context = {
            "name": name,
            "rows": rows,
            "id_types": id_type_choices(),
            "encryptions": encryption_choices(),
        }
        return render_to_string("insight/datasets/id_columns.html", context)


def with_lost(columns: Iterable[tuple[str, str]], chosen: Sequence[Identity]) -> list[tuple[str, str]]:
    """(column, label) of `columns`, and of those chosen before that are gone: saving says so, until they are let go."""
    offered = list(columns)
    known = {column for column, _label in offered}
    gone = [item["column"] for item in chosen if item["column"] not in known]
    return [*offered, *((column, f"{column} ({_('lost')})") for column in gone)]


def _listed(data: Any, key: str) -> list[str]:
    return data.getlist(key) if hasattr(data, "getlist") else data.get(key, [])


class IdColumnsField(forms.Field):
    """A list of {"column", "id_type", "encryption"}; `columns` are (column, label) of those that can be chosen."""

    widget = IdColumnsWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=gettext_lazy("Other IDs that go along"),
            required=False,
            help_text=gettext_lazy("Audiences can be saved with them, to reach the same people elsewhere."),
            **kwargs,
        )

    @property
    def columns(self) -> Sequence[tuple[str, str]]:
        return self.widget.columns  # type: ignore[attr-defined, no-any-return]

    @columns.setter
    def columns(self, columns: Sequence[tuple[str, str]]) -> None:
        self.widget.columns = columns  # type: ignore[attr-defined]

    def clean(self, value: Any) -> list[Identity]:
        known = dict(self.columns)
        for item in value or []:
            if item["column"] not in known:
                message = _("The column “%(name)s” is not there to choose.") % {"name": item["column"]}
                raise forms.ValidationError(message)
            if item["id_type"] not in ID_TYPES or item["encryption"] not in ENCRYPTIONS:
                raise forms.ValidationError(_("Choose an ID type and an encryption of the list."))
        return list(value or [])
