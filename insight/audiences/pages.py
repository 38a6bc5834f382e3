"""Pages of one audience: details, members, refresh, snapshots, copy, delete, download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import ActionView, DeletePage, DetailPage, FormPage, WorkspaceView
from cdp.core import timezones
from cdp.core.errors import Conflict, DomainError, PermissionDenied
from cdp.core.folders import path_of
from cdp.core.identifiers import ID_TYPES
from cdp.jobs.services import active_job
from insight.audiences import (
    adding_ids,
    applications,
    combining,
    extras,
    lineage,
    members,
    origins,
    past,
    provenance,
    refreshing,
    remedies,
    schedule,
    services,
    snapshots,
    usage,
    visibility,
    wording,
)
from insight.audiences.campaign_links import KIND
from insight.audiences.csv_options import CsvOptions
from insight.audiences.folders import folders
from insight.audiences.forms import CopyForm, ScheduleForm
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.streaming import csv_response
from insight.campaigns import links
from insight.campaigns import rights as campaign_rights
from insight.datasources.connections import in_place

SEE = "insight.audience.list"
MEMBERS_PER_PAGE = 20
VERSIONS_PER_PAGE = 30


class OneAudience(WorkspaceView):
    """A page of an audience that the person sees; others look as if they were not there.

    `needs` is the action that the audience must offer by its origin; without it the page answers 409.
    """

    permission = SEE
    model = Audience
    needs: ClassVar[str] = ""

    def get_object(self) -> Any:
        found = visibility.get_visible(self.access, self.kwargs["pk"])
        if self.needs:
            origins.require(found, self.needs)
        return found


class AudienceDetail(OneAudience, DetailPage):
    template_name = "insight/audiences/detail.html"
    back_url_name = "audiences:list"
    back_label = gettext_lazy("Audiences")

    def extra(self, obj: Any) -> dict[str, Any]:
        versions = versions_page(obj, {})
        found = lineage.of(obj)
        entries = extras.EXTRAS.entries(self.access, obj)
        return {
            "audience": obj,
            "origin": origins.label_of(obj),
            "source_name": in_place.name_of(self.workspace, obj.source),
            "actions": origins.actions_of(obj),
            "may_change": visibility.may_change(self.access, obj),
            "may_download": visibility.may_download(self.access, obj),
            "may_select": self.access.can("insight.audience.filter"),
            "may_analyse": self.access.can("insight.audience.analysis"),
            "job": active_job(obj),
            "schedule": schedule.describe(obj.refresh),
            "words": wording.of(self.access, obj),
            "ids": _saved_ids(obj.current),
            "entries": entries,
            "is_marked": any(entry.dot for entry in entries),
            "campaigns": links.of(KIND, [obj.pk]).get(obj.pk, []),
            "seen_campaigns": set(campaign_rights.linkable(self.access).values_list("pk", flat=True)),
            "versions": versions,
            "has_snapshots": obj.versions.filter(is_snapshot=True).exists(),
            "trend": _trend(list(versions)),
            "lineage": found,
            "failure": remedies.of_audience(self.access, obj),
            "offers": applications.offers(self.access, obj),
            "path": path_of(obj.folder),
            "overlap_of": urlencode([("row", key) for key in combining.compared(obj)]),
            "first_dataset": lineage.first_dataset(obj),
        }


def versions_page(audience: Audience, given: Any) -> Page[AudienceVersion]:
    """A page of versions, newest first; of snapshots alone where `given` says `kept`."""
    rows = audience.versions.all()
    if given.get("kept"):
        rows = rows.filter(is_snapshot=True)
    return Paginator(rows, VERSIONS_PER_PAGE).get_page(given.get("page"))


def _saved_ids(version: AudienceVersion | None) -> list[dict[str, Any]]:
    """The saved IDs with their figures, for people."""
    if version is None:
        return []
    rows = [
        {
            "label": _label(version.user_id_type),
            "identifier": True,
            "filled": version.count,
            "percent": 100,
            "encryption": version.encryption_of(version.user_id_type),
        }
    ]
    for key in version.save_ids:
        stats = version.id_stats.get(key, {})
        if key == version.user_id_type:
            continue
        rows.append(
            {
                "label": _label(key),
                "identifier": False,
                "filled": stats.get("filled"),
                "percent": round(100 * (stats.get("fill_rate") or 0), 1),
                "distinct": stats.get("distinct"),
                "conflicts": stats.get("conflicts"),
                "encryption": version.encryption_of(key),
            }
        )
    return rows


def _label(key: str) -> str:
    return str(ID_TYPES[key].label) if key in ID_TYPES else key


def _trend(versions: Sequence[AudienceVersion]) -> dict[str, Any]:
    """People per version, oldest first, for the chart."""
    shown = list(reversed(versions))
    return {
        "labels": [version.created_at.isoformat() for version in shown],
        "series": [{"name": _("People"), "data": [version.count for version in shown]}],
    }


class VersionsTable(OneAudience):
    """A page of versions, or of snapshots alone, put into the detail page by htmx."""

    template_name = "insight/audiences/versions.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        audience = self.get_object()
        context = self.get_context(
            audience=audience,
            versions=versions_page(audience, request.GET),
            only_kept=bool(request.GET.get("kept")),
            has_snapshots=audience.versions.filter(is_snapshot=True).exists(),
            actions=origins.actions_of(audience),
            may_change=visibility.may_change(self.access, audience),
            may_download=visibility.may_download(self.access, audience),
        )
        return self.render(self.template_name, context)


class MembersTable(OneAudience):
    """A page of members, put into the detail page by htmx."""

    needs = "download"
    template_name = "insight/audiences/members.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        audience = self.get_object()
        as_of, problem, version = request.GET.get("as_of", ""), "", audience.current
        try:
            version = past.wanted(audience, request.GET)
        except PermissionDenied:
            raise
        except DomainError as error:
            problem = str(error)
        if version is None:
            raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
        page = Paginator(range(version.count), MEMBERS_PER_PAGE).get_page(request.GET.get("page"))
        rows: list[dict[str, str]] = []
        try:
            offset = (page.number - 1) * MEMBERS_PER_PAGE
            rows = members.page(self.access, version, offset=offset, size=MEMBERS_PER_PAGE)
        except DomainError as error:
            problem = str(error)
        columns = members.columns_of(version)
        # The identifier saved once more under its ID type would only repeat the first column.
        columns.pop(version.user_id_type, None)
        context = self.get_context(
            audience=audience,
            page=page,
            labels=[_label(id_type) for id_type in columns.values()],
            rows=[[row[column] for column in columns] for row in rows],
            masked=not self.access.can("privacy.unmask"),
            problem=problem,
            version=version,
            as_of=as_of,
            today=timezones.today(self.workspace).isoformat(),
            first_day=_first_day(audience),
            may_download=visibility.may_download(self.access, audience),
        )
        return self.render(self.template_name, context)


def _first_day(audience: Audience) -> str:
    """The day of the first version, on the workspace's clock."""
    first = audience.versions.order_by("number").values_list("created_at", flat=True).first()
    return first.astimezone(timezones.zone(audience.workspace)).date().isoformat() if first else ""


