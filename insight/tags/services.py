"""What changes tags: one function per use case."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PreconditionFailed, ValidationFailed
from cdp.jobs.models import Job
from cdp.jobs.services import active_job
from insight.audiences.models import Dependency
from insight.datasets import custom, tag_uses
from insight.datasets import services as datasets
from insight.datasets.models import Dataset, DatasetField, TagUse
from insight.tags import definition, rights
from insight.tags.models import CustomTag

EDITED = frozenset({"name", "category", "description", "pivot_enabled"})


def etag_of(item: DatasetField) -> str:
    """Stands for what people edit of a tag: another one as soon as somebody has changed that."""
    place = [item.dataset_id, item.column]
    edited = json.dumps([*place, item.name, item.category_id, item.description, item.pivot_enabled])
    return f'"{hashlib.sha256(edited.encode()).hexdigest()[:24]}"'


@transaction.atomic
def describe(access: Access, item: DatasetField, data: Mapping[str, Any], *, etag: str = "") -> DatasetField:
    """Change a tag's name, category, description, or whether analysis shows it.

    `etag` is that of the state which the person has seen, "" for any. Raises ValidationFailed, PreconditionFailed.
    """
    rights.check_change(access, item.dataset)
    # Of two who change it at a time, the second looks at what the first has left.
    Dataset.objects.select_for_update(of=("self",)).get(pk=item.dataset_id)
    item = rights.get_tag(access, item.dataset_id, item.column)
    if etag and etag != etag_of(item):
        raise PreconditionFailed(
            _("Somebody else has changed this tag meanwhile. Open it again and repeat your change.")
        )
    errors: dict[str, list[str]] = {name: [_("There is no such field.")] for name in set(data) - EDITED}
    before = _described(item)
    if "name" in data:
        item.name = definition.read_text(data, "name", definition.NAME_LENGTH, errors, needed=True)
        rest = item.dataset.fields.filter(role="tag", name=item.name).exclude(column=item.column)
        if item.name and rest.exists():
            errors["name"] = [_("Two tags are called “%(name)s”.") % {"name": item.name}]
    if "description" in data:
        item.description = definition.read_text(data, "description", definition.TEXT_LENGTH, errors)
    if "category" in data:
        item.category = definition.read_category(access, data["category"], errors)
    if "pivot_enabled" in data:
        item.pivot_enabled = definition.read_flag(data, "pivot_enabled", errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    item.save(update_fields=["name", "description", "category", "pivot_enabled"])
    # Whoever has the dataset's definition open must not put the old one back unawares.
    item.dataset.bump()
    Dataset.objects.filter(pk=item.dataset_id).update(edit_version=item.dataset.edit_version)
    after = _described(item)
    audit.record(
        access, "tag.changed", item.dataset, before=before, after=after, detail={"column": item.column}
    )
    return item


def _described(item: DatasetField) -> dict[str, Any]:
    category = item.category.path if item.category else ""
    return {
        "name": item.name,
        "description": item.description,
        "category": category,
        "pivot_enabled": item.pivot_enabled,
    }


def create(access: Access, data: Mapping[str, Any]) -> CustomTag:
    """A new custom tag, in the person's dataset of its kind of user identifier; computed at once.

    Raises ValidationFailed with the path of everything that is wrong.
    """
    access.require(rights.CUSTOM)
    found = definition.clean(access, data)
    with transaction.atomic():
        dataset = custom.holder(
            access, found.id_type, found.source, name=found.dataset_name, folder=found.folder
        )
        item = custom.add_tag(
            dataset,
            found.name,
            field=found.field,
            multi=found.multi,
            description=found.description,
            category=found.category,
        )
        item.dataset = dataset
        tag = CustomTag.objects.create(
            workspace=access.workspace, field=item, values=found.values, rest=found.rest, reads=found.reads
        )
        audit.record(access, "custom_tag.created", tag, after=_logged(tag))
        _count_tags(access, tag)
        start_due(dataset, access.user)
    return tag


def update(
    access: Access, tag: CustomTag, data: Mapping[str, Any], *, edit_version: int | None = None
) -> CustomTag:
    """Change a custom tag; changed values are computed at once. Raises ValidationFailed, PreconditionFailed."""
    rights.check_change(access, tag.field.dataset)
    if edit_version is not None and edit_version != tag.edit_version:
        raise PreconditionFailed(
            _("Somebody else has changed this tag meanwhile. Open it again and repeat your change.")
        )
    found = definition.clean(access, data, tag)
    before = _logged(tag)
    described = {name: data[name] for name in EDITED & set(data)}
    with transaction.atomic():
        if described:
            tag.field = describe(access, tag.field, described)
        computed = (tag.values, tag.rest) != (found.values, found.rest)
        tag.values, tag.rest, tag.reads = found.values, found.rest, found.reads
        tag.due = tag.due or computed
        tag.bump()
        tag.save()
        audit.record(access, "custom_tag.changed", tag, before=before, after=_logged(tag))
        if "values" in data:
            _count_tags(access, tag)
        if computed:
            start_due(tag.field.dataset, access.user)
    return tag


def delete(access: Access, tag: CustomTag) -> None:
    """Remove a custom tag. Audiences that ask about it keep their members and cannot be refreshed any more."""
    dataset = tag.field.dataset
    rights.check_change(access, dataset)
    if tag.field.column in dataset.row_columns:
        message = _("Grants choose rows by “%(names)s”. Change the sharing of the dataset first.")
        raise Conflict(message % {"names": tag.field.name}, code="in_use")
    with transaction.atomic():
        audit.record(access, "custom_tag.deleted", tag, before=_logged(tag))
        tag.field.delete()


def refresh(access: Access, tags: Iterable[CustomTag]) -> list[Job]:
    """Compute chosen tags anew, a job for each dataset; batches wait for the places of periodic refreshes.

    Raises PermissionDenied before anything is started.
    """
    chosen: dict[str, list[CustomTag]] = {}
    for tag in tags:
        rights.check_change(access, tag.field.dataset)
        chosen.setdefault(tag.field.dataset_id, []).append(tag)
    jobs = []
    with transaction.atomic():
        for rows in chosen.values():
            dataset, columns = rows[0].field.dataset, [tag.field.column for tag in rows]
            audit.record(access, "dataset.refreshed", dataset, detail={"tags": columns})
            if active_job(dataset) is not None:
                # The job under way may be past these tags: they are computed when it has ended.
                CustomTag.objects.filter(pk__in=[tag.pk for tag in rows]).update(due=True)
            jobs.append(datasets.queue_refresh(dataset, owner=access.user, periodic=True, only=columns))
    return jobs


def start_due(dataset: Dataset, owner: Any) -> Job | None:
    """Compute the dataset's tags that were changed; while a refresh runs they wait for its end."""
    if active_job(dataset) is not None:
        return None
    due = CustomTag.objects.filter(field__dataset=dataset, due=True)
    columns = list(due.values_list("field__column", flat=True))
    if not columns:
        return None
    due.update(due=False)
    return datasets.queue_refresh(dataset, owner=owner, only=columns)


def start_all_due() -> int:
    """Start what had to wait; how many datasets."""
    waiting = (
        Dataset.objects.filter(fields__custom_tag__due=True).distinct().select_related("owner", "workspace")
    )
    started = 0
    for dataset in waiting:
        with transaction.atomic():
            started += start_due(dataset, dataset.owner) is not None
    return started


def _count_tags(access: Access, tag: CustomTag) -> None:
    """Saving the rules of a custom tag is a use of their tags, as saving a selection is."""
    used: dict[str, set[str]] = {}
    for kind, target, columns in tag.reads:
        if kind == Dependency.Kind.DATASET:
            used.setdefault(target, set()).update(columns)
    for target, names in sorted(used.items()):
        tag_uses.record(access, target, names, TagUse.Kind.SELECTION)


def _logged(tag: CustomTag) -> dict[str, Any]:
    return {"name": tag.field.name, "column": tag.field.column, "values": tag.values, "rest": tag.rest}
