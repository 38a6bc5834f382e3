"""Pages of folders, and of what is moved between them: the same for all that lies in folders."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from cdp.console.folder_forms import FolderForm, MoveForm
from cdp.console.generic import DeletePage, FormPage
from cdp.core.folders import Folders

MOST = 500
"""How many objects are moved at a time."""


def urls(folders: Folders, permission: str, list_name: str) -> list[URLPattern]:
    """Addresses of making, changing and deleting a folder; `list_name` names the list that shows one by `?folder=`."""
    values = {"folders": folders, "permission": permission, "back_url_name": list_name}
    return [
        path("folders/new/", NewFolder.as_view(**values), name="folder-new"),
        path("folders/<str:pk>/edit/", EditFolder.as_view(**values), name="folder-edit"),
        path(
            "folders/<str:pk>/delete/",
            DeleteFolder.as_view(**values, model=folders.model),
            name="folder-delete",
        ),
    ]


class _InFolders(FormPage):
    """Leads to the list at `back_url_name`, which shows the folder that was saved."""

    folders: ClassVar[Any] = None

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"branches": self.folders.tree(self.access)}

    def success_url(self, obj: Any) -> str:
        return self.reverse(self.back_url_name) + (f"?folder={obj.pk}" if obj else "")


class MovePage(_InFolders):
    """Asks into which folder the ticked objects go. Subclasses call their service in `move`."""

    form_class = MoveForm
    submit_label = _("Move")

    @property
    def intro(self) -> str:
        """The names of what is moved."""
        return ", ".join(row.name for row in self.rows())

    def rows(self) -> QuerySet[Any]:
        wanted = self.request.GET.getlist("row")[:MOST]
        return self.folders.visible(self.access).filter(pk__in=wanted).order_by("name")

    def move(self, rows: QuerySet[Any], folder: Any) -> object:
        """Put them into a folder, or at the top where it is None."""
        raise NotImplementedError

    def save(self, form: Any, obj: Any) -> Any:
        folder = self.folders.find(self.workspace, form.cleaned_data["folder"])
        self.move(self.rows(), folder)
        return folder


class NewFolder(_InFolders):
    title = _("New folder")
    form_class = FolderForm
    submit_label = _("Create folder")

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"parent": self.request.GET.get("folder", "")}

    def save(self, form: Any, obj: Any) -> Any:
        parent = self.folders.find(self.workspace, form.cleaned_data["parent"])
        return self.folders.create(self.access, form.cleaned_data["name"], parent)


class EditFolder(NewFolder):
    title = _("Change folder")
    submit_label = _("Save")

    def get_object(self) -> Any:
        return self.folders.find(self.workspace, self.kwargs["pk"])

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"name": obj.name, "parent": obj.parent_id or ""}

    def save(self, form: Any, obj: Any) -> Any:
        parent = self.folders.find(self.workspace, form.cleaned_data["parent"])
        return self.folders.change(self.access, obj, name=form.cleaned_data["name"], parent=parent)


class DeleteFolder(DeletePage):
    folders: ClassVar[Any] = None

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        self.folders.delete(self.access, obj)
