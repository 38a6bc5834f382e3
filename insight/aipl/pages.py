"""Console pages of AIPL models: making one, its users by stage, how they moved between stages."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import ActionView, FormPage, WorkspaceView
from cdp.core.access import Access
from cdp.core.errors import DomainError, PermissionDenied, ValidationFailed
from insight.aipl import definition, services
from insight.aipl.api import day_of
from insight.audiences import rules, wording
from insight.audiences.fields import datasets_of
from insight.datasets import aipl_days, rights
from insight.datasets import services as datasets
from insight.datasets.aipl_days import STAGES
from insight.datasets.chart_links import computing
from insight.datasets.folders import folders
from insight.datasets.id_columns import IdColumnsField, with_lost
from insight.datasets.models import Dataset, DatasetField

LABELS = {
    "A": gettext_lazy("Aware"),
    "I": gettext_lazy("Interested"),
    "P": gettext_lazy("Purchased"),
    "L": gettext_lazy("Loyal"),
}
HINTS = {
    "A": gettext_lazy("has met the brand"),
    "I": gettext_lazy("has shown interest"),
    "P": gettext_lazy("has bought"),
    "L": gettext_lazy("buys again and again"),
}
NAVIGATION = "insight.analysis"
DAYS_BACK = 30


def panel(access: Access, dataset: Dataset) -> dict[str, Any] | None:
    """The top of a model's page."""
    found = dataset.stats.get("aipl")
    source = rights.visible(access).filter(pk=dataset.definition["dataset"]).first()
    total = sum(found["stages"].values()) if found else 0
    return {
        "template": "insight/aipl/panel.html",
        "day": found and found["day"],
        "stages": [
            {
                "key": stage,
                "label": LABELS[stage],
                "users": found["stages"][stage] if found else None,
                "share": found["stages"][stage] / total if total else None,
                "words": _words(dataset, stage),
                "channels": dataset.definition["stages"][stage]["channels"],
            }
            for stage in STAGES
        ],
        "source": source,
        "channel_source": CHANNEL_SOURCES.get(
            dataset.definition["channel_source"], dataset.definition["channel_source"]
        ),
        "may_analyse": access.can(NAVIGATION),
        "may_recompute": bool(source)
        and source.kind == Dataset.Kind.BEHAVIOUR
        and rights.may_manage(access, dataset),
        "most_days": services.MOST_DAYS,
    }


CHANNEL_SOURCES = {
    "all": gettext_lazy("All channels"),
    "online": gettext_lazy("Online"),
    "offline": gettext_lazy("Offline"),
}


def _words(dataset: Dataset, stage: str) -> str:
    try:
        rule = rules.parse_rule(dataset.definition["stages"][stage]["rule"])
    except rules.RuleInvalid as error:
        return str(error)
    return str(wording.summary(dataset.workspace, rule)["text"])


