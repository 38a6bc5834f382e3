"""What charts can be made of: datasets, their tags, and the audiences that are looked at in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from insight.audiences import origins, visibility
from insight.audiences import queries as audiences
from insight.audiences.catalog import Unknown
from insight.audiences.identities import Identity, identity_of_fields
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.translated import Members, members_by
from insight.datasets import rights, tag_uses
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField

MOST_DATASETS = 5
MOST_TAGS = 50
MOST_PARTS = 50
OF_AUDIENCES = "insight.audience.analysis"


@dataclass(frozen=True)
class Place:
    """A dataset as the person sees it, with its fields."""

    catalog: WorkspaceCatalog
    dataset: Dataset
    fields: list[DatasetField]

    @property
    def id_type(self) -> str:
        return next((item.id_type for item in self.fields if item.role == "identifier"), "")

    def chosen(self, tags: Sequence[str]) -> list[DatasetField]:
        """The fields of the tags, each once. Raises ValidationFailed naming those that charts cannot show."""
        if not tags or len(tags) > MOST_TAGS:
            message = _("Choose 1 to %(most)d tags.") % {"most": MOST_TAGS}
            raise ValidationFailed(message, errors={"tags": [message]})
        live = {item.column: item for item in self.fields if item.role == "tag"}
        errors = {
            f"tags/{place}": [problem]
            for place, tag in enumerate(tags)
            if (problem := self._problem(tag, live.get(tag)))
        }
        if errors:
            raise ValidationFailed(_("Some tags cannot be shown as a chart."), errors=errors)
        return [live[tag] for tag in dict.fromkeys(tags)]

    def eligible(self) -> list[DatasetField]:
        """All tags that charts can show, in order of their categories."""
        return self._in_order(
            item for item in self.fields if item.role == "tag" and not self._problem(item.column, item)
        )

    def listed(self) -> list[DatasetField]:
        """The same, and tags that charts could show if their columns were still there."""
        return self._in_order([*self.eligible(), *filter(self._is_lost, self.fields)])

    def _is_lost(self, item: DatasetField) -> bool:
        # A custom tag without a column is one that has not been computed yet.
        return (
            item.role == "tag"
            and item.deleted
            and item.pivot_enabled
            and item.tag_type in ("enum", "multi")
            and self.dataset.kind != Dataset.Kind.CUSTOM_TAGS
        )

    def _in_order(self, found: Iterable[DatasetField]) -> list[DatasetField]:
        return sorted(
            found,
            key=lambda item: (
                item.category is None,
                item.category.position if item.category else 0,
                item.name.lower(),
            ),
        )

    def _problem(self, tag: str, item: DatasetField | None) -> str:
        if item is None:
            return _("The dataset has no tag “%(tag)s”.") % {"tag": tag}
        if item.deleted:
            return item.lost_reason
        if item.tag_type not in ("enum", "multi"):
            return _(
                "“%(tag)s” has the type “%(type)s”. Charts need tags with a choice or several values."
            ) % {
                "tag": item.name,
                "type": item.get_tag_type_display(),
            }
        if not item.pivot_enabled:
            return _("“%(tag)s” is switched off for charts in its dataset.") % {"tag": item.name}
        parts = self.dataset.stats.get("distinct", {}).get(item.column, 0)
        if item.tag_type == "multi" and parts > MOST_PARTS:
            return _(
                "“%(tag)s” has %(parts)d different values; charts show up to %(most)d of several at once."
            ) % {
                "tag": item.name,
                "parts": parts,
                "most": MOST_PARTS,
            }
        return ""


@dataclass(frozen=True)
class Group:
    """An audience with the version that is looked at, and its members as the dataset knows them."""

    audience: Audience
    version: AudienceVersion
    members: Members


def place(access: Access, dataset_id: str, catalog: WorkspaceCatalog | None = None) -> Place:
    """Raises NotFound, ValidationFailed for datasets without tags of users."""
    catalog = catalog or WorkspaceCatalog(access.workspace, access=access)
    try:
        dataset, fields = catalog.row(dataset_id)
    except Unknown as error:
        raise NotFound(str(error)) from None
    if dataset.kind not in TAG_KINDS:
        raise ValidationFailed(
            _("Charts of tags need a user-tag dataset."),
            errors={"dataset": [_("Choose a user-tag dataset.")]},
        )
    return Place(catalog, dataset, fields)


def group(
    access: Access, here: Place, audience_id: str, field: str = "audience", *, translate: bool = False
) -> Group:
    """An audience to be looked at in a dataset. Raises NotFound, Conflict (nothing computed yet), PermissionDenied,
    ActionNotSupported, ValidationFailed where the dataset knows its users by another ID and `translate` is not asked.
    """
    audience = visibility.get_visible(access, audience_id)
    if not access.can(OF_AUDIENCES):
        raise PermissionDenied(point=OF_AUDIENCES)
    origins.require(audience, "analyse")
    version = audiences.latest_version(audience)
    if version is None:
        raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
    audiences.check_source(audience, here.dataset.source, field)
    known = identity_of_fields(here.fields)
    return Group(audience, version, members_by(version, known, translate=translate, field=field))


def datasets(access: Access, known_by: Identity | None = None) -> list[Dataset]:
    """Computed datasets with tags of users, the default ones first; with this identifier where one is given."""
    rows = rights.visible(access).filter(kind__in=TAG_KINDS, version__gt=0)
    if known_by is not None:
        rows = rows.filter(
            fields__role="identifier",
            fields__id_type=known_by.id_type,
            fields__encryption=known_by.encryption,
        )
    return list(rows.prefetch_related("fields").order_by("-is_default", "name"))


def tag_rows(here: Place) -> list[dict[str, Any]]:
    """The tags that charts can show, for a page's list, and those whose column is gone, with `lost`, the reason."""
    heat = tag_uses.heat(here.dataset.workspace, dataset=here.dataset.pk)
    return [
        {
            "column": item.column,
            "name": item.name or item.column,
            "type": item.tag_type,
            "description": item.description,
            "category": item.category.path if item.category else "",
            "heat": heat.get((here.dataset.pk, item.column), tag_uses.Heat()).as_json(),
            **({"lost": item.lost_reason} if item.deleted else {}),
        }
        for item in here.listed()
    ]
