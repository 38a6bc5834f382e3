"""Headings of tags: a tree of three levels, in an order that people choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import PreconditionFailed, ValidationFailed
from insight.datasets.models import TagCategory

LEVELS = 3
SEE = ("insight.dataset.view", "insight.tag.manage", "insight.tag.custom")
CHANGE = ("insight.dataset.manage", "insight.tag.manage")
"""Headings are seen where their tags are, and arranged by those who manage all datasets or all tags."""
SEPARATOR = " / "


def tree(workspace: Any) -> QuerySet[TagCategory]:
    """All headings in reading order, each with `tags`, the number of tags right below it."""
    rows = TagCategory.objects.in_workspace(workspace).select_related("parent")
    return rows.annotate(tags=Count("fields")).order_by("position", "path")


def see_point(access: Access) -> str:
    """The point that opens the headings: whichever of SEE the person has."""
    return _held(access, SEE)


def change_point(access: Access) -> str:
    """The point that lets somebody arrange them: whichever of CHANGE the person has."""
    return _held(access, CHANGE)


def _held(access: Access, points: Sequence[str]) -> str:
    return next((point for point in points if access.can(point)), points[0])


def depth(category: TagCategory | None) -> int:
    """1 for an outermost heading, 0 for none."""
    return 0 if category is None else category.path.count(SEPARATOR) + 1


def create(access: Access, name: str, parent: TagCategory | None = None) -> TagCategory:
    """Raises ValidationFailed for a bad or taken name, and below the third level."""
    if depth(parent) >= LEVELS:
        raise _too_deep()
    last = TagCategory.objects.in_workspace(access.workspace).count()
    category = TagCategory(
        workspace=access.workspace, name=_clean(name), parent=parent, position=last, path=name
    )
    with transaction.atomic():
        _save(category)
        _renumber(access.workspace)
        audit.record(access, "tag_category.created", category, after={"name": category.name})
    category.refresh_from_db()
    return category


def at_path(access: Access, path: str) -> TagCategory:
    """The heading of a path such as "Taste / Food"; what is missing of it is made. Raises ValidationFailed."""
    found: TagCategory | None = None
    for name in path.split("/"):
        rows = TagCategory.objects.in_workspace(access.workspace)
        found = rows.filter(parent=found, name=name.strip()).first() or create(access, name, found)
    assert found is not None
    return found


def check_path(path: str) -> str:
    """What is wrong with a heading's path; "" for nothing."""
    names = [name.strip() for name in path.split("/")]
    if len(names) > LEVELS:
        return str(_too_deep())
    return "" if all(1 <= len(name) <= 32 for name in names) else _("Give a name of 1 to 32 characters.")


def change(
    access: Access,
    category: TagCategory,
    *,
    name: str,
    parent: TagCategory | None,
    edit_version: int | None = None,
) -> TagCategory:
    """Rename a heading, or put it below another one. Raises ValidationFailed, PreconditionFailed."""
    if edit_version is not None and edit_version != category.edit_version:
        raise PreconditionFailed()
    before = category.path
    rows = list(TagCategory.objects.in_workspace(access.workspace))
    if parent is not None and parent in (category, *_below(category, rows)):
        message = _("A category cannot lie inside itself.")
        raise ValidationFailed(message, errors={"parent": [message]})
    if depth(parent) + _height(category, rows) > LEVELS:
        raise _too_deep()
    category.name, category.parent = _clean(name), parent
    category.bump()
    with transaction.atomic():
        _save(category)
        _renumber(access.workspace)
        category.refresh_from_db()
        audit.record(
            access, "tag_category.changed", category, before={"path": before}, after={"path": category.path}
        )
    return category


def place(access: Access, category: TagCategory, index: int) -> None:
    """Make it the `index`-th (from 0) among the headings beside it."""
    with transaction.atomic():
        rows = TagCategory.objects.select_for_update().filter(
            workspace=access.workspace, parent=category.parent_id
        )
        beside = [row for row in rows.order_by("position", "path") if row != category]
        beside.insert(max(0, index), category)
        for number, row in enumerate(beside):
            TagCategory.objects.filter(pk=row.pk).update(position=number)
        _renumber(access.workspace)
        audit.record(access, "tag_category.moved", category, after={"position": index})
    category.refresh_from_db()


def step(access: Access, category: TagCategory, by: int) -> None:
    """Move a heading up (-1) or down (+1) among those beside it."""
    rows = TagCategory.objects.in_workspace(access.workspace).filter(parent=category.parent_id)
    order = [row.pk for row in rows.order_by("position", "path")]
    place(access, category, order.index(category.pk) + by)


def delete(access: Access, category: TagCategory) -> None:
    """Remove a heading with those below it; their tags stay, without one."""
    with transaction.atomic():
        audit.record(access, "tag_category.deleted", category, before={"path": category.path})
        category.delete()
        _renumber(access.workspace)


def inside(category: TagCategory) -> list[TagCategory]:
    """The headings below this one, at any depth."""
    return _below(category, list(TagCategory.objects.in_workspace(category.workspace_id)))


def _below(category: TagCategory, rows: list[TagCategory]) -> list[TagCategory]:
    children = [row for row in rows if row.parent_id == category.pk]
    return [found for child in children for found in (child, *_below(child, rows))]


def _height(category: TagCategory, rows: list[TagCategory]) -> int:
    children = [row for row in rows if row.parent_id == category.pk]
    return 1 + max((_height(child, rows) for child in children), default=0)


def _renumber(workspace: Any) -> None:
    """Write positions in reading order, and paths, after the tree has changed."""
    rows = list(TagCategory.objects.select_for_update(of=("self",)).filter(workspace=workspace))
    rows.sort(key=lambda row: (row.position, row.name))
    ordered: list[TagCategory] = []

    def walk(parent: str | None, path: list[str]) -> None:
        for row in rows:
            if row.parent_id == parent:
                row.path, row.position = SEPARATOR.join([*path, row.name]), len(ordered)
                ordered.append(row)
                walk(row.pk, [*path, row.name])

    walk(None, [])
    TagCategory.objects.bulk_update(ordered, ["position", "path"])


def _clean(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 32:
        message = _("Give a name of 1 to 32 characters.")
    elif "/" in name:
        message = _("A name has no slash: it parts the names of a path.")
    else:
        return name
    raise ValidationFailed(message, errors={"name": [message]})


def _too_deep() -> ValidationFailed:
    message = _("Categories nest at most %(levels)d levels deep.") % {"levels": LEVELS}
    return ValidationFailed(message, errors={"parent": [message]})


def _save(category: TagCategory) -> None:
    try:
        with transaction.atomic():
            category.save()
    except IntegrityError:
        message = _("There is a category of this name already.")
        raise ValidationFailed(message, errors={"name": [message]}) from None