class ModelForm(forms.Form):
    """A model over one dataset. The conditions of the stages come as JSON, written by the page's script."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    description = forms.CharField(label=gettext_lazy("Description"), max_length=500, required=False)
    folder = forms.ChoiceField(label=gettext_lazy("Folder"), required=False)
    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"),
        required=False,
        help_text=gettext_lazy(
            "The tag that says through which channel a row came. Stages can then be limited to some."
        ),
    )
    sum_channels = forms.BooleanField(
        label=gettext_lazy("Add numbers up over channels"),
        required=False,
        help_text=gettext_lazy(
            "Conditions on numbers then look at a person's sums over the rows that a stage looks at."
        ),
    )
    channel_source = forms.CharField(
        label=gettext_lazy("Channel source"),
        max_length=definition.LABEL_LENGTH,
        required=False,
        help_text=gettext_lazy("What the model covers; goes along with each user when the model is pushed."),
        widget=forms.TextInput({"list": "channel-sources", "autocomplete": "off"}),
    )
    ids = IdColumnsField()
    stages = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, access: Access, source: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["folder"].choices = [
            ("", _("No folder")),
            *((branch.folder.pk, f"{branch.indent}{branch.folder.name}") for branch in _branches(access)),
        ]
        items = [item for item in source.fields.all() if not item.deleted]
        offered = [(item.column, item.name) for item in definition.id_columns(items)]
        fields["ids"].columns = with_lost(offered, self.initial["ids"])
        if not fields["ids"].columns:
            del fields["ids"]
        if source.kind == Dataset.Kind.BEHAVIOUR:
            del fields["channel"], fields["sum_channels"]
        else:
            tags = [
                item for item in items if item.role == "tag" and item.tag_type in definition.CHANNEL_TYPES
            ]
            fields["channel"].choices = [("", _("None")), *((item.column, item.name) for item in tags)]

    def clean_stages(self) -> Any:
        try:
            return json.loads(self.cleaned_data["stages"])
        except ValueError:
            raise forms.ValidationError(_("The conditions could not be read.")) from None

    def values(self, source: Dataset) -> dict[str, Any]:
        """The form as the service takes it."""
        given = dict(self.cleaned_data)
        names = {item["column"]: item.get("name") for item in self.initial["ids"]}
        return {
            **{name: given[name] for name in ("name", "description", "stages")},
            "folder": given["folder"] or None,
            "channel": given.get("channel") or None,
            "sum_channels": given.get("sum_channels", False),
            "channel_source": given["channel_source"] or "all",
            "ids": [{**item, "name": names.get(item["column"])} for item in given.get("ids", [])],
            "dataset": source.pk,
            "kind": definition.KIND,
        }


def _branches(access: Access) -> Any:
    from cdp.core.folders import flat

    return flat(folders.tree(access))


class ModelPage(FormPage):
    form_class = ModelForm
    template_name = "insight/aipl/form.html"
    problems: dict[str, list[str]] | None = None

    def source(self, obj: Dataset | None) -> Dataset:
        """The dataset that the model reads."""
        key = obj.definition["dataset"] if obj else self.request.GET.get("dataset", "")
        found = rights.get_visible(self.access, key)
        if found.kind not in definition.SOURCE_KINDS or not found.version:
            raise ValidationFailed(_("Choose a dataset of user tags or of behaviour that has been computed."))
        return found

    def form_options(self, obj: Dataset | None) -> dict[str, Any]:
        return {"access": self.access, "source": self.source(obj)}

    def store(self, action: Any) -> Dataset:
        """Run the service; what is wrong with a stage goes to its card."""
        try:
            return action()  # type: ignore[no-any-return]
        except PermissionDenied:
            raise
        except DomainError as error:
            stages = {path: found for path, found in error.errors.items() if path.startswith("stages")}
            self.problems = {}
            for path, found in stages.items():
                stage = path.split("/")[1] if "/" in path else ""
                self.problems.setdefault(stage, []).extend(dict.fromkeys(map(str, found)))
            if stages:
                error.errors = {
                    **{path: found for path, found in error.errors.items() if path not in stages},
                    "name_": [_("Some stages need another condition.")],
                }
            if ids := [
                text for path, found in error.errors.items() if path.startswith("ids/") for text in found
            ]:
                error.errors = {
                    **{path: found for path, found in error.errors.items() if not path.startswith("ids/")},
                    "ids": ids,
                }
            raise

    def extra(self, form: Any, obj: Dataset | None) -> dict[str, Any]:
        source, slug = self.source(obj), self.workspace.slug
        typed = form.data.get("stages") if form.is_bound else None
        has_channel = source.fields.filter(role=DatasetField.Role.CHANNEL, deleted=False).exists()
        return {
            "source": source,
            "stages": [{"key": stage, "label": LABELS[stage], "hint": HINTS[stage]} for stage in STAGES],
            "channel_sources": CHANNEL_SOURCES,
            "back_url": self.reverse("datasets:detail", pk=obj.pk) if obj else self.reverse("datasets:list"),
            "data": {
                "dataset": source.pk,
                "datasets": datasets_of(self.access),
                "kind": "behaviour" if source.kind == Dataset.Kind.BEHAVIOUR else "tag",
                "has_channel": has_channel,
                "stages": _loaded(typed) or (obj.definition["stages"] if obj else {}),
                "problems": self.problems or {},
                "urls": {
                    "fields": self.reverse("audiences:builder-fields", "DATASET"),
                    "values": self.reverse("audiences:builder-values", "DATASET", "COLUMN"),
                },
                "workspace": slug,
            },
        }

    def success_url(self, obj: Dataset) -> str:
        return self.reverse("datasets:detail", pk=obj.pk)


def _loaded(text: str | None) -> Any:
    try:
        found = json.loads(text or "null")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


class NewModel(ModelPage):
    """Choose a dataset, then say what makes each stage."""

    permission = "insight.dataset.create"
    title = gettext_lazy("New AIPL model")
    submit_label = gettext_lazy("Create and compute")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.GET.get("dataset"):
            return self.choose()
        return super().get(request, *args, **kwargs)

    def choose(self) -> HttpResponse:
        rows = rights.visible(self.access).filter(kind__in=definition.SOURCE_KINDS, version__gt=0)
        table = self.request.GET.get("table", "")
        of_table = rows.filter(table__name=table).order_by("-updated_at").first() if table else None
        context = self.get_context(
            datasets=rows.order_by("name"),
            table=table,
            chosen=of_table.pk if of_table else "",
            back_url=self.reverse("datasets:list"),
            stages=LABELS,
        )
        return self.render("insight/aipl/choose.html", context)

    def initial(self, obj: Any) -> dict[str, Any]:
        source = self.source(obj)
        ids = source.fields.filter(role="id", deleted=False)
        chosen = list(ids.values("column", "id_type", "encryption", "name"))
        return {"name": f"AIPL {source.name}"[:64], "channel_source": "all", "ids": chosen}

    def save(self, form: ModelForm, obj: Any) -> Dataset:
        source = self.source(obj)
        made = self.store(lambda: datasets.create(self.access, form.values(source)))
        datasets.refresh(self.access, made)
        return made


class EditModel(ModelPage):
    permission = "insight.dataset.view"
    title = gettext_lazy("Edit AIPL model")
    submit_label = gettext_lazy("Save and compute")

    def get_object(self) -> Dataset:
        found = services.get(self.access, self.kwargs["pk"])
        rights.check_manage(found, self.access)
        return found

    def initial(self, obj: Dataset) -> dict[str, Any]:
        values = {name: definition.write(obj)[name] for name in ("channel", "channel_source", "ids")}
        values["sum_channels"] = obj.definition.get("sum_channels", False)
        return {**values, "name": obj.name, "description": obj.description, "folder": obj.folder_id or ""}

    def save(self, form: ModelForm, obj: Dataset) -> Dataset:
        values = form.values(self.source(obj))
        saved = self.store(
            lambda: datasets.update(self.access, obj, values, edit_version=self.seen_version())
        )
        datasets.refresh(self.access, saved)
        return saved


class EarlierDays(ActionView):
    """Compute days gone by."""

    permission = "insight.dataset.view"
    success_message = gettext_lazy("The earlier days are being computed.")

    def get_object(self) -> Dataset:
        return services.get(self.access, self.kwargs["pk"])

    def act(self, obj: Dataset) -> Any:
        given = self.request.POST.get("days", "")
        return services.recompute(self.access, obj, int(given) if given.isdecimal() else given)

    def success_url(self, obj: Dataset, result: Any) -> str:
        return self.reverse("datasets:detail", pk=obj.pk)


class ModelView(WorkspaceView):
    """A page about one of the models, chosen by ?model=; with a hint where there is none yet."""

    permission = NAVIGATION

    def chosen(self) -> tuple[Dataset | None, list[Dataset]]:
        offered = services.models(self.access)
        wanted = self.request.GET.get("model", "")
        return next((row for row in offered if row.pk == wanted), offered[0] if offered else None), offered

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        model, offered = self.chosen()
        days = aipl_days.computed_days(model.workspace, model.pk) if model else []
        context = self.get_context(
            model=model,
            models=offered,
            days=[str(day) for day in reversed(days)],
            may_create=self.access.can("insight.dataset.create"),
            may_select=self.access.can("insight.audience.filter"),
        )
        if model is None or not days:
            context |= computing(self.access, model) if model else {}
            return self.render("insight/aipl/none.html", context)
        return self.render(self.template_name, {**context, **self.figures(model, days)})

    def figures(self, model: Dataset, days: list[date]) -> dict[str, Any]:
        raise NotImplementedError

    def picked(self, name: str, days: list[date], default: date) -> date:
        """A computed day of the address, `default` for anything else."""
        try:
            day = day_of(self.request.GET.get(name), name)
        except ValidationFailed:
            return default
        return day if day in days else default

    def audience_url(self, leaf: dict[str, Any]) -> str:
        """The rule builder with this condition, ready to be saved."""
        return f"{self.reverse('audiences:new')}?{urlencode({'rule': json.dumps(leaf)})}"


class Users(ModelView):
    """How many users are at each stage on a day, and how that has gone in the days before."""

    title = gettext_lazy("AIPL users")
    template_name = "insight/aipl/users.html"

    def figures(self, model: Dataset, days: list[date]) -> dict[str, Any]:
        day = self.picked("date", days, days[-1])
        found = services.overview(model, day)
        total = found["users"]
        leaf = {"kind": "aipl", "dataset": model.pk}
        return {
            "day": str(day),
            "latest": found["latest"],
            "today": found["today"],
            "users": total,
            "stages": [
                {
                    "key": stage,
                    "label": LABELS[stage],
                    "users": found["stages"][stage],
                    "percent": found["percents"][stage] if total else None,
                    "url": self.audience_url({**leaf, "stages": [stage]}),
                }
                for stage in STAGES
            ],
            "trend": {
                "labels": {stage: str(LABELS[stage]) for stage in STAGES},
                "days": services.trend(model, day),
            },
        }
