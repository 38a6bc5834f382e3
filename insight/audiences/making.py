"""Pages that make audiences without the rule builder: from a file, from a table, from other audiences."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import FormPage, WorkspaceView
from cdp.core.access import Access
from cdp.core.errors import NotFound, ValidationFailed
from cdp.core.folders import Branch, choices, flat
from cdp.core.identifiers import encryption_choices, id_type_choices
from insight.audiences import (
    combine_choices,
    combining,
    members,
    outside,
    places,
    refused,
    services,
    visibility,
)
from insight.audiences.campaign_links import KIND
from insight.audiences.csv_options import CsvOptions
from insight.audiences.folders import folders
from insight.audiences.models import Audience
from insight.audiences.pages import OneAudience
from insight.audiences.streaming import csv_response
from insight.audiences.summary import RFM_TYPES
from insight.campaigns import links
from insight.datasets import rights

SELECT = "insight.audience.filter"
MAX_CHOICES = 500


class CommonForm(forms.Form):
    """What every audience has. Subclasses put their own fields before these."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    remark = forms.CharField(
        label=gettext_lazy("Remark"), max_length=500, required=False, widget=forms.Textarea({"rows": 2})
    )
    folder = forms.ChoiceField(label=gettext_lazy("Folder"), required=False)
    public = forms.BooleanField(
        label=gettext_lazy("Public"),
        required=False,
        help_text=gettext_lazy("Everybody in the workspace may see, copy and use it."),
    )

    campaigns = links.CampaignsField()

    def __init__(self, *args: Any, access: Access, branches: list[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        links.offer(self, access)
        self.fields["folder"].choices = choices(branches)  # type: ignore[attr-defined]
        first = [name for name in self.fields if name not in CommonForm.base_fields]
        self.order_fields(["name", *first])

    def common(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            **{key: data[key] for key in ("name", "remark", "public", "campaigns") if key in data},
            "folder": data["folder"] or None,
        }


class IdentityForm(CommonForm):
    id_type = forms.ChoiceField(label=gettext_lazy("ID type"), choices=id_type_choices)
    encryption = forms.ChoiceField(
        label=gettext_lazy("Encryption of the IDs"),
        choices=encryption_choices,
        help_text=gettext_lazy("How the IDs are written in the file or table; nothing is encrypted here."),
    )


class UploadForm(IdentityForm):
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV or TXT with one ID per line; only the first column is read."),
        widget=forms.ClearableFileInput({"accept": ".csv,.txt,.gz"}),
    )
    source = forms.ChoiceField(
        label=gettext_lazy("Data source"),
        help_text=gettext_lazy(
            "Where the IDs are stored. Only audiences of one data source can be combined."
        ),
    )
    field_order = ("file",)

    def __init__(self, *args: Any, sources: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].choices = list(sources.items())  # type: ignore[attr-defined]
        if len(sources) == 1:
            del self.fields["source"]


_OPERATORS = [
    ("union", gettext_lazy("∪ or")),
    ("intersect", gettext_lazy("∩ and")),
    ("subtract", gettext_lazy("− without")),
]


class AudienceChoice(forms.ChoiceField):
    """Any audience that can be found; what cannot be combined is refused when the audience is made."""

    def valid_value(self, value: Any) -> bool:
        return True


_PLACES = [
    (1, gettext_lazy("Those of the first audience")),
    (2, gettext_lazy("Those of the second audience")),
    (3, gettext_lazy("Those of the third audience")),
]


class CombineForm(CommonForm):
    """Two or three audiences; choices are `aud_…` or `aud_…/audv_…` for a snapshot."""

    first = AudienceChoice(label=gettext_lazy("First audience"))
    operator_1 = forms.ChoiceField(label=gettext_lazy("Operation"), choices=_OPERATORS)
    second = AudienceChoice(label=gettext_lazy("Second audience"))
    operator_2 = forms.ChoiceField(
        label=gettext_lazy("Operation on the result"), choices=_OPERATORS, required=False
    )
    third = AudienceChoice(label=gettext_lazy("Third audience (optional)"), required=False)
    ids_from = forms.TypedChoiceField(
        label=gettext_lazy("Whose IDs count"),
        choices=_PLACES,
        coerce=int,
        required=False,
        help_text=gettext_lazy(
            "IDs that all of them have saved are saved again. Where they know a person by different ones, those of "
            "this audience are taken; what it does not know comes from the others."
        ),
    )

    def __init__(self, *args: Any, choices: list[tuple[Any, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("first", "second", "third"):
            self.fields[name].choices = [("", "–"), *choices]  # type: ignore[attr-defined]

    def parts(self) -> dict[str, Any]:
        data = self.cleaned_data
        chosen = [data[name] for name in ("first", "second", "third") if data[name]]
        inputs = []
        for value in chosen:
            audience, _slash, snapshot = value.partition("/")
            inputs.append(
                {"audience": audience, "snapshot": snapshot} if snapshot else {"audience": audience}
            )
        operators = [data["operator_1"], data["operator_2"]][: len(inputs) - 1]
        return {"inputs": inputs, "operators": operators, "ids_from": data["ids_from"] or 1}


class MakingPage(FormPage):
    """A page whose form, with what every audience has, makes one. Subclasses say how, in `save`."""

    permission = SELECT
    submit_label = gettext_lazy("Create audience")
    back_url_name = "audiences:list"
    success_message = gettext_lazy("The audience was made and is being computed.")

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"access": self.access, "branches": folders.tree(self.access)}

    def initial(self, obj: Any) -> dict[str, Any]:
        given = self.request.GET
        return {"folder": given.get("folder", ""), "campaigns": given.getlist("campaign")}

    def success_url(self, obj: Any) -> str:
        return self.reverse("audiences:detail", obj.pk)


class UploadAudience(MakingPage):
    title = gettext_lazy("Upload an audience")
    template_name = "insight/audiences/upload.html"
    form_class = UploadForm

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {**super().form_options(obj), "sources": places.offered(self.access)}

    def initial(self, obj: Any) -> dict[str, Any]:
        return {**super().initial(obj), "id_type": self.request.GET.get("id_type", "")}

    def success_url(self, obj: Any) -> str:
        """Back to the page of the workspace that asked for a list, with the new audience; else to the audience."""
        back = self.request.GET.get("next", "")
        if not back.startswith(f"/w/{self.workspace.slug}/") or not url_has_allowed_host_and_scheme(
            back, None
        ):
            return super().success_url(obj)
        return f"{back}?{urlencode({'audience': obj.pk})}"

    def save(self, form: Any, obj: Any) -> Any:
        own = ("id_type", "encryption", "source")
        data = {key: form.cleaned_data[key] for key in own if key in form.cleaned_data}
        file = form.cleaned_data["file"]
        audience, _job = outside.upload(self.access, file, file.name, {**form.common(), **data})
        return audience


class UploadTemplate(WorkspaceView):
    """An empty file of the form that uploads have."""

    permission = SELECT

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        headers = {"Content-Disposition": 'attachment; filename="audience-template.csv"'}
        return HttpResponse(outside.TEMPLATE, content_type="text/csv; charset=utf-8", headers=headers)


class CombineAudiences(MakingPage):
    title = gettext_lazy("Combine audiences")
    template_name = "insight/audiences/combine.html"
    form_class = CombineForm

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        """Where the page finds more to choose from."""
        without = f"?{urlencode({'without': obj.pk})}" if obj else ""
        return {
            "choices_url": self.reverse("audiences:combine-choices") + without,
            "branches": flat(folders.tree(self.access)),
        }

    def choices(self, obj: Any) -> list[tuple[str, str]]:
        """What is chosen, and the first audiences; all others are searched for."""
        given = self.request.POST if self.request.method == "POST" else self.initial(obj)
        chosen = [given.get(name, "") for name in ("first", "second", "third")]
        offered = combine_choices.found(self.access, combine_choices.Wanted(without=obj.pk if obj else ""))
        rows = [*combine_choices.named(self.access, chosen), *offered["results"]]
        return list(
            {row["value"]: (row["value"], f"{row['name']} ({row['count']:,})") for row in rows}.values()
        )

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {**super().form_options(obj), "choices": self.choices(obj)}

    def initial(self, obj: Any) -> dict[str, Any]:
        chosen = self.request.GET.getlist("row")[: combining.MOST]
        return {**super().initial(obj), **dict(zip(("first", "second", "third"), chosen, strict=False))}

    def save(self, form: Any, obj: Any) -> Any:
        return _at_fields(lambda: combining.create(self.access, {**form.common(), **form.parts()}))


class CombineChoices(WorkspaceView):
    """Audiences for a set operation as JSON, found by what has been typed and chosen."""

    permission = SELECT

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.GET
        wanted = combine_choices.Wanted(
            search=asked.get("search", ""),
            owner=asked.get("owner", ""),
            folder=asked.get("folder", ""),
            beside=asked.getlist("beside"),
            without=asked.get("without", ""),
        )
        return JsonResponse(combine_choices.found(self.access, wanted))


class EditCombination(OneAudience, CombineAudiences):  # type: ignore[misc]
    needs = "edit"
    permission = SELECT
    title = gettext_lazy("Edit set operation")
    submit_label = gettext_lazy("Save")
    success_message = gettext_lazy("The audience was saved.")

    def get_object(self) -> Any:
        found = super().get_object()
        if found.origin != combining.COMBINED:
            raise NotFound(_("This audience is not made from others."))
        return found

    def initial(self, obj: Any) -> dict[str, Any]:
        parts = combining.parts(obj.rule)
        values = [
            "/".join(filter(None, (item.get("audience"), item.get("snapshot")))) for item in parts["inputs"]
        ]
        found: dict[str, Any] = dict(zip(("first", "second", "third"), values, strict=False))
        found.update(zip(("operator_1", "operator_2"), parts["operators"], strict=False))
        return {
            **found,
            "ids_from": obj.ids_from,
            "name": obj.name,
            "remark": obj.remark,
            "public": obj.public,
            "folder": obj.folder_id or "",
            "campaigns": links.ids_of(KIND, obj.pk),
        }

    def save(self, form: Any, obj: Any) -> Any:
        changed = {**form.common(), **form.parts()}
        etag = obj.etag_at(self.seen_version())
        return _at_fields(lambda: combining.update(self.access, obj, changed, etag=etag))


def _at_fields(action: Any) -> Any:
    """Errors at `inputs/1` and the like, shown at the field of the form."""
    try:
        return action()
    except ValidationFailed as error:
        places = {"inputs/0": "first", "inputs/1": "second", "inputs/2": "third", "operators": "operator_1"}
        moved: dict[str, list[Any]] = {}
        for path, found in error.errors.items():
            place = next((name for start, name in places.items() if path.startswith(start)), path)
            moved.setdefault("first" if place == "inputs" else place, []).extend(found)
        error.errors = moved
        raise


class AudienceFromRfm(MakingPage):
    """An audience of the group `?type=` of an RFM model, which follows the model."""

    title = gettext_lazy("Audience of a group")
    template_name = "insight/audiences/from_group.html"
    form_class = CommonForm

    def get_object(self) -> Any:
        return rights.get_visible(self.access, self.kwargs["dataset"])

    @property
    def group(self) -> str:
        wanted = self.request.GET.get("type", "")
        if wanted not in RFM_TYPES:
            raise NotFound(_("There is no such group."))
        return wanted

    def initial(self, obj: Any) -> dict[str, Any]:
        label = RFM_TYPES[self.group]
        return {**super().initial(obj), "name": services.free_name(self.access, f"{obj.name} · {label}"[:56])}

    def save(self, form: Any, obj: Any) -> Any:
        rule = {"kind": "rfm", "dataset": obj.pk, "types": [self.group]}
        return services.create(self.access, {**form.common(), "rule": rule})

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        words = _("RFM model %(model)s: “%(group)s”") % {"model": obj.name, "group": RFM_TYPES[self.group]}
        groups = obj.stats.get("rfm", {}).get("groups", [])
        count = next((row["users"] for row in groups if row["type"] == self.group), 0)
        back = self.reverse("datasets:detail", obj.pk)
        return {"words": words, "count": count, "back_url": back, "back_label": obj.name}


class EditDetails(OneAudience, MakingPage):
    """Name, remark, folder, sharing and campaigns of an audience that no rule describes."""

    needs = "move"
    permission = "insight.audience.list"
    title = gettext_lazy("Edit the audience")
    form_class = CommonForm
    submit_label = gettext_lazy("Save")
    success_message = gettext_lazy("The audience was saved.")

    def get_object(self) -> Any:
        found = super().get_object()
        visibility.check_change(self.access, found)
        return found

    def initial(self, obj: Any) -> dict[str, Any]:
        found = {name: getattr(obj, name) for name in ("name", "remark", "public")}
        return {**found, "folder": obj.folder_id or "", "campaigns": links.ids_of(KIND, obj.pk)}

    def save(self, form: Any, obj: Any) -> Any:
        return services.update(self.access, obj, form.common(), etag=obj.etag_at(self.seen_version()))

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.success_url(obj), "back_label": obj.name}


class ReplaceForm(forms.Form):
    file = UploadForm.base_fields["file"]


class ReplaceFile(OneAudience, FormPage):
    """Another file for an uploaded audience."""

    needs = "replace"
    permission = SELECT
    title = gettext_lazy("Replace the file")
    form_class = ReplaceForm
    submit_label = gettext_lazy("Upload")
    success_message = gettext_lazy("The file is being read. Until it is, the members stay as they are.")

    def save(self, form: Any, obj: Any) -> Any:
        file = form.cleaned_data["file"]
        outside.replace_file(self.access, obj, file, file.name)
        return obj

    def success_url(self, obj: Any) -> str:
        return self.reverse("audiences:detail", obj.pk)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.reverse("audiences:detail", obj.pk)}


class RefusedLines(OneAudience):
    """The lines of the last file that held no valid ID, as CSV."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        audience: Audience = self.get_object()
        options = CsvOptions.of(request.GET)
        pieces = refused.refused_lines(self.access, audience, options)
        return csv_response(request, pieces, members.named(f"{audience.name}-{_('refused')}", options))
