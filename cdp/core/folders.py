"""Folders that nest, shared by a workspace: the same tree for audiences, datasets and what else lies in folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed

LEVELS = 5
NO_FOLDER = gettext_lazy("No folder")


@dataclass
class Branch:
    """A folder with its sub-folders; `count` is the number of visible objects right inside it."""

    folder: Any
    count: int = 0
    depth: int = 1
    children: list[Branch] = field(default_factory=list)

    @property
    def indent(self) -> str:
        """White space that shows the depth in a flat list of choices."""
        return "\u2003" * (self.depth - 1)


def flat(branches: list[Branch]) -> list[Branch]:
    """The tree in reading order; `depth` says how far to indent."""
    return [found for branch in branches for found in (branch, *flat(branch.children))]


def path_of(folder: Any) -> list[Any]:
    """From the outermost folder to this one."""
    path: list[Any] = []
    while folder is not None and len(path) <= LEVELS:
        path.insert(0, folder)
        folder = folder.parent
    return path


def choices(branches: list[Branch], root: Any = NO_FOLDER) -> list[tuple[str, Any]]:
    """Folders in reading order for a form, indented by depth; first `root`, which stands for none."""
    return [("", root), *((item.folder.pk, f"{item.indent}{item.folder.name}") for item in flat(branches))]


@dataclass(frozen=True)
class Folders:
    """The folders of one model with `name`, `parent` and the reverse names `children` and `contents`.

    `kind` names them in the audit log; `visible(access)` are the objects that a person sees, for the counts.
    """

    model: Any
    kind: str
    contents: str
    visible: Callable[[Access], QuerySet[Any]]

    def tree(self, access: Access) -> list[Branch]:
        """The workspace's folders as a tree, in two queries."""
        counts = dict(
            self.visible(access)
            .filter(folder__isnull=False)
            .order_by()
            .values_list("folder")
            .annotate(number=Count("pk"))
        )
        rows = self.model.objects.in_workspace(access.workspace)
        branches = {row.pk: Branch(row, counts.get(row.pk, 0)) for row in rows}
        roots: list[Branch] = []
        for branch in branches.values():
            parent = branches.get(branch.folder.parent_id or "")
            (parent.children if parent else roots).append(branch)
        _set_depth(roots, 1)
        return roots

    def find(self, workspace: Any, key: Any) -> Any:
        """The folder of this ID; None where no ID is given. Raises NotFound."""
        return self.model.objects.get_in(workspace, str(key)) if key else None

    def create(self, access: Access, name: str, parent: Any = None) -> Any:
        """Raises ValidationFailed for a bad or taken name, and below the fifth level."""
        if parent is not None and len(path_of(parent)) >= LEVELS:
            raise _too_deep()
        folder = self.model(workspace=access.workspace, name=_clean_name(name), parent=parent)
        _save(folder)
        audit.record(access, f"{self.kind}.created", folder, after={"name": folder.name})
        return folder

    def rename(self, access: Access, folder: Any, name: str) -> Any:
        before = folder.name
        folder.name = _clean_name(name)
        _save(folder)
        audit.record(
            access, f"{self.kind}.renamed", folder, before={"name": before}, after={"name": folder.name}
        )
        return folder

    def move(self, access: Access, folder: Any, parent: Any) -> Any:
        """Put a folder into another one. Raises ValidationFailed for a place inside itself or too deep."""
        if parent is not None and folder in path_of(parent):
            message = _("A folder cannot lie inside itself.")
            raise ValidationFailed(message, errors={"parent": [message]})
        if len(path_of(parent)) + _height(folder) > LEVELS:
            raise _too_deep()
        folder.parent = parent
        _save(folder)
        audit.record(access, f"{self.kind}.moved", folder, after={"parent": parent.pk if parent else None})
        return folder

    def change(self, access: Access, folder: Any, **values: Any) -> Any:
        """Give a folder another `name`, another `parent` (None: the top), or both, as far as they are given."""
        with transaction.atomic():
            if "parent" in values and values["parent"] != folder.parent:
                self.move(access, folder, values["parent"])
            if "name" in values and values["name"] != folder.name:
                self.rename(access, folder, values["name"])
        return folder

    def delete(self, access: Access, folder: Any) -> None:
        """Raises Conflict while something lies inside."""
        if folder.children.exists() or getattr(folder, self.contents).exists():
            raise Conflict(
                _(
                    "The folder is not empty. Move or delete what lies inside first; what others own counts too."
                ),
                code="folder_not_empty",
            )
        audit.record(access, f"{self.kind}.deleted", folder, before={"name": folder.name})
        folder.delete()


def _too_deep() -> ValidationFailed:
    message = _("Folders nest at most %(levels)d levels deep.") % {"levels": LEVELS}
    return ValidationFailed(message, errors={"parent": [message]})


def _height(folder: Any) -> int:
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


def _save(folder: Any) -> None:
    try:
        with transaction.atomic():
            folder.save()
    except IntegrityError:
        message = _("There is a folder of this name here already.")
        raise ValidationFailed(message, errors={"name": [message]}) from None
