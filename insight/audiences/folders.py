"""Folders of audiences: a tree of at most five levels, shared by the workspace."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences import visibility
from insight.audiences.models import Folder

LEVELS = 5


@dataclass
class Branch:
    """A folder with its sub-folders; `count` is the number of visible audiences right inside it."""

    folder: Folder
    count: int = 0
    depth: int = 1
    children: list[Branch] = field(default_factory=list)

    @property
    def indent(self) -> str:
        """White space that shows the depth in a flat list of choices."""
        return "\u2003" * (self.depth - 1)


def tree(access: Access) -> list[Branch]:
    """The workspace's folders as a tree, in two queries."""
    counts = dict(
        visibility.visible(access)
        .filter(folder__isnull=False)
        .order_by()
        .values_list("folder")
        .annotate(number=Count("pk"))
    )
    branches = {
        row.pk: Branch(row, counts.get(row.pk, 0)) for row in Folder.objects.in_workspace(access.workspace)
    }
    roots: list[Branch] = []
    for branch in branches.values():
        parent = branches.get(branch.folder.parent_id or "")
        (parent.children if parent else roots).append(branch)
    _set_depth(roots, 1)
    return roots


def flat(branches: list[Branch]) -> list[Branch]:
    """The tree in reading order; `depth` says how far to indent."""
    return [found for branch in branches for found in (branch, *flat(branch.children))]


def path_of(folder: Folder | None) -> list[Folder]:
    """From the outermost folder to this one."""
    path: list[Folder] = []
    while folder is not None and len(path) <= LEVELS:
        path.insert(0, folder)
        folder = folder.parent
    return path


def create(access: Access, name: str, parent: Folder | None = None) -> Folder:
    """Raises ValidationFailed for a bad or taken name, and below the fifth level."""
    if parent is not None and len(path_of(parent)) >= LEVELS:
        message = _("Folders nest at most %(levels)d levels deep.") % {"levels": LEVELS}
        raise ValidationFailed(message, errors={"parent": [message]})
    folder = Folder(workspace=access.workspace, name=_clean_name(name), parent=parent)
    _save(folder)
    audit.record(access, "audience_folder.created", folder, after={"name": folder.name})
    return folder


def rename(access: Access, folder: Folder, name: str) -> Folder:
    before = folder.name
    folder.name = _clean_name(name)
    _save(folder)
    audit.record(
        access, "audience_folder.renamed", folder, before={"name": before}, after={"name": folder.name}
    )
    return folder


def move(access: Access, folder: Folder, parent: Folder | None) -> Folder:
    """Put a folder into another one. Raises ValidationFailed for a place inside itself or too deep."""
    if parent is not None and folder in path_of(parent):
        message = _("A folder cannot lie inside itself.")
        raise ValidationFailed(message, errors={"parent": [message]})
    if len(path_of(parent)) + _height(folder) > LEVELS:
        message = _("Folders nest at most %(levels)d levels deep.") % {"levels": LEVELS}
        raise ValidationFailed(message, errors={"parent": [message]})
    folder.parent = parent
    _save(folder)
    audit.record(access, "audience_folder.moved", folder, after={"parent": parent.pk if parent else None})
    return folder


def delete(access: Access, folder: Folder) -> None:
    """Raises Conflict while audiences or folders lie inside."""
    if folder.children.exists() or folder.audiences.exists():
        raise Conflict(
            _(
                "The folder is not empty. Move or delete what lies inside first; other people's audiences count too."
            ),
            code="folder_not_empty",
        )
    audit.record(access, "audience_folder.deleted", folder, before={"name": folder.name})
    folder.delete()


def _height(folder: Folder) -> int:
    return 1 + max((_height(child) for child in folder.children.all()), default=0)


def _set_depth(branches: list[Branch], depth: int) -> None:
    for branch in branches:
        branch.depth = depth
        _set_depth(branch.children, depth + 1)


def _clean_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 64:
        message = _("Give a name of 1 to 64 characters.")
        raise ValidationFailed(message, errors={"name": [message]})
    return name


def _save(folder: Folder) -> None:
    try:
        with transaction.atomic():
            folder.save()
    except IntegrityError:
        message = _("There is a folder of this name here already.")
        raise ValidationFailed(message, errors={"name": [message]}) from None