class _Back(OneAudience, ActionView):
    def success_url(self, obj: Any, result: Any) -> str:
        return self.reverse("audiences:detail", obj.pk)


class RefreshNow(_Back):
    """Refresh; "archive" and "plain" answer whether the present version is kept, else the audience's setting does."""

    needs = "refresh"

    def act(self, obj: Any) -> Any:
        wanted = {"archive": True, "plain": False}.get(self.request.POST.get("snapshot", ""))
        first = "datasets_first" in self.request.POST
        return refreshing.refresh(self.access, obj, snapshot=wanted, datasets_first=first)

    def message(self, obj: Any, result: Any) -> Any:
        return _("The refresh has started.")


class AddId(_Back):
    """Let the audience save an ID that its datasets have, and compute it anew."""

    permission = "insight.audience.filter"
    needs = "edit"

    def act(self, obj: Any) -> Any:
        return adding_ids.add(self.access, obj, self.request.POST.get("id_type", ""))

    def message(self, obj: Any, result: Any) -> Any:
        return _("The audience saves the ID now and is being computed. Then it can be used.")


class _BackToVersions(_Back):
    def success_url(self, obj: Any, result: Any) -> str:
        return f"{super().success_url(obj, result)}#versions"


class TakeSnapshot(_BackToVersions):
    needs = "snapshot"

    def act(self, obj: Any) -> Any:
        return snapshots.take(self.access, obj, self.request.POST.get("version"))

    def message(self, obj: Any, result: Any) -> Any:
        return _("Kept as “%(name)s”.") % {"name": result.snapshot_name}


