"""Pages of the folders of materials, and of what is moved between them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cdp.console.folder_forms import FolderForm, MoveForm
from cdp.console.generic import DeletePage, FormPage
from marketing.materials import services
from marketing.materials.folders import folders, move
from marketing.materials.models import Material, MaterialFolder
from marketing.materials.views import PERMISSION, folder_of

MOST = 500


class _InFolders(FormPage):
    permission = PERMISSION
    back_url_name = "materials:list"

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"branches": folders.tree(self.access)}

    def success_url(self, obj: Any) -> str:
        return self.reverse("materials:list") + (f"?folder={obj.pk}" if obj else "")


class MoveMaterials(_InFolders):
    """Asks into which folder the ticked materials go."""

    title = _("Move materials")
    form_class = MoveForm
    submit_label = _("Move")
    success_message = _("The materials were moved.")

    @property
    def intro(self) -> str:
        """The names of what is moved."""
        return ", ".join(row.name for row in self.rows())

    def rows(self) -> QuerySet[Material]:
        wanted = self.request.GET.getlist("row")[:MOST]
        return services.visible(self.access).filter(pk__in=wanted).order_by("name")

    def save(self, form: Any, obj: Any) -> Any:
        folder = folder_of(self, form.cleaned_data["folder"])
        move(self.access, self.rows(), folder)
        return folder


class NewFolder(_InFolders):
    title = _("New folder")
    form_class = FolderForm
    submit_label = _("Create folder")

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"parent": self.request.GET.get("folder", "")}

    def save(self, form: Any, obj: Any) -> Any:
        parent = folder_of(self, form.cleaned_data["parent"])
        return folders.create(self.access, form.cleaned_data["name"], parent)


class EditFolder(NewFolder):
    title = _("Change folder")
    submit_label = _("Save")

    def get_object(self) -> MaterialFolder:
        return MaterialFolder.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"name": obj.name, "parent": obj.parent_id or ""}

    def save(self, form: Any, obj: Any) -> Any:
        parent = folder_of(self, form.cleaned_data["parent"])
        if (parent.pk if parent else None) != obj.parent_id:
            folders.move(self.access, obj, parent)
        if form.cleaned_data["name"] != obj.name:
            folders.rename(self.access, obj, form.cleaned_data["name"])
        return obj


class DeleteFolder(DeletePage):
    permission = PERMISSION
    model = MaterialFolder
    back_url_name = "materials:list"

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        folders.delete(self.access, obj)
