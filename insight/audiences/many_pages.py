"""Pages that ask before something is done to the ticked audiences of the list."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import WorkspaceView
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, NotFound, PermissionDenied
from cdp.core.folders import flat
from insight.audiences import applications, many, origins, visibility
from insight.audiences.csv_options import CsvOptions
from insight.audiences.folders import folders
from insight.audiences.models import Audience
from insight.audiences.streaming import csv_response

SEE, SELECT = "insight.audience.list", "insight.audience.filter"
MOST = 500


class ManyPage(WorkspaceView):
    """A page on the audiences in `?row=`."""

    permission = SEE
    icon = ""

    @cached_property
    def rows(self) -> list[Audience]:
        keys = self.request.GET.getlist("row")[:MOST]
        found = visibility.visible(self.access).filter(pk__in=keys).select_related("current", "workspace")
        kept = Count("versions", filter=Q(versions__is_snapshot=True))
        return list(found.annotate(snapshot_count=kept).order_by("name"))

    def show(self, error: str = "", status: int = 200) -> HttpResponse:
        back = self.list_url("audiences:list")
        context = self.get_context(rows=self.rows, back_url=back, error=error, **self.more())
        return self.render(self.template_name, context, status=status)

    def more(self) -> dict[str, Any]:
        """What else the page needs."""
        return {}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.rows:
            return self.show()
        try:
            return self.act()
        except (PermissionDenied, NotFound):
            raise
        except DomainError as error:
            return self.show(str(error), error.status)

    def act(self) -> HttpResponseBase:
        """Call the service and answer."""
        raise NotImplementedError

    def back(self) -> HttpResponse:
        return HttpResponseRedirect(self.list_url("audiences:list"))


class DeleteMany(ManyPage):
    title = _("Delete audiences")
    template_name = "insight/audiences/delete_many.html"
    icon = "trash"

    def more(self) -> dict[str, Any]:
        used = many.blocking(self.rows)
        staying = [row for row in self.rows if "delete" not in origins.actions_of(row)]
        kept = sum(row.snapshot_count for row in self.rows)  # type: ignore[attr-defined]
        return {"used": used, "staying": staying, "snapshots": kept}

    def act(self) -> HttpResponseBase:
        count = many.delete(self.access, self.rows)
        text = ngettext("%(count)d audience was deleted.", "%(count)d audiences were deleted.", count)
        flash(self.request, text % {"count": count})
        return self.back()


class CopyMany(ManyPage):
    permission = SELECT
    title = _("Copy audiences")
    template_name = "insight/audiences/copy_many.html"
    icon = "copy"

    def more(self) -> dict[str, Any]:
        return {"branches": flat(folders.tree(self.access))}

    def act(self) -> HttpResponseBase:
        chosen = self.request.POST.get("folder", "")
        changes: dict[str, Any] = {}
        if chosen:
            changes = {"folder": None if chosen == "none" else folders.find(self.workspace, chosen).pk}
        made, refused = many.copy(self.access, self.rows, changes)
        if made:
            text = ngettext("%(count)d copy was made.", "%(count)d copies were made.", len(made))
            flash(self.request, text % {"count": len(made)})
        for audience, error in refused[:10]:
            flash(self.request, f"{audience}: {error}", messages.ERROR)
        return self.back()


class DownloadMany(ManyPage):
    """One CSV file, or several in a ZIP file."""

    title = _("Download audiences")
    template_name = "insight/audiences/download_many.html"
    icon = "download"

    def more(self) -> dict[str, Any]:
        refused = [(row, reason) for row in self.rows if (reason := self.reason(row))]
        return {"refused": refused, "masked": not self.access.can("privacy.unmask")}

    def reason(self, row: Audience) -> str:
        if "download" not in origins.actions_of(row):
            return gettext("Audiences of this origin cannot be downloaded.")
        if not visibility.may_download(self.access, row):
            return gettext("It belongs to somebody else, and your roles do not include downloading it.")
        return "" if row.current_id else gettext("The audience has not been computed yet.")

    def act(self) -> HttpResponseBase:
        pieces = many.export(self.access, self.rows, CsvOptions.of(self.request.POST))
        return csv_response(self.request, pieces, "audiences.zip")


class UseMany(ManyPage):
    """What the audiences can be used for together: each entry opens its page with all of them filled in."""

    title = _("Use audiences")
    template_name = "insight/audiences/use_many.html"
    icon = "send"
    http_method_names: ClassVar[list[str]] = ["get", "head", "options"]  # type: ignore[misc]

    def more(self) -> dict[str, Any]:
        return {"offers": applications.offers_for(self.access, self.rows) if self.rows else []}
