"""Use cases of datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit, locks
from cdp.core.access import Access
from cdp.core.errors import Conflict, PreconditionFailed, ValidationFailed
from cdp.core.registry import Registry
from cdp.jobs import start_job
from cdp.jobs.models import Job
from cdp.jobs.services import active_job, cancel_job
from insight.datasets import categories, custom, definition, kinds, schedule, storage
from insight.datasets.models import (
    Dataset,
    DatasetDimension,
    DatasetField,
    DatasetFolder,
    DatasetJoin,
)
from insight.datasets.rights import check_manage, row_choices
from insight.datasources.connections import in_place
from insight.datasources.models import LAKE

users_of: Registry[Any] = Registry("dataset user")
"""Functions (dataset -> names of what uses it), registered by higher layers."""
followers: Registry[Callable[[Dataset], None]] = Registry("dataset follower")
"""Functions that are called with a dataset whose new version is in use, registered by higher layers."""
EDITED = (
    "name",
    "description",
    "folder",
    "table",
    "remote",
    "definition",
    "fix_prefix",
    "refresh",
    "next_refresh_at",
    "updated_at",
)
"""What an edit writes: a refresh that ends meanwhile keeps its version and state."""


def create(access: Access, data: dict[str, Any]) -> Dataset:
    """A new dataset; it is computed by its first refresh, which of a model starts at once.

    Raises ValidationFailed with paths.
    """
    values, fields, joins, dimensions = _read(access, data)
    dataset = Dataset(workspace=access.workspace, owner=access.user, **values)
    wanted = (
        data["refresh"]
        if data.get("refresh") is not None
        else schedule.of_kind(dataset.workspace, dataset.kind)
    )
    dataset.refresh = schedule.check(wanted, dataset.kind)
    dataset.next_refresh_at = schedule.next_time(dataset, timezone.now())
    with transaction.atomic():
        in_place.hold_place(dataset.workspace, dataset.source)
        dataset.is_default = not _of_kind(dataset).filter(is_default=True).exists()
        _save(dataset)
        _store_tables(dataset, joins, dimensions)
        _store_fields(access, dataset, fields)
        audit.record(access, "dataset.created", dataset, after={"name": dataset.name, "kind": dataset.kind})
        if dataset.kind in schedule.SETTINGS:
            queue_refresh(dataset, owner=access.user)
    return dataset


def _read(access: Access, data: dict[str, Any]) -> Any:
    """What `definition.read` gives, by whoever knows the kind."""
    support = kinds.of(data.get("kind"))
    if support is None:
        return definition.read(access.workspace, data)
    return *support.read(access, data), [], []


def _of_kind(dataset: Dataset) -> QuerySet[Dataset]:
    """The workspace's datasets of the same kind, while nobody else chooses a default."""
    locks.hold(f"dataset.default:{dataset.workspace_id}:{dataset.kind}")
    return Dataset.objects.in_workspace(dataset.workspace).filter(kind=dataset.kind)


def update(
    access: Access, dataset: Dataset, data: dict[str, Any], *, edit_version: int | None = None
) -> Dataset:
    """Change name, fields or refresh policy. The next refresh computes by the new definition."""
    check_manage(dataset, access)
    if dataset.kind == Dataset.Kind.CUSTOM_TAGS:
        return _update_values(access, dataset, custom.metadata(access, dataset, data), data, edit_version)
    merged = {"name": dataset.name, "kind": dataset.kind, **definition.write(dataset), **data}
    for tag in merged.get("tags") or []:
        if isinstance(tag, dict):
            tag.pop("lost", None)
    if merged["kind"] != dataset.kind:
        raise ValidationFailed(errors={"kind": [_("The kind of a dataset cannot be changed.")]})
    if merged.get("source", dataset.source) != dataset.source:
        raise ValidationFailed(
            errors={"source": [_("A dataset stays in its data source. Make another one.")]}
        )
    merged = {key: value for key, value in merged.items() if value is not None}
    values, fields, joins, dimensions = _read(access, merged)
    if dataset.kind in (Dataset.Kind.RFM, Dataset.Kind.AIPL):
        _check_identifier(dataset, fields, values["definition"])
    with transaction.atomic():
        _update_values(access, dataset, values, data, edit_version)
        dataset.fields.all().delete()
        dataset.joins.all().delete()
        dataset.dimensions.all().delete()
        _store_tables(dataset, joins, dimensions)
        _store_fields(access, dataset, fields)
        _check_rows(dataset)
    return dataset


def _update_values(
    access: Access, dataset: Dataset, values: dict[str, Any], data: dict[str, Any], edit_version: int | None
) -> Dataset:
    with transaction.atomic():
        for name, value in values.items():
            setattr(dataset, name, value)
        if "refresh" in data:
            dataset.refresh = schedule.check(
                data["refresh"] if data["refresh"] is not None else {}, dataset.kind
            )
            dataset.next_refresh_at = schedule.next_time(dataset, timezone.now())
        _claim(dataset, edit_version)
        _save(dataset, EDITED)
        audit.record(access, "dataset.changed", dataset, after={"fields": sorted(data)})
    return dataset


