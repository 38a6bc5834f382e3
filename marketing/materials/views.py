"""Pages of the material library."""

from __future__ import annotations

from typing import Any

import django_filters
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from cdp.console.folder_pages import MovePage
from cdp.console.generic import (
    BulkAction,
    Column,
    DeletePage,
    FormPage,
    ListPage,
    NumberColumn,
    WorkspaceView,
)
from cdp.console.middleware import flash
from cdp.core import where_used
from cdp.core.errors import DomainError, NotFound, ValidationFailed
from cdp.core.folders import flat
from marketing.materials import services, serving, thumbnails
from marketing.materials.folders import folders, move
from marketing.materials.forms import MaterialForm, UploadForm
from marketing.materials.models import NOTICE, Material, MaterialFolder, MaterialTag

PERMISSION = "marketing.content.manage"
MOST_PICTURES = 60


def found(view: WorkspaceView) -> Material:
    material = services.visible(view.access).filter(pk=view.kwargs["pk"]).first()
    if material is None:
        raise NotFound()
    return material


def _tags(request: Any) -> QuerySet[MaterialTag]:
    return MaterialTag.objects.in_workspace(request.workspace)


def _words(text: str) -> list[str]:
    """What stands between commas, English or Chinese ones."""
    return [word.strip() for word in text.replace("，", ",").split(",") if word.strip()]


class MaterialFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(
        label=_("Kind"), choices=Material.Kind.choices, empty_label=_("All kinds")
    )
    whose = django_filters.ChoiceFilter(
        label=_("Whose"),
        choices=[("mine", _("My uploads")), ("shared", _("Shared materials"))],
        empty_label=_("Everybody's"),
        method="of",
    )
    tags = django_filters.ModelChoiceFilter(label=_("Tag"), queryset=_tags, empty_label=_("All tags"))
    ending = django_filters.ChoiceFilter(
        label=_("End"),
        choices=[("soon", _("Ends within 30 days"))],
        empty_label=_("Ends any time"),
        method="until",
    )

    class Meta:
        model = Material
        fields = ["kind", "whose", "tags", "ending"]

    def of(self, rows: QuerySet[Material], name: str, value: str) -> QuerySet[Material]:
        return rows.filter(owner=self.request.user) if value == "mine" else rows.filter(shared=True)

    def until(self, rows: QuerySet[Material], name: str, value: str) -> QuerySet[Material]:
        return rows.filter(expires_at__lte=timezone.now() + NOTICE)


