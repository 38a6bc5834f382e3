"""What belongs to campaigns: audiences and tasks. Their modules register here how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.registry import Registry
from insight.campaigns import rights
from insight.campaigns.models import Campaign, CampaignLink

RESULTS = ("sent", "delivered", "opened", "clicked", "converted")
"""Figures of tasks, in people, that are summed per campaign."""


@dataclass(frozen=True)
class Linked:
    """An audience or a task for the page of a campaign. `results` holds some of RESULTS.

    `group` says what sort of its kind it is, such as a channel, which `group_url` lists. `revenue` is what the people
    it reached have spent, `cost` what it cost in `currency`; None where that is not known.
    """

    id: str
    name: str
    url: str
    state: Any = ""
    state_key: str = ""
    edit_url: str = ""
    people: int | None = None
    updated_at: datetime | None = None
    results: dict[str, int] = field(default_factory=dict)
    group: Any = ""
    group_url: str = ""
    revenue: Decimal | None = None
    cost: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True)
class LinkedKind:
    """A kind of objects that belong to campaigns; `find` gives those of some IDs that the person may see.

    `groups` is the heading of their groups. `has_money`: they can have revenue and cost.
    """

    key: str
    label: Any
    icon: str
    find: Callable[[Access, Sequence[str]], Iterable[Linked]]
    groups: Any = ""
    has_money: bool = False


KINDS: Registry[LinkedKind] = Registry("kind of objects of campaigns")


def register(kind: LinkedKind) -> LinkedKind:
    """Called in AppConfig.ready by modules whose objects belong to campaigns."""
    return KINDS.add(kind.key, kind)


def of(kind: str, object_ids: Iterable[str]) -> dict[str, list[Campaign]]:
    """The campaigns of each object."""
    rows = CampaignLink.objects.filter(kind=kind, object_id__in=list(object_ids))
    found: dict[str, list[Campaign]] = {}
    for row in rows.select_related("campaign"):
        found.setdefault(row.object_id, []).append(row.campaign)
    return found


def ids_of(kind: str, object_id: str) -> list[str]:
    return list(
        CampaignLink.objects.filter(kind=kind, object_id=object_id).values_list("campaign_id", flat=True)
    )


def with_ids(kind: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    """The objects with the IDs of their campaigns as `campaign_ids`."""
    linked = CampaignLink.objects.filter(kind=kind, object_id=OuterRef("pk")).values("campaign_id")
    return rows.annotate(campaign_ids=ArraySubquery(linked))


def belonging(kind: str, campaign_id: str) -> QuerySet[Any]:
    """The IDs of the objects of a kind that belong to a campaign, or to one below it."""
    rows = CampaignLink.objects.filter(kind=kind)
    return rows.filter(Q(campaign=campaign_id) | Q(campaign__parent=campaign_id)).values("object_id")


def with_names(kind: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    """The objects with the names of their campaigns as `campaign_names`."""
    linked = CampaignLink.objects.filter(kind=kind, object_id=OuterRef("pk")).order_by("campaign__name")
    return rows.annotate(campaign_names=ArraySubquery(linked.values("campaign__name")))


def checked(access: Access, given: Any, path: str = "campaigns") -> list[Campaign]:
    """The campaigns of a list of IDs, all of them such that the person may link to. Raises ValidationFailed."""
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise ValidationFailed(errors={path: [_("Give a list of IDs of campaigns.")]})
    wanted = list(dict.fromkeys(given))
    found = {row.pk: row for row in rights.linkable(access).filter(pk__in=wanted)}
    for number, key in enumerate(given):
        if key not in found:
            message = _("There is no such campaign here that you may use, or it is a main campaign.")
            raise ValidationFailed(errors={f"{path}/{number}": [message]})
    return [found[key] for key in wanted]


def link(access: Access, kind: str, subject: Any, campaigns: Sequence[Campaign]) -> None:
    """Make the campaigns those that the object belongs to; ones that the person may not use stay as they are."""
    KINDS[kind]
    wanted = {campaign.pk for campaign in campaigns}
    rows = CampaignLink.objects.filter(kind=kind, object_id=subject.pk)
    present = set(rows.values_list("campaign_id", flat=True))
    own = set(rights.linkable(access).filter(pk__in=present).values_list("pk", flat=True))
    added, removed = wanted - present, own - wanted
    if not added and not removed:
        return
    rows.filter(campaign__in=removed).delete()
    CampaignLink.objects.bulk_create(
        [CampaignLink(campaign_id=key, kind=kind, object_id=subject.pk) for key in sorted(added)]
    )
    audit.record(
        access,
        "campaign.linked",
        subject,
        before={"campaigns": sorted(present)},
        after={"campaigns": sorted((present - removed) | added)},
    )


def inherit(kind: str, source_id: str, made_id: str) -> None:
    """An object that was made of another one belongs where that one does."""
    keys = CampaignLink.objects.filter(kind=kind, object_id=source_id).values_list("campaign_id", flat=True)
    CampaignLink.objects.bulk_create(
        CampaignLink(campaign_id=key, kind=kind, object_id=made_id) for key in sorted(keys)
    )


def forget(kind: str, *object_ids: str) -> None:
    """When the objects go."""
    CampaignLink.objects.filter(kind=kind, object_id__in=object_ids).delete()


def belongings(access: Access, *campaigns: Campaign) -> list[tuple[LinkedKind, list[Linked]]]:
    """What belongs to one of the campaigns, each once, kind by kind; kinds with nothing are there too."""
    ids: dict[str, list[str]] = {}
    rows = CampaignLink.objects.filter(campaign__in=campaigns).order_by("kind", "object_id")
    for kind, object_id in rows.values_list("kind", "object_id").distinct():
        ids.setdefault(kind, []).append(object_id)
    return [(kind, list(kind.find(access, ids.get(kind.key, [])))) for kind in KINDS]


def results(parts: Iterable[tuple[LinkedKind, list[Linked]]]) -> dict[str, int]:
    """The figures of all tasks together."""
    total = dict.fromkeys(RESULTS, 0)
    for _kind, rows in parts:
        for row in rows:
            for name, number in row.results.items():
                total[name] += number
    return total


class CampaignsField(forms.MultipleChoiceField):
    """The campaigns that something belongs to, in any form; `offer` gives it its choices."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=gettext_lazy("Campaigns"),
            required=False,
            widget=forms.SelectMultiple({"data-select": "", "class": "form-select"}),
            **kwargs,
        )


def offer(form: forms.Form, access: Access, name: str = "campaigns") -> None:
    """Fill the form's field of campaigns; without any to choose from the field goes."""
    found = choices(access)
    if found:
        form.fields[name].choices = found  # type: ignore[attr-defined]
    else:
        del form.fields[name]


def choices(access: Access) -> list[Any]:
    """The campaigns that the person may use, for a select field: by main campaign, independent ones at the end."""
    groups: dict[str, list[tuple[str, str]]] = {}
    alone: list[tuple[str, str]] = []
    for row in (
        rights.linkable(access)
        .select_related("parent")
        .order_by("parent__starts", "parent__name", "starts", "name")
    ):
        entry = (row.pk, f"{row.name} ({row.starts} – {row.ends})")
        if row.parent is None:
            alone.append(entry)
        else:
            groups.setdefault(row.parent.name, []).append(entry)
    return [*groups.items(), *([("–", alone)] if alone else [])]
