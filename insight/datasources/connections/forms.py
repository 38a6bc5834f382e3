"""Forms of databases outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cdp.core import schedules
from insight.datasources.connections.copying import CURSOR_TYPES
from insight.datasources.connections.dialects import DIALECTS
from insight.datasources.models import Connection, Feed


class ConnectionForm(forms.Form):
    """The settings of a source of one kind; empty checks are the service's."""

    name = forms.CharField(
        label=_("Name"), max_length=64, help_text=_("As people here shall call it, such as “Shop orders”.")
    )
    region = forms.CharField(
        label=_("Region"),
        max_length=64,
        required=False,
        help_text=_("Where the database runs, such as a data centre: a note for people."),
    )
    host = forms.CharField(label=_("Address"), max_length=253, help_text=_("Host name or IP address."))
    port = forms.IntegerField(label=_("Port"), required=False)
    database = forms.CharField(label=_("Database"), max_length=128)
    schema = forms.CharField(label=_("Schema"), max_length=63, required=False)
    account = forms.CharField(
        label=_("Account"),
        max_length=128,
        help_text=_(
            "Unless datasets are to live here, Tideline only reads: "
            "an account that may do no more is the best choice."
        ),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}, render_value=True),
        help_text=_("Stored encrypted, and shown to nobody."),
    )
    tls = forms.ChoiceField(
        label=_("Encryption"), choices=Connection.Tls.choices, initial=Connection.Tls.PREFER
    )
    push_down = forms.BooleanField(
        label=_("Datasets may live here"),
        required=False,
        help_text=_(
            "Datasets and audiences are then computed and kept in this database, in a schema of their own. The account "
            "must be allowed to create schemas and tables; the test says whether it is."
        ),
    )

    def __init__(self, *args: Any, kind: str, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["port"].widget.attrs["placeholder"] = DIALECTS[kind].port
        if kind == Connection.Kind.POSTGRESQL:
            self.fields["schema"].widget.attrs["placeholder"] = "public"
        else:
            del self.fields["schema"], self.fields["push_down"]
        if not is_new:
            self.fields["password"].help_text = _(
                "Leave the dots to keep the present one. With another address, port, account or encryption it has "
                "to be typed again."
            )

    def values(self) -> dict[str, Any]:
        """What was typed, in the form that the service takes."""
        return {name: value for name, value in self.cleaned_data.items() if value is not None}


class FeedForm(forms.Form):
    """How a table of a source is copied: which columns, all or what is new, when.

    Only when, for a table that is there already and whose columns in the source are not known now.
    """

    name = forms.CharField(
        label=_("Name in Tideline"), max_length=64, help_text=_("Datasets and people find the table by it.")
    )
    mode = forms.ChoiceField(
        label=_("Each copy reads"),
        choices=[
            (Feed.Mode.FULL, _("the whole table: also notices what was changed or deleted")),
            (Feed.Mode.INCREMENTAL, _("only what is new: for large tables that grow")),
        ],
        initial=Feed.Mode.FULL,
        widget=forms.RadioSelect,
    )
    cursor = forms.ChoiceField(
        label=_("What is new is told by"),
        required=False,
        help_text=_("A column that grows with every new row: a running number, or when the row was changed."),
    )
    key = forms.ChoiceField(
        label=_("Rows are told apart by"),
        required=False,
        help_text=_("A row that comes again replaces the older one. Without it, rows are only added."),
    )
    every = forms.ChoiceField(
        label=_("Copy again"),
        choices=[("off", _("by hand only")), ("hour", _("every few hours")), ("day", _("every day"))],
    )
    hours = forms.IntegerField(
        label=_("Hours between"),
        required=False,
        min_value=1,
        max_value=23,
        help_text=_("Counted from midnight."),
    )
    at = forms.TimeField(
        label=_("At"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text=_("Time of day in the workspace's time zone."),
    )
    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Leave out what nobody needs here. With all of them ticked, new ones come by themselves."
        ),
    )

    def __init__(self, *args: Any, remote: Sequence[Mapping[str, Any]], is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [column["name"] for column in remote]
        fields: Any = self.fields
        fields["columns"].choices = [
            (column["name"], f"{column['name']} · {column['declared']}") for column in remote
        ]
        growing = [column["name"] for column in remote if column["type"] in CURSOR_TYPES]
        fields["cursor"].choices = [("", _("Choose a column")), *zip(growing, growing, strict=True)]
        fields["key"].choices = [("", _("Nothing: rows are only added")), *zip(names, names, strict=True)]
        self.all_columns = names
        for name in [] if is_new else ["name"] if remote else ["name", "mode", "cursor", "key", "columns"]:
            del self.fields[name]

    def clean_columns(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["columns"]
        if not chosen:
            raise forms.ValidationError(_("Tick at least one column."))
        return [] if len(chosen) == len(self.all_columns) else chosen

    def values(self) -> dict[str, Any]:
        """What was chosen, in the form that the service takes."""
        data = self.cleaned_data
        refresh = {"every": data["every"]}
        if data["every"] == "hour" and data.get("hours"):
            refresh["hours"] = data["hours"]
        if data["every"] == "day" and data.get("at"):
            refresh["at"] = data["at"].strftime("%H:%M")
        if "mode" not in data:
            return {"refresh": schedules.check(refresh)}
        found = {name: data[name] for name in ("mode", "columns")}
        if data["mode"] == Feed.Mode.INCREMENTAL:
            found.update(cursor=data["cursor"], key=data["key"])
        else:
            found.update(cursor="", key="")
        return {
            **found,
            "refresh": schedules.check(refresh),
            **({"name": data["name"]} if "name" in data else {}),
        }