class MaterialList(ListPage):
    permission = PERMISSION
    title = _("Materials")
    intro = _("Pictures, animations, videos and sounds for messages.")
    template_name = "marketing/materials/list.html"
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
        BulkAction("share", _("Share with all"), lambda access, row: services.share(access, row, True)),
        BulkAction("unshare", _("Stop sharing"), lambda access, row: services.share(access, row, False)),
        BulkAction("move", _("Move to folder"), lambda access, row: None, icon="folder-symlink"),
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
        rows = services.visible(self.access).prefetch_related("tags")
        folder = self.request.GET.get("folder", "")
        return rows.filter(folder=folder) if folder and not self.request.GET.get("q") else rows

    def fetched(self, rows: Any) -> None:
        for row in rows:
            row.may_change = services.may_change(self.access, row)

    def row_url(self, row: Material) -> str:
        page = "edit" if services.may_change(self.access, row) else "content"
        return self.reverse(f"materials:{page}", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        chosen = self.request.GET.get("folder", "")
        if chosen:
            more["create_url"] += f"?folder={chosen}"
        return super().get_context(
            tags=_tags(self.request),
            branches=flat(folders.tree(self.access)),
            chosen_folder=chosen,
            folder=MaterialFolder.objects.in_workspace(self.workspace).filter(pk=chosen).first(),
            may_change=True,
            **more,
        )

    def get_bulk_actions(self) -> list[BulkAction]:
        words = _words(self.request.POST.get("tags", ""))
        tag = BulkAction("tag", _("Add tags"), lambda access, row: services.add_tags(access, row, words))
        return [tag, *super().get_bulk_actions()]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        action, chosen = request.POST.get("action"), request.POST.getlist("row")
        if action == "tag" and not _words(request.POST.get("tags", "")):
            flash(request, gettext("Write the tags first."), messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        if action == "move":
            query = QueryDict(mutable=True)
            query.setlist("row", chosen)
            return HttpResponseRedirect(f"{self.reverse('materials:move')}?{query.urlencode()}")
        if action != "download" or not chosen:
            return super().post(request, *args, **kwargs)
        try:
            body = services.archive(self.access, self.get_queryset().filter(pk__in=chosen))
        except DomainError as error:
            flash(request, error, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        response = HttpResponse(body, content_type="application/zip")
        response.headers["Content-Disposition"] = 'attachment; filename="materials.zip"'
        return response


class TagList(ListPage):
    permission = PERMISSION
    title = _("Tags of materials")
    intro = _("Words that materials are found by, at most 50. New ones are made where a material is tagged.")
    search_fields = ("name",)
    ordering = "name"
    empty_icon = "tags"
    empty_title = _("No tags yet")
    empty_text = _("Tick materials and add tags to them.")
    columns = (
        Column("name", _("Tag"), sort="name", link=True),
        NumberColumn("count", _("Materials"), sort="count"),
    )
    bulk_actions = (
        BulkAction(
            "delete",
            _("Remove"),
            services.delete_tag,
            danger=True,
            confirm=_("Remove the ticked tags from all materials? The materials stay."),
        ),
    )

    def get_queryset(self) -> QuerySet[MaterialTag]:
        seen = services.visible(self.access)
        return _tags(self.request).annotate(count=Count("materials", filter=Q(materials__in=seen)))

    def row_url(self, row: MaterialTag) -> str:
        return f"{self.reverse('materials:list')}?tags={row.pk}"

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(back_url=self.list_url("materials:list"), **more)


class NewMaterial(FormPage):
    permission = PERMISSION
    title = _("Upload materials")
    form_class = UploadForm
    submit_label = _("Upload")
    back_url_name = "materials:list"

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"branches": folders.tree(self.access)}

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"folder": self.request.GET.get("folder", "")}

    def save(self, form: UploadForm, obj: Any) -> None:
        """Keep what the library takes, and say at the field why it does not take the rest."""
        kept, refused, values = 0, [], form.cleaned_data
        folder = folders.find(self.workspace, values["folder"])
        for file in values["file"]:
            try:
                services.upload(self.access, file.name, file, shared=values["shared"], folder=folder)
                kept += 1
            except ValidationFailed as error:
                refused.append(f"{file.name}: {error}")
        if kept:
            words = ngettext("%(count)d file uploaded.", "%(count)d files uploaded.", kept)
            flash(self.request, words % {"count": kept})
        if refused:
            raise ValidationFailed(errors={"file": refused})

    def success_url(self, obj: None) -> str:
        return self.reverse("materials:list")


class EditMaterial(FormPage):
    permission = PERMISSION
    title = _("Edit the material")
    template_name = "marketing/materials/edit.html"
    form_class = MaterialForm
    back_url_name = "materials:list"
    success_message = _("Saved.")

    def get_object(self) -> Material:
        material = found(self)
        services.require_owner(self.access, material)
        return material

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"branches": folders.tree(self.access)}

    def extra(self, form: Any, obj: Material) -> dict[str, Any]:
        return {"uses": where_used.of(self.access, obj)}

    def initial(self, obj: Material) -> dict[str, Any]:
        tags = ", ".join(map(str, obj.tags.all()))
        return {"name": obj.name, "tags": tags, "shared": obj.shared, "folder": obj.folder_id or ""}

    def save(self, form: MaterialForm, obj: Material) -> Material:
        values = form.cleaned_data
        with transaction.atomic():
            services.rename(self.access, obj, values["name"])
            services.set_tags(self.access, obj, _words(values["tags"]))
            if values["folder"] != (obj.folder_id or ""):
                move(self.access, [obj], folders.find(self.workspace, values["folder"]))
            return services.share(self.access, obj, values["shared"])

    def success_url(self, obj: Material) -> str:
        return self.reverse("materials:list")


class MoveMaterials(MovePage):
    folders = folders
    permission = PERMISSION
    title = _("Move materials")
    success_message = _("The materials were moved.")
    back_url_name = "materials:list"

    def move(self, rows: QuerySet[Any], folder: Any) -> object:
        return move(self.access, rows, folder)


class MaterialContent(WorkspaceView):
    """The file itself, which a browser shows but never runs."""

    permission = PERMISSION

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return serving.content(found(self))


class MaterialThumbnail(WorkspaceView):
    """The small picture of a material; its owner's browser draws it, and hands it in here as `file`."""

    permission = PERMISSION

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return serving.thumbnail(found(self))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        material, file = found(self), request.FILES.get("file")
        if file is None:
            return HttpResponse(status=400)
        try:
            thumbnails.keep(self.access, material, file)
        except ValidationFailed as error:
            return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
        return HttpResponse(status=204)


class Pictures(WorkspaceView):
    """The pictures that one sees in the library, to choose one for a message: a part of a page."""

    permission = PERMISSION

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rows = services.visible(self.access).filter(kind=Material.Kind.IMAGE)
        words = request.GET.get("search", "").strip()
        if words:
            rows = rows.filter(Q(name__icontains=words) | Q(tags__name__icontains=words)).distinct()
        shown = [(row, serving.address(row)) for row in rows[:MOST_PICTURES]]
        return self.render("marketing/materials/pictures.html", {"pictures": shown, "search": words})


class DeleteMaterial(DeletePage):
    permission = PERMISSION
    model = Material
    back_url_name = "materials:list"

    def get_object(self) -> Material:
        return found(self)

    def delete(self, obj: Material) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