def _check_identifier(dataset: Dataset, fields: list[DatasetField], new: dict[str, Any]) -> None:
    """Raises ValidationFailed where a model would know its customers otherwise than before.

    One that is made of a dataset follows what becomes of that dataset's identifier, but cannot move to another's.
    """
    of_dataset = "dataset" in new
    if of_dataset and new["dataset"] == dataset.definition["dataset"]:
        return
    [before, after] = (
        [
            (item.column, item.id_type, item.encryption)
            for item in rows
            if item.role == DatasetField.Role.IDENTIFIER
        ]
        for rows in (dataset.fields.all(), fields)
    )
    if before != after:
        message = _("The user identifier of a model cannot be changed. Make another model.")
        raise ValidationFailed(message, errors={"dataset" if of_dataset else "user_id": [message]})


def _check_rows(dataset: Dataset) -> None:
    """Raises ValidationFailed where a column that chooses the rows of grants would go."""
    gone = [column for column in dataset.row_columns if column not in row_choices(dataset)]
    if gone:
        message = _("Grants choose rows by “%(names)s”. Change the sharing of the dataset first.")
        path = "tags" if dataset.kind == Dataset.Kind.USER_TAGS else "object_columns"
        raise ValidationFailed(errors={path: [message % {"names": ", ".join(gone)}]})


def _store_fields(access: Access, dataset: Dataset, fields: list[DatasetField]) -> None:
    paths = sorted({path for item in fields if (path := getattr(item, "category_path", ""))})
    found = {path: categories.at_path(access, path) for path in paths}
    for item in fields:
        item.dataset = dataset
        item.category = found.get(getattr(item, "category_path", ""))
    DatasetField.objects.bulk_create(fields)


def _store_tables(dataset: Dataset, joins: list[DatasetJoin], dimensions: list[DatasetDimension]) -> None:
    for row in (*joins, *dimensions):
        row.dataset = dataset
    DatasetJoin.objects.bulk_create(joins)
    DatasetDimension.objects.bulk_create(dimensions)


def _claim(dataset: Dataset, seen: int | None) -> None:
    """Count an edit of the state that the person saw. Raises PreconditionFailed where another edit came first."""
    wanted = dataset.edit_version if seen is None else seen
    if not Dataset.objects.filter(pk=dataset.pk, edit_version=wanted).update(edit_version=wanted + 1):
        raise PreconditionFailed(
            _("Somebody else has changed this dataset meanwhile. Open it again and repeat your change.")
        )
    dataset.edit_version = wanted + 1


def _save(dataset: Dataset, only: Sequence[str] | None = None) -> None:
    try:
        with transaction.atomic():
            dataset.save(update_fields=only)
    except IntegrityError as error:
        if "dataset_name_unique" not in str(error):
            raise
        message = _("Another dataset has this name.")
        raise ValidationFailed(message, errors={"name": [message]}) from None


def refresh(access: Access, dataset: Dataset, tags: Any = None) -> Job:
    """Compute a new version in a job; while one runs, that one is answered.

    `tags` chooses columns of custom tags; such a batch waits for one of the workspace's places. Raises Conflict
    `busy` where the one that runs computes other tags only.
    """
    check_manage(dataset, access)
    chosen = _chosen_tags(dataset, tags)
    with transaction.atomic():
        job = queue_refresh(dataset, owner=access.user, periodic=bool(chosen), only=chosen)
        computed = job.params.get("only")
        if computed and (not chosen or set(chosen) - set(computed)):
            raise Conflict(
                _("Some tags of this dataset are being computed. Refresh it again when that has ended."),
                code="busy",
            )
        audit.record(access, "dataset.refreshed", dataset, detail={"tags": chosen} if chosen else {})
    return job


def _chosen_tags(dataset: Dataset, tags: Any) -> list[str]:
    if tags is None:
        return []
    if dataset.kind != Dataset.Kind.CUSTOM_TAGS:
        raise ValidationFailed(errors={"tags": [_("Only custom tags are refreshed one by one.")]})
    known = set(dataset.fields.filter(role="tag").values_list("column", flat=True))
    if not isinstance(tags, list) or not tags:
        raise ValidationFailed(errors={"tags": [_("A list is needed here.")]})
    unknown = [str(tag) for tag in tags if tag not in known]
    if unknown:
        message = _("The dataset has no tag “%(tag)s”.") % {"tag": ", ".join(unknown)}
        raise ValidationFailed(errors={"tags": [message]})
    return list(dict.fromkeys(tags))


