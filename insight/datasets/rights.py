"""Which datasets a person sees, which of them they may change, and which rows of them they see."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import ibis
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db.models import Case, F, Q, QuerySet, When
from django.utils.translation import gettext as _

from admin_center.organizations.outside import PersonAccess
from admin_center.permissions import grantees
from admin_center.permissions.access import access_for
from cdp.core.access import Access
from cdp.core.errors import DomainError, NotFound, PermissionDenied
from cdp.warehouse import LakeEngine, get_engine
from insight.datasets.models import Dataset, DatasetField, DatasetGrant

Rows = list[dict[str, list[str]]] | None
"""The rows that a person sees: those that fit one of the entries, in all of its columns. None: every row."""

CACHE_SECONDS = 24 * 3600
WITHOUT_ROWS: frozenset[str] = frozenset({"aipl", "item_tags"})
"""Kinds whose grants always give all rows."""


class Nobody(PersonAccess):
    """Somebody without rights in the workspace: what is left when an owner has gone."""

    def __init__(self, workspace: Any) -> None:
        super().__init__(AnonymousUser())
        self.workspace = workspace

    def require(self, point: str) -> None:
        raise PermissionDenied(point=point)


def access_of(owner: Any, workspace: Any) -> Access:
    """The rights of whoever owns something that is computed without them; none where they have gone."""
    try:
        return access_for(owner, workspace)
    except NotFound:
        return Nobody(workspace)


def sees_all(access: Access) -> bool:
    """Whether every dataset of the workspace, and every row, is open to the person."""
    return access.is_admin or access.can("insight.dataset.manage")


def _live(access: Access) -> QuerySet[DatasetGrant]:
    """The person's grants that have not expired."""
    if access.user.pk is None:
        return DatasetGrant.objects.none()
    rows: QuerySet[DatasetGrant] = DatasetGrant.objects.in_workspace(access.workspace)
    return rows.filter(grantees.of_person(access.user))


def visible(access: Access) -> QuerySet[Dataset]:
    """All datasets for those who manage everybody's; one's own, the public and the granted ones for others."""
    rows: QuerySet[Dataset] = Dataset.objects.in_workspace(access.workspace)
    if sees_all(access):
        return rows
    open_to = Q(public=True) | Q(pk__in=_live(access).values("dataset"))
    if access.user.pk is not None:
        open_to |= Q(owner=access.user)
    return rows.filter(open_to)


def granted(access: Access) -> QuerySet[Dataset]:
    """Other people's datasets that the person, or one of their roles, has a grant for."""
    rows: QuerySet[Dataset] = Dataset.objects.in_workspace(access.workspace)
    return rows.filter(pk__in=_live(access).values("dataset")).exclude(owner=access.user)


def with_figures(access: Access, rows: QuerySet[Dataset]) -> QuerySet[Dataset]:
    """The datasets with `shown_rows` and `shown_users`: None where the person sees some of the rows only."""
    every = Q(row_columns=[])
    if access.user.pk is not None:
        managed = _live(access).filter(right=DatasetGrant.Right.MANAGE).values("dataset")
        every |= Q(owner=access.user) | Q(pk__in=managed)
    if sees_all(access):
        every = Q(pk__isnull=False)
    people = every & ~Q(kind=Dataset.Kind.ITEM_TAGS)
    return rows.annotate(
        shown_rows=Case(When(every, then=F("rows"))), shown_users=Case(When(people, then=F("users")))
    )


def get_visible(access: Access, dataset_id: str, *related: str) -> Dataset:
    """Raises NotFound for datasets of other workspaces and those without a grant alike."""
    row = visible(access).select_related("workspace", *related).filter(pk=dataset_id).first()
    if row is None:
        raise NotFound(_("There is no such dataset here, or you have no right to use it."))
    return row


def may_manage(access: Access, dataset: Dataset) -> bool:
    """Whether the person may change the dataset: those who manage everybody's, its owner, holders of a manage grant."""
    if _administers(access, dataset):
        return True
    # A grant counts like a right of one's roles; a token that was narrowed does not reach it.
    token = getattr(access, "token", None)
    if (token is not None and token.scopes) or not access.can("insight.dataset.view"):
        return False
    return _live(access).filter(dataset=dataset, right=DatasetGrant.Right.MANAGE).exists()


def _administers(access: Access, dataset: Dataset) -> bool:
    owns = dataset.owner_id is not None and dataset.owner_id == access.user.pk
    own = "insight.tag.custom" if dataset.kind == Dataset.Kind.CUSTOM_TAGS else "insight.dataset.create"
    return access.can("insight.dataset.manage") or (owns and access.can(own))


