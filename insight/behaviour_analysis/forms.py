"""What the pages of funnels, retention and paths have in common: choices, and the analysis that an address asks for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpResponse

from cdp.console.generic import WorkspaceView
from cdp.core.errors import DomainError, NotFound
from insight.audiences import queries as audiences
from insight.audiences import translated
from insight.audiences.fields import fields_of
from insight.audiences.identities import Identity, identity_of_fields
from insight.audiences.models import Audience
from insight.audiences.values import values_of
from insight.behaviour_analysis.asking import OF_AUDIENCES, Ground, ground_of, usual_period
from insight.datasets import rights
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField

MOST_CHOICES = 200


class BehaviourView(WorkspaceView):
    """A view of an analysis that its address describes. What the address leaves out has a usual value.

    `pairs` gives the whole question as it would stand in an address, so that links lead to exactly what is shown.
    """

    permission = "insight.analysis"
    page = ""
    days = 90

    def datasets(self) -> list[Dataset]:
        rows = rights.visible(self.access).filter(kind=Dataset.Kind.BEHAVIOUR, version__gt=0)
        return list(rows.order_by("-is_default", "name"))

    def dataset(self, offered: list[Dataset]) -> Dataset | None:
        wanted = self.request.GET.get("dataset", "")
        return next((row for row in offered if row.pk == wanted), offered[0] if offered else None)

    def types(self, dataset: Dataset) -> list[dict[str, Any]]:
        """The types of behaviour, most frequent first."""
        found = values_of(self.access, dataset.pk, "type")["results"][:MOST_CHOICES]
        return [{**row, "label": row.get("label") or row["value"]} for row in found]

    def common(self, dataset: Dataset) -> dict[str, str]:
        """Dataset, period and audience of the address."""
        asked = self.request.GET
        first, last = usual_period(self.workspace, self.days)
        return {
            "dataset": dataset.pk,
            "from": asked.get("from") or str(first),
            "to": asked.get("to") or str(last),
            "audience": asked.get("audience", ""),
            "translate": "1" if asked.get("translate") == "1" else "",
        }

    def pairs(self, dataset: Dataset) -> list[tuple[str, str]]:
        """The question of the address, complete."""
        raise NotImplementedError

    def given(self, pairs: dict[str, str]) -> dict[str, Any]:
        """The question as the API takes it."""
        return pairs

    def asked(self, ground: Ground, given: dict[str, Any]) -> Any:
        raise NotImplementedError

    def question(self) -> Any:
        """What the address asks, for views that show nothing without a dataset. Raises DomainError."""
        dataset = self.dataset(self.datasets())
        if dataset is None:
            raise NotFound()
        given = self.given(dict(self.pairs(dataset)))
        return self.asked(ground_of(self.access, given), given)

    def present(self, figures: Any) -> HttpResponse:
        """The page with `figures(asked, link)`; with what is wrong where the question cannot be answered."""
        offered = self.datasets()
        dataset = self.dataset(offered)
        context = self.get_context(datasets=offered, dataset=dataset, page=self.page)
        if dataset is None:
            return self.render("insight/behaviour/none.html", context)
        pairs = self.pairs(dataset)
        values = dict(pairs)
        context |= {
            **self.choices(dataset),
            "values": values,
            "from": values["from"],
            "to": values["to"],
            "may_select": self.access.can("insight.audience.filter"),
        }
        given = self.given(values)
        try:
            asked = self.asked(ground_of(self.access, given), given)
            context |= figures(asked, Links(self, pairs))
            context["translated"] = _translations(asked)
        except NotFound:
            raise
        except DomainError as error:
            found = [str(text) for texts in error.errors.values() for text in texts]
            context["problem"] = " ".join(dict.fromkeys(found)) or str(error)
            for wanted in error.extra.get("translations", {}).values():
                query = urlencode({**values, "translate": "1"})
                context["translate"] = {"label": wanted["label"], "url": f"?{query}"}
            return self.render(self.template_name, context, status=422)
        return self.render(self.template_name, context)

    def choices(self, dataset: Dataset) -> dict[str, Any]:
        known_by = identity_of_fields(dataset.fields.all())
        usable = audiences.usable_audiences(self.access, action="analyse").filter(source=dataset.source)
        usable = usable.filter(current__user_id_encryption=known_by.encryption)
        if not self.access.can(OF_AUDIENCES):
            usable = usable.none()
        same = Q(user_id_type=known_by.id_type)
        return {
            "types": self.types(dataset),
            "audiences": _listed(usable.filter(same)),
            "foreign": _listed(usable.exclude(same))
            if translated.offered(self.workspace, dataset.source)
            else [],
        }


def _listed(rows: QuerySet[Audience]) -> list[dict[str, Any]]:
    return list(rows.order_by("name").values("id", "name", "count")[:MOST_CHOICES])


def _translations(asked: Any) -> list[dict[str, Any]]:
    """The audiences of a question that were translated to the dataset's ID."""
    split = getattr(asked, "split", None)
    used = [asked.ground.members, split.members if split else None]
    return [found for members in used if members and (found := members.translation())]


class Links:
    """Addresses of the parts of what is shown."""

    def __init__(self, view: BehaviourView, pairs: list[tuple[str, str]]) -> None:
        self.view, self.pairs = view, pairs

    def csv(self) -> str:
        return f"{self.view.reverse(f'behaviour:{self.view.page}-csv')}?{urlencode(self.pairs)}"

    def audience(self, **part: Any) -> str:
        """The page that makes an audience of a part; "" for those who may make none."""
        if not self.view.access.can("insight.audience.filter"):
            return ""
        query = urlencode([*self.pairs, *part.items()])
        return f"{self.view.reverse(f'behaviour:{self.view.page}-audience')}?{query}"


def behaviour_of(view: BehaviourView, dataset: Dataset) -> dict[str, Any]:
    """What can be asked of a dataset's records: objects, and channels where it has some."""
    found: dict[str, Any] = fields_of(view.access, dataset.pk)["behaviour"]
    channels = values_of(view.access, dataset.pk, "channel")["results"] if found["has_channel"] else []
    objects = [item for item in found["objects"] if "lost" not in item]
    return {"objects": objects, "channels": channels[:MOST_CHOICES]}


def split_given(text: str) -> dict[str, str] | None:
    """What `split` of an address asks for: `<dataset>:<tag>`, or `audience:<audience>`."""
    owner, _colon, key = text.partition(":")
    if not key:
        return None
    return {"audience": key} if owner == "audience" else {"dataset": owner, "tag": key}


def split_tags(view: WorkspaceView, dataset: Dataset) -> list[dict[str, Any]]:
    """The tags that people of the dataset can be split by."""
    return enum_tags(view, identity_of_fields(dataset.fields.all()))


def enum_tags(view: WorkspaceView, known_by: Identity) -> list[dict[str, Any]]:
    """Tags with a choice of values, of datasets that know their users by the same ID: dataset, column, names."""
    datasets = rights.visible(view.access).filter(
        kind__in=TAG_KINDS,
        version__gt=0,
        fields__role=DatasetField.Role.IDENTIFIER,
        fields__id_type=known_by.id_type,
        fields__encryption=known_by.encryption,
    )
    rows = (
        DatasetField.objects.filter(
            dataset__in=datasets.values("pk"), role="tag", tag_type="enum", deleted=False
        )
        .select_related("dataset")
        .order_by("-dataset__is_default", "dataset__name", "name")
    )
    return [
        {"key": f"{row.dataset_id}:{row.column}", "name": row.name or row.column, "dataset": row.dataset.name}
        for row in rows[:MOST_CHOICES]
    ]
