"""Pages of the material library."""

from __future__ import annotations

from typing import Any

import django_filters
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import BulkAction, Column, DeletePage, FormPage, ListPage, WorkspaceView
from cdp.core.errors import NotFound
from marketing.materials import formats, services
from marketing.materials.forms import MaterialForm, UploadForm
from marketing.materials.models import Material, MaterialTag

PERMISSION = "marketing.content.manage"


def found(view: WorkspaceView) -> Material:
    material = services.visible(view.access).filter(pk=view.kwargs["pk"]).first()
    if material is None:
        raise NotFound()
    return material


def _tags(request: Any) -> QuerySet[MaterialTag]:
    return MaterialTag.objects.in_workspace(request.workspace)


class MaterialFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(
        label=_("Kind"), choices=Material.Kind.choices, empty_label=_("All kinds")
    )
    whose = django_filters.ChoiceFilter(
        label=_("Whose"),
        choices=[("mine", _("My uploads")), ("shared", _("Shared"))],
        empty_label=_("Everybody's"),
        method="of",
    )
    tags = django_filters.ModelChoiceFilter(label=_("Tag"), queryset=_tags, empty_label=_("All tags"))

    class Meta:
        model = Material
        fields = ["kind", "whose", "tags"]

    def of(self, rows: QuerySet[Material], name: str, value: str) -> QuerySet[Material]:
        return rows.filter(owner=self.request.user) if value == "mine" else rows.filter(shared=True)


class MaterialList(ListPage):
    permission = PERMISSION
    title = _("Materials")
    intro = _("Pictures, animations, videos and sounds for messages.")
    table_template = "marketing/materials/grid.html"
    filterset_class = MaterialFilter
    search_fields = ("name",)
    ordering = "-created_at"
    per_page = 48
    create_url_name = "materials:new"
    create_label = _("Upload")
    empty_icon = "photo"
    empty_title = _("No materials yet")
    empty_text = _("Upload a picture, an animation, a video or a sound.")
    columns = (Column("name", _("Name"), sort="name"),)
    bulk_actions = (
        BulkAction("download", _("Download"), lambda access, row: None, icon="download"),
        BulkAction("share", _("Share"), lambda access, row: services.share(access, row, True)),
        BulkAction("unshare", _("Stop sharing"), lambda access, row: services.share(access, row, False)),
        BulkAction("extend", _("Keep 365 more days"), services.extend),
        BulkAction(
            "delete",
            _("Remove"),
            services.delete,
            danger=True,
            confirm=_("Remove the ticked materials? They cannot be brought back."),
        ),
    )

    def get_queryset(self) -> QuerySet[Material]:
        return services.visible(self.access).prefetch_related("tags")

    def row_url(self, row: Material) -> str:
        return self.reverse("materials:edit", pk=row.pk)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        chosen = request.POST.getlist("row")
        if request.POST.get("action") != "download" or not chosen:
            return super().post(request, *args, **kwargs)
        body = services.archive(self.access, self.get_queryset().filter(pk__in=chosen))
        response = HttpResponse(body, content_type="application/zip")
        response.headers["Content-Disposition"] = 'attachment; filename="materials.zip"'
        return response


class NewMaterial(FormPage):
    permission = PERMISSION
    title = _("Upload a material")
    form_class = UploadForm
    back_url_name = "materials:list"
    success_message = _("Saved.")

    def save(self, form: UploadForm, obj: Any) -> Material:
        file = form.cleaned_data["file"]
        return services.upload(self.access, file.name, file, shared=form.cleaned_data["shared"])

    def success_url(self, obj: Material) -> str:
        return self.reverse("materials:list")


class EditMaterial(FormPage):
    permission = PERMISSION
    title = _("Edit the material")
    template_name = "marketing/materials/edit.html"
    form_class = MaterialForm
    back_url_name = "materials:list"
    success_message = _("Saved.")

    def get_object(self) -> Material:
        return found(self)

    def initial(self, obj: Material) -> dict[str, Any]:
        return {"name": obj.name, "tags": ", ".join(map(str, obj.tags.all())), "shared": obj.shared}

    def save(self, form: MaterialForm, obj: Material) -> Material:
        values = form.cleaned_data
        with transaction.atomic():
            services.rename(self.access, obj, values["name"])
            services.set_tags(self.access, obj, values["tags"].replace("，", ",").split(","))
            return services.share(self.access, obj, values["shared"])

    def success_url(self, obj: Material) -> str:
        return self.reverse("materials:list")


class MaterialContent(WorkspaceView):
    """The file itself, which a browser shows but never runs."""

    permission = PERMISSION

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> FileResponse:
        material = found(self)
        response = FileResponse(
            default_storage.open(material.path), content_type=formats.CONTENT_TYPES[material.format]
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "private, max-age=3600"
        return response


class DeleteMaterial(DeletePage):
    permission = PERMISSION
    model = Material
    back_url_name = "materials:list"

    def get_object(self) -> Material:
        return found(self)

    def delete(self, obj: Material) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