def check_manage(dataset: Dataset, access: Access) -> None:
    """Raises PermissionDenied for people who may not change the dataset."""
    if not may_manage(access, dataset):
        raise PermissionDenied(
            _("Only the owner of the dataset, or somebody with a manage grant, can do this.")
        )


def may_grant(access: Access, dataset: Dataset) -> bool:
    """Whether the person may let others in. A manage grant on behaviour cannot be passed on."""
    if _administers(access, dataset):
        return True
    return dataset.kind != Dataset.Kind.BEHAVIOUR and may_manage(access, dataset)


def check_grant(dataset: Dataset, access: Access) -> None:
    """Raises PermissionDenied for people who may not let others in."""
    check_manage(dataset, access)
    if not may_grant(access, dataset):
        raise PermissionDenied(_("Only the owner of a behaviour dataset, or an administrator, shares it."))


def rows_of(access: Access, dataset: Dataset) -> Rows:
    """The rows of the dataset that the person sees; [] where grants choose rows and the person has none."""
    if not dataset.row_columns or sees_all(access):
        return None
    if dataset.owner_id is not None and dataset.owner_id == access.user.pk:
        return None
    found: list[dict[str, list[str]]] = []
    for grant in _live(access).filter(dataset=dataset).order_by("pk").distinct():
        if grant.right == DatasetGrant.Right.MANAGE:
            return None
        chosen = {column: list(grant.rows.get(column, [])) for column in dataset.row_columns}
        if all(chosen.values()) and chosen not in found:
            found.append(chosen)
    return found


def digest(rows: Rows) -> str:
    """Equal for equal rows, as a part of the names of cached figures; "" for every row."""
    if rows is None:
        return ""
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]


def row_choices(dataset: Dataset) -> dict[str, str]:
    """The columns of a version by whose values rows can be granted, with their names for people."""
    fields = [item for item in dataset.fields.all() if not item.deleted]
    if dataset.kind in WITHOUT_ROWS:
        return {}
    if dataset.kind == Dataset.Kind.RFM:
        return {"type": _("Group")}
    if dataset.kind == Dataset.Kind.BEHAVIOUR:
        roles = {item.role for item in fields}
        found = {"type": _("Type"), **({"channel": _("Channel")} if "channel" in roles else {})}
        return found | {item.column: item.name for item in fields if item.role == DatasetField.Role.OBJECT}
    listed = (DatasetField.TagType.ENUM, DatasetField.TagType.TEXT, DatasetField.TagType.MULTI)
    return {item.column: item.name for item in fields if item.role == "tag" and item.tag_type in listed}


def only(table: ibis.Table, rows: Rows) -> ibis.Table:
    """The table with the rows that a person sees; none where a column that chooses them has gone."""
    if rows is None:
        return table
    fitting = []
    for entry in rows:
        if all(column in table.columns for column in entry):
            fitting.append(
                ibis.and_(*(_has_one_of(table[column], values) for column, values in entry.items()))
            )
    return table.filter(ibis.or_(*fitting) if fitting else ibis.literal(False))


def lake_rows(access: Access, dataset: Dataset) -> str:
    """The rows of a dataset of the lake that the person sees, as a relation in SQL."""
    engine = LakeEngine()
    table = engine.table(dataset.workspace, dataset.lake_table)
    return f"({engine.sql(only(table, rows_of(access, dataset)))})"


def _has_one_of(column: Any, values: list[str]) -> Any:
    if column.type().is_array():
        return ibis.or_(*(column.contains(value) for value in values))
    return column.isin(values)


def figures(access: Access, dataset: Dataset) -> tuple[int | None, int | None]:
    """(rows, users) as the person sees them; None where some rows only are seen and the engine cannot count them."""
    rows = rows_of(access, dataset)
    if rows is None or not dataset.version:
        return dataset.rows, dataset.users
    name = f"dataset:figures:{dataset.lake_table}:{digest(rows)}"
    found: tuple[int, int] | None = cache.get(name)
    if found is None:
        try:
            engine = get_engine(dataset.source)
            shown = only(engine.table(dataset.workspace, dataset.lake_table), rows)
            counted = shown.aggregate(rows=shown.count(), users=shown["user_unique_id"].nunique())
            found = tuple(engine.execute(counted).to_pylist()[0].values())
        except DomainError:
            # Whoever only looks at a list must not fail with a data source that cannot be asked.
            return None, None
        cache.set(name, found, CACHE_SECONDS)
    return found
