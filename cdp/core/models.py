"""Base models: prefixed identifiers, times, workspace scoping, versions for lost-update checks."""

from __future__ import annotations

import secrets
from typing import Any, Self, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.errors import NotFound

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
M = TypeVar("M", bound=models.Model)


def new_id(prefix: str) -> str:
    """An opaque identifier: the prefix, an underscore and 16 characters (80 bits) that cannot be guessed."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(16))


class PrefixedIdField(models.CharField):
    """A text primary key such as `aud_k3v…`, so that an ID says by itself what it names."""

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs.update(primary_key=True, max_length=40, editable=False)
        super().__init__(**kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("primary_key", "max_length", "editable"):
            kwargs.pop(fixed, None)
        return name, path, args, {**kwargs, "prefix": self.prefix}

    def get_default(self) -> str:
        return new_id(self.prefix)

    def has_default(self) -> bool:
        return True


class TimeStamped(models.Model):
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True, db_index=True)

    class Meta:
        abstract = True


class ScopedQuerySet(models.QuerySet[M]):
    def in_workspace(self, workspace: Any) -> Self:
        """The rows of one workspace (an object or its ID)."""
        return self.filter(workspace=workspace)

    def get_in(self, workspace: Any, pk: str, **conditions: Any) -> M:
        """One row of the workspace; NotFound where it is another workspace's or nobody's."""
        row = self.filter(workspace=workspace, pk=pk, **conditions).first()
        if row is None:
            raise NotFound(_("There is no such %(what)s here.") % {"what": self.model._meta.verbose_name})
        return row


class WorkspaceScoped(models.Model):
    """A row that belongs to one workspace. `objects.in_workspace(ws)` is the only way in."""

    workspace = models.ForeignKey(
        "organizations.Workspace", on_delete=models.CASCADE, related_name="+", verbose_name=_("workspace")
    )
    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True


class NestedFolder(WorkspaceScoped):
    """A folder, shared by the workspace (see `cdp.core.folders`). Subclasses add an ID and `one_name_per_place`."""

    name = models.CharField(_("name"), max_length=64)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("inside"),
    )

    class Meta:
        abstract = True
        verbose_name = _("folder")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def one_name_per_place(name: str) -> models.UniqueConstraint:
    """The constraint of this name: no two folders in one folder are called the same."""
    return models.UniqueConstraint(fields=["workspace", "parent", "name"], name=name, nulls_distinct=False)


class Versioned(models.Model):
    """Counts edits, so that a form or an API client that read an older state is told (412) instead of overwriting."""

    edit_version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True

    @property
    def etag(self) -> str:
        return f'"{self.pk}.{self.edit_version}"'

    def bump(self) -> None:
        self.edit_version += 1
