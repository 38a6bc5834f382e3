"""Datasets of custom tags: user-tag datasets that the platform writes itself, one column per tag.

There is one for each owner, data source and kind of user identifier; it lives in the source of what its tags' rules
read. The module that holds the tags registers how the people of a tag are found; a refresh asks it for each tag, or for
those that were chosen, and keeps the others as they are. A tag that cannot be computed keeps its values, and the
dataset says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import ibis
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Cancelled, Conflict, DomainError, NotFound, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.core.registry import Registry
from cdp.jobs import JobContext
from cdp.lake.names import literal, quote
from cdp.warehouse import get_engine
from insight.datasets.cleaning import Cleaning, cleaning_of
from insight.datasets.measuring import USER, Measured
from insight.datasets.models import Dataset, DatasetField, DatasetFolder, TagCategory
from insight.datasources.connections import in_place
from insight.datasources.models import LAKE

PREFIX = "user_tag_"
people_of: Registry[Callable[[Dataset, DatasetField], ibis.Table]] = Registry("people of custom tags")
"""How a tag is computed: (dataset, tag) to a table of user_unique_id and value, several rows for several values.

It raises a DomainError with the reason for the person.
"""


def mine(access: Access) -> QuerySet[Dataset]:
    """The person's datasets of custom tags, at most one for each data source and kind of user identifier."""
    rows: QuerySet[Dataset] = Dataset.objects.in_workspace(access.workspace)
    return rows.filter(kind=Dataset.Kind.CUSTOM_TAGS, owner=access.user)


def holder(
    access: Access,
    id_type: str,
    source: str = LAKE,
    *,
    name: str = "",
    folder: DatasetFolder | None = None,
) -> Dataset:
    """The person's dataset of custom tags for a kind of user identifier in a source; made where there is none yet.

    `name` is what its name ends with, after `name_start`; empty for a number.
    """
    if id_type not in ID_TYPES:
        raise ValidationFailed(
            errors={"id_type": [_("Choose one of %(types)s.") % {"types": ", ".join(ID_TYPES)}]}
        )
    with transaction.atomic():
        # Two tags made at the same moment must not make two datasets.
        type(access.workspace).objects.select_for_update().get(pk=access.workspace.pk)
        found = mine(access).filter(definition__id_type=id_type, source=source).first()
        if found is not None:
            return found
        in_place.hold_place(access.workspace, source)
        dataset = Dataset.objects.create(
            workspace=access.workspace,
            owner=access.user,
            kind=Dataset.Kind.CUSTOM_TAGS,
            source=source,
            name=_free_name(access, id_type, name.strip()),
            folder=folder,
            definition={"id_type": id_type, "tags_made": 0, "table": _free_table(access, id_type)},
        )
        identifier = DatasetField(
            dataset=dataset, column="user_unique_id", role="identifier", id_type=id_type
        )
        identifier.name = str(ID_TYPES[id_type].label)
        identifier.save()
        audit.record(access, "dataset.created", dataset, after={"name": dataset.name, "kind": dataset.kind})
    return dataset


def name_start(id_type: str) -> str:
    """What the names of all datasets of custom tags for a kind of user identifier begin with."""
    return _("Custom tags_%(type)s_") % {"type": ID_TYPES[id_type].label}


def _free_name(access: Access, id_type: str, wanted: str) -> str:
    start = name_start(id_type)
    taken = set(Dataset.objects.in_workspace(access.workspace).values_list("name", flat=True))
    if not wanted:
        return next(name for number in range(1, len(taken) + 2) if (name := f"{start}{number}") not in taken)
    message = ""
    if len(start + wanted) > 64:
        message = _("Give a name of 1 to %(length)d characters.") % {"length": 64 - len(start)}
    elif start + wanted in taken:
        message = _("Another dataset has this name.")
    if message:
        raise ValidationFailed(message, errors={"dataset_name": [message]})
    return start + wanted