def queue_refresh(dataset: Dataset, *, owner: Any, periodic: bool = False, only: Sequence[str] = ()) -> Job:
    """A refresh asked for by hand, or one by schedule, which waits for one of the workspace's places.

    `only`: these columns of custom tags. One that still waits computes what is asked for now, too.
    """
    kind, key = "dataset.refresh_periodic" if periodic else "dataset.refresh", f"dataset.refresh:{dataset.pk}"
    if not periodic:
        # One that still waits for a place is what was asked for, and need not wait any more.
        waiting = Job.objects.filter(workspace=dataset.workspace, dedupe_key=key, status=Job.Status.QUEUED)
        waiting.update(kind=kind, gate="", dispatched_at=None)
    job = start_job(
        kind,
        workspace=dataset.workspace,
        owner=owner,
        params={
            "dataset": dataset.pk,
            **({"only": list(only)} if only else {}),
            **({"source": dataset.source} if dataset.source != LAKE else {}),
        },
        subject=dataset,
        title=_("Refresh %(name)s") % {"name": dataset.name},
        dedupe_key=key,
    )
    return _widened(job, only)


def _widened(job: Job, only: Sequence[str]) -> Job:
    """The job, where it still waits for more than the tags that it was started for, with those of `only`, too."""
    before = job.params.get("only")
    if not before or (only and not set(only) - set(before)):
        return job
    params = {key: value for key, value in job.params.items() if key != "only"}
    if only:
        params["only"] = list(dict.fromkeys([*before, *only]))
    if Job.objects.filter(pk=job.pk, status=Job.Status.QUEUED).update(params=params):
        job.params = params
    return job


def make_default(access: Access, dataset: Dataset) -> None:
    """Make it the dataset that pages of its kind open with."""
    check_manage(dataset, access)
    with transaction.atomic():
        _of_kind(dataset).filter(is_default=True).update(is_default=False)
        Dataset.objects.filter(pk=dataset.pk).update(is_default=True)
        audit.record(access, "dataset.made_default", dataset)


def behaviour_of_items(dataset: Dataset) -> list[str]:
    """Names of the behaviour datasets whose items this dataset describes."""
    rows = Dataset.objects.in_workspace(dataset.workspace_id).filter(definition__items__dataset=dataset.pk)
    return list(rows.order_by("name").values_list("name", flat=True))


def used_by(dataset: Dataset) -> list[str]:
    return [name for finder in users_of for name in finder(dataset)]


def delete(access: Access, dataset: Dataset) -> None:
    """Remove a dataset that nothing uses. Raises Conflict with what does."""
    check_manage(dataset, access)
    users = used_by(dataset)
    if users:
        raise Conflict(
            _("This dataset is in use: %(names)s.") % {"names": ", ".join(users[:20])},
            code="in_use",
            used_by=users,
        )
    workspace, source, pk = dataset.workspace, dataset.source, dataset.pk
    view = dataset.definition.get("table")
    with transaction.atomic():
        active = active_job(dataset)
        if active is not None:
            cancel_job(active, access)
        audit.record(access, "dataset.deleted", dataset, before={"name": dataset.name})
        dataset.delete()
        if dataset.kind == Dataset.Kind.CUSTOM_TAGS and view:
            transaction.on_commit(lambda: storage.drop_view(workspace, source, view))
        transaction.on_commit(lambda: drop_tables(workspace, source, pk))


def drop_tables(workspace: Any, source: str, dataset_id: str) -> None:
    """Drop every table of a dataset that is gone, also those of refreshes that never ended."""
    storage.drop(workspace, source, lambda table: table.startswith(f"{dataset_id}_"))


def set_refresh(access: Access, dataset: Dataset, policy: Any, *, edit_version: int | None = None) -> Dataset:
    """Change when the dataset is refreshed by itself. Raises ValidationFailed, PermissionDenied, PreconditionFailed."""
    check_manage(dataset, access)
    before = dataset.refresh
    dataset.refresh = schedule.check(policy, dataset.kind)
    dataset.next_refresh_at = schedule.next_time(dataset, timezone.now())
    with transaction.atomic():
        _claim(dataset, edit_version)
        dataset.save(update_fields=["refresh", "next_refresh_at"])
        audit.record(
            access,
            "dataset.changed",
            dataset,
            before={"refresh": before},
            after={"refresh": dataset.refresh},
        )
    return dataset


def move(access: Access, datasets: Iterable[Dataset], folder: DatasetFolder | None) -> int:
    """Put datasets into a folder (None: the top). All or nothing; returns how many moved."""
    rows = list(datasets)
    for dataset in rows:
        check_manage(dataset, access)
    with transaction.atomic():
        for dataset in rows:
            Dataset.objects.filter(pk=dataset.pk).update(folder=folder)
            audit.record(
                access,
                "dataset.moved",
                dataset,
                before={"folder": dataset.folder_id},
                after={"folder": folder.pk if folder else None},
            )
    return len(rows)