class DeleteSnapshot(_BackToVersions):
    success_message = gettext_lazy("The snapshot was deleted.")

    def act(self, obj: Any) -> Any:
        snapshots.delete(self.access, obj, snapshots.get(obj, self.kwargs["snapshot"]))


class RefreshSettings(OneAudience, FormPage):
    needs = "refresh"
    title = gettext_lazy("Refresh settings")
    template_name = "insight/audiences/settings.html"
    form_class = ScheduleForm
    submit_label = gettext_lazy("Save")
    success_message = gettext_lazy("The refresh settings were saved.")

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"hours": 1, "minute": 0, "at": "03:00", **obj.refresh, "auto_snapshot": obj.auto_snapshot}

    def save(self, form: Any, obj: Any) -> Any:
        return services.set_refresh(
            self.access,
            obj,
            form.policy(),
            auto_snapshot=form.cleaned_data["auto_snapshot"],
            etag=obj.etag_at(self.seen_version()),
        )

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"hourly": provenance.may_be_hourly(obj)}

    def success_url(self, obj: Any) -> str:
        return self.reverse("audiences:detail", obj.pk)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.reverse("audiences:detail", obj.pk), "audience": obj}


class CopyAudience(OneAudience, FormPage):
    needs = "copy"
    permission = "insight.audience.filter"
    title = gettext_lazy("Copy audience")
    form_class = CopyForm
    submit_label = gettext_lazy("Copy")
    success_message = gettext_lazy("The copy was made and is being computed.")

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"access": self.access, "branches": folders.tree(self.access)}

    def initial(self, obj: Any) -> dict[str, Any]:
        return {
            "name": services.free_name(self.access, obj.name),
            "remark": obj.remark,
            "folder": obj.folder_id or "",
            "campaigns": links.ids_of(KIND, obj.pk),
        }

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.reverse("audiences:detail", obj.pk)}

    def save(self, form: Any, obj: Any) -> Any:
        folder = folders.find(self.workspace, form.cleaned_data["folder"])
        return services.copy(self.access, obj, {**form.cleaned_data, "folder": folder.pk if folder else None})

    def success_url(self, obj: Any) -> str:
        return self.reverse("audiences:detail", obj.pk)


class DeleteAudience(OneAudience, DeletePage):
    needs = "delete"
    back_url_name = "audiences:list"

    def consequences(self, obj: Any) -> Sequence[Any]:
        kept = obj.versions.filter(is_snapshot=True).count()
        found = [_("All versions of its members are deleted. This cannot be undone.")]
        if kept:
            found.append(_("Its %(count)d snapshots are deleted too.") % {"count": kept})
        return found

    def blockers(self, obj: Any) -> Sequence[Any]:
        return [f"{use.kind} “{use.name}”" for use in usage.used_by(obj) if use.blocks]

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        services.delete(self.access, obj)


class Download(OneAudience):
    """The members as CSV."""

    needs = "download"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        audience, options = self.get_object(), CsvOptions.of(request.GET)
        version = past.wanted(audience, request.GET)
        pieces = members.export(self.access, audience, version, options)
        return csv_response(request, pieces, members.file_name(audience.name, version.count, options))


class DownloadOptions(OneAudience):
    """How the file is to be written."""

    needs = "download"
    template_name = "insight/audiences/download_one.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        audience = self.get_object()
        visibility.check_download(self.access, audience)
        past.wanted(audience, {})
        context = self.get_context(
            title=_("Download “%(name)s”") % {"name": audience.name},
            audience=audience,
            masked=not self.access.can("privacy.unmask"),
            back_url=self.reverse("audiences:detail", audience.pk),
        )
        return self.render(self.template_name, context)


class SnapshotDownload(OneAudience):
    needs = "download"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        audience, options = self.get_object(), CsvOptions.of(request.GET)
        found = snapshots.get(audience, self.kwargs["snapshot"])
        pieces = members.export(self.access, audience, found, options)
        return csv_response(request, pieces, members.file_name(found.snapshot_name, found.count, options))