def _free_table(access: Access, id_type: str) -> str:
    """The fixed name of the table, with a number that none of the present datasets has."""
    rows = Dataset.objects.in_workspace(access.workspace).filter(kind=Dataset.Kind.CUSTOM_TAGS)
    taken = set(rows.values_list("definition__table", flat=True))
    names = (f"label_{id_type}_{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def check_field(field: str) -> str:
    """What is wrong with the name of a column, given without its fixed beginning; "" for nothing."""
    if re.fullmatch(r"[a-z0-9_]{1,48}", field):
        return ""
    return _("Use 1 to 48 small letters, digits and underscores.")


def add_tag(
    dataset: Dataset,
    name: str,
    *,
    field: str = "",
    multi: bool = False,
    description: str = "",
    category: TagCategory | None = None,
) -> DatasetField:
    """A new tag in a column of its own: PREFIX and `field`, or a number that no tag before it had.

    Like a tag whose column has gone it is not there for rules and charts, until `show` finds it in a version.
    Raises ValidationFailed for a name or a field that is taken.
    """
    with transaction.atomic():
        row = Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        if row.fields.filter(role="tag", name=name).exists():
            message = _("Two tags are called “%(name)s”.") % {"name": name}
            raise ValidationFailed(message, errors={"name": [message]})
        number = row.definition["tags_made"] + 1
        columns = set(row.fields.values_list("column", flat=True))
        while not field and f"{PREFIX}{number}" in columns:
            number += 1
        column = f"{PREFIX}{field or number}"
        if column in columns:
            message = _("Another tag has this field name.")
            raise ValidationFailed(message, errors={"field": [message]})
        row.definition = {**row.definition, "tags_made": number}
        row.save(update_fields=["definition"])
        dataset.definition = row.definition
        kind = DatasetField.TagType.MULTI if multi else DatasetField.TagType.ENUM
        return DatasetField.objects.create(
            dataset=row,
            column=column,
            role="tag",
            name=name,
            tag_type=kind,
            separator="," if multi else "",
            description=description,
            category=category,
            deleted=True,
        )


def compute(dataset: Dataset, table: str, job: JobContext, only: Sequence[str] = ()) -> Measured:
    """Write `table`: user_unique_id, then a column per tag. `only`: the others keep the values of the last version."""
    tags = [item for item in dataset.fields.all() if item.role == "tag"]
    if not tags:
        raise Conflict(_("There is no custom tag yet."), code="no_rows")
    before = _columns(dataset)
    wanted = [item for item in tags if not only or item.column in only or item.column not in before]
    people, failed = _people_of(dataset, wanted)
    if len(failed) == len(tags):
        raise Conflict(" ".join(dict.fromkeys(failed.values())), code="no_rows")
    with get_engine(dataset.source).transaction(dataset.workspace) as work:
        values = work.scratch(f"{table}_values", {"u": "TEXT", "tag": "TEXT", "v": "TEXT"})
        for place, item in enumerate(tags):
            job.phase(item.name, progress=5 + 70 * place // len(tags))
            job.check_cancelled()
            if item.column in people:
                found = f"SELECT {USER}, {literal(item.column)}, value FROM ({people[item.column]}) people"
                work.rows(f"INSERT INTO {values} {found}")
            elif item.column in before:
                work.rows(f"INSERT INTO {values} {_kept(item, work.path(dataset.lake_table))}")
        clean = cleaning_of(dataset.source)
        columns = ", ".join(f"{_value(item, clean)} AS {quote(item.column)}" for item in tags)
        kept = f"FROM {values} WHERE u IS NOT NULL AND v IS NOT NULL GROUP BY u"
        work.create_table_as(table, f"SELECT u AS {USER}, {columns} {kept}", sort=("user_unique_id",))
        work.rows(f"DROP TABLE {values}")
        counted = ", ".join(f"count({quote(item.column)})" for item in tags)
        [(users, *filled)] = work.rows(f"SELECT count(*), {counted} FROM {work.path(table)}")
    names = {item.column: item.name for item in tags}
    stats = {
        "unique_users": True,
        "filled": {item.column: count / (users or 1) for item, count in zip(tags, filled, strict=True)},
        "distinct": {},
        "invalid": {},
        "lost": [],
        "failed": failed,
        "warnings": [
            {"code": "tag_failed", "name": names[column], "reason": reason}
            for column, reason in failed.items()
        ],
    }
    return Measured(users, users, stats)


def show(dataset: Dataset) -> None:
    """Tags that the current version has for the first time are there from now on."""
    columns = _columns(dataset)
    dataset.fields.filter(role="tag", deleted=True, column__in=columns).update(deleted=False)


def publish(dataset: Dataset) -> None:
    """Let the dataset's fixed table name stand for its current version."""
    if dataset.definition.get("table"):
        engine = get_engine(dataset.source)
        engine.set_view(dataset.workspace, dataset.definition["table"], dataset.lake_table)


def _people_of(dataset: Dataset, tags: Sequence[DatasetField]) -> tuple[dict[str, str], dict[str, str]]:
    """By column, the people of each tag as SQL, and why others cannot be computed."""
    engine = get_engine(dataset.source)
    people: dict[str, str] = {}
    failed: dict[str, str] = {}
    for item in tags:
        try:
            people[item.column] = engine.sql(_people(dataset, item))
        except DomainError as error:
            # Where the database does not answer, no tag can be computed.
            if isinstance(error, Cancelled) or error.status >= 500:
                raise
            failed[item.column] = str(error)
    return people, failed


def _people(dataset: Dataset, item: DatasetField) -> ibis.Table:
    for finder in people_of:
        return finder(dataset, item)
    raise NotFound(_("Nothing says how this tag is computed."))


def _columns(dataset: Dataset) -> set[str]:
    if not dataset.version:
        return set()
    return {
        column.name for column in get_engine(dataset.source).columns(dataset.workspace, dataset.lake_table)
    }


def _kept(item: DatasetField, version: str) -> str:
    """The values that a tag has in a version's table."""
    name = quote(item.column)
    value = f"unnest({name})" if item.tag_type == "multi" else name
    return f"SELECT {USER}, {literal(item.column)}, {value} FROM {version} WHERE {name} IS NOT NULL"


def _value(item: DatasetField, clean: Cleaning) -> str:
    """A person's value of a tag as SQL over the values: the first one, or all of them."""
    mine = f"tag = {literal(item.column)}"
    return clean.different("v", mine) if item.tag_type == "multi" else f"min(v) FILTER (WHERE {mine})"


def metadata(access: Access, dataset: Dataset, data: dict[str, Any]) -> dict[str, Any]:
    """What can be changed of a dataset that the platform writes. Raises ValidationFailed for anything else."""
    errors = {
        key: [_("The platform writes this dataset; its tags are changed where they were made.")]
        for key in set(data) - {"name", "description", "folder", "refresh"}
    }
    name = str(data.get("name", dataset.name) or "").strip()
    if not 1 <= len(name) <= 64:
        errors["name"] = [_("Give a name of 1 to 64 characters.")]
    description = str(data.get("description", dataset.description) or "").strip()
    if len(description) > 500:
        errors["description"] = [_("Use at most %(length)d characters.") % {"length": 500}]
    values: dict[str, Any] = {"name": name, "description": description}
    if "folder" in data:
        found = (
            DatasetFolder.objects.in_workspace(access.workspace).filter(pk=str(data["folder"] or "")).first()
        )
        if data["folder"] and found is None:
            errors["folder"] = [_("There is no such folder here.")]
        values["folder"] = found
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return values
