"""Who changes tags: those who manage all of them, and those who manage the tag's dataset."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import NotFound, PermissionDenied
from insight.datasets import rights
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField
from insight.tags.models import CustomTag

MANAGE, CUSTOM = "insight.tag.manage", "insight.tag.custom"
MOST_TAGS = 5000
"""How many tags a list shows: those of all datasets are no more than a person can page through."""


def page_point(access: Access) -> str:
    """The point that opens the pages of tags: either of the two does."""
    return MANAGE if access.can(MANAGE) else CUSTOM


def may_change(access: Access, dataset: Dataset) -> bool:
    return access.can(MANAGE) or rights.may_manage(access, dataset)


def check_change(access: Access, dataset: Dataset) -> None:
    """Raises PermissionDenied for people who may not change the dataset's tags."""
    if not may_change(access, dataset):
        raise PermissionDenied(
            _("Only those who manage all tags, or the tag's dataset, can change it."), point=MANAGE
        )


def datasets(access: Access) -> QuerySet[Dataset]:
    """The datasets of user tags that the person sees."""
    return rights.visible(access).filter(kind__in=TAG_KINDS)


def get_dataset(access: Access, dataset_id: str) -> Dataset:
    """A dataset of user tags. Raises NotFound for others, and for those that the person does not see."""
    row = datasets(access).filter(pk=dataset_id).first()
    if row is None:
        raise NotFound(_("There is no such dataset here, or you have no right to use it."))
    return row


def tags(access: Access) -> QuerySet[DatasetField]:
    """All tags of users that the person sees whose column is there, and custom ones before they are computed."""
    rows = DatasetField.objects.filter(dataset__in=datasets(access), role="tag")
    rows = rows.filter(Q(deleted=False) | Q(custom_tag__isnull=False))
    return rows.select_related("dataset__workspace", "category", "custom_tag")


def get_tag(access: Access, dataset_id: str, column: str) -> DatasetField:
    """Raises NotFound for tags of datasets that the person does not see, and where there is none."""
    row = tags(access).filter(dataset=dataset_id, column=column).first()
    if row is None:
        raise NotFound(_("There is no such tag here."))
    return row


def custom_tags(access: Access) -> QuerySet[CustomTag]:
    """The custom tags of the datasets that the person sees."""
    rows: QuerySet[CustomTag] = CustomTag.objects.in_workspace(access.workspace)
    return rows.filter(field__dataset__in=datasets(access)).select_related(
        "field__dataset__workspace", "field__dataset__owner", "field__category", "workspace"
    )


def get_custom(access: Access, pk: str) -> CustomTag:
    """Raises NotFound like `get_tag`."""
    row = custom_tags(access).filter(pk=pk).first()
    if row is None:
        raise NotFound(_("There is no such custom tag here."))
    return row
