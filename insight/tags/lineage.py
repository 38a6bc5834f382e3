"""What uses a tag: audiences and their campaigns, custom tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from cdp.core.access import Access
from cdp.core.registry import Registry
from insight.audiences import usage, visibility
from insight.audiences.campaign_links import KIND as AUDIENCE
from insight.audiences.models import Audience, Dependency
from insight.campaigns import links
from insight.campaigns import rights as campaign_rights
from insight.campaigns.models import Campaign
from insight.datasets.models import Dataset, DatasetField
from insight.tags import rights
from insight.tags.models import CustomTag

Finder = Callable[[Access, DatasetField], Iterable[usage.Use]]
users_of: Registry[Finder] = Registry("tag user")
"""What higher layers do with a tag, as far as the person sees it. They register a finder in AppConfig.ready."""


@dataclass(frozen=True)
class Lineage:
    """Uses that the person sees; `hidden` counts audiences of other people, `others` are what higher layers have."""

    audiences: list[Audience] = field(default_factory=list)
    custom_tags: list[CustomTag] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)
    hidden: int = 0
    others: list[usage.Use] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.audiences or self.custom_tags or self.hidden or self.others)

    def as_json(self) -> dict[str, Any]:
        return {
            "audiences": [{"id": row.pk, "name": row.name} for row in self.audiences],
            "custom_tags": [{"id": row.pk, "name": row.field.name} for row in self.custom_tags],
            "campaigns": [{"id": row.pk, "name": row.name} for row in self.campaigns],
            "hidden": self.hidden,
            "others": [{"kind": str(use.kind), "name": use.name, "url": use.url} for use in self.others],
        }


def of(access: Access, item: DatasetField) -> Lineage:
    """What asks about a tag."""
    asking = Dependency.objects.filter(
        kind=Dependency.Kind.DATASET, target=item.dataset_id, columns__contains=[item.column]
    )
    every = Audience.objects.in_workspace(access.workspace).filter(dependencies__in=asking).distinct()
    seen = list(visibility.visible(access).filter(pk__in=every.values("pk")).order_by("name"))
    linked = {
        campaign.pk for found in links.of(AUDIENCE, [row.pk for row in seen]).values() for campaign in found
    }
    campaigns = campaign_rights.visible(access).filter(pk__in=linked).order_by("starts", "name")
    tags = list(_reading(rights.custom_tags(access), item.dataset_id, item.column))
    others = [use for finder in users_of for use in finder(access, item)]
    return Lineage(seen, tags, list(campaigns), every.count() - len(seen), others)


def custom_tags_reading(dataset: Dataset) -> list[CustomTag]:
    """All custom tags with a rule about the dataset."""
    rows = CustomTag.objects.in_workspace(dataset.workspace_id).select_related("field")
    return [tag for tag in rows if any(target == dataset.pk for _kind, target, _columns in tag.reads)]


def uses_of_audience(audience: Audience) -> Iterable[usage.Use]:
    """The custom tags with a rule about an audience's members."""
    rows = CustomTag.objects.in_workspace(audience.workspace_id).select_related("field__dataset")
    slug = audience.workspace.slug
    for tag in rows:
        if any(
            kind == Dependency.Kind.AUDIENCE and target == audience.pk for kind, target, _columns in tag.reads
        ):
            url = reverse("tags:detail", args=[slug, tag.field.dataset_id, tag.field.column])
            yield usage.Use(CustomTag._meta.verbose_name, tag.field.name, url)


def _reading(rows: Iterable[CustomTag], dataset: str, column: str) -> Iterable[CustomTag]:
    return (
        tag
        for tag in rows
        if any(target == dataset and column in columns for _kind, target, columns in tag.reads)
    )
