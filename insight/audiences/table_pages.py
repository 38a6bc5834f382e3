"""The page that makes an audience of a table of IDs, and the choice of the table."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy

from cdp.console.generic import WorkspaceView
from cdp.core.errors import DomainError, PermissionDenied
from insight.audiences import outside, places
from insight.audiences.making import SELECT, IdentityForm, MakingPage
from insight.datasources.models import LAKE


class TableSelect(forms.Select):
    """A choice of one table among as many as there are: the page searches them on the server."""

    def __init__(self, url: str, chosen: str) -> None:
        super().__init__({"data-tables": url}, [(name, name) for name in dict.fromkeys(["", chosen])])


class TableForm(IdentityForm):
    table = forms.CharField(
        label=gettext_lazy("Table"),
        help_text=gettext_lazy("It must have exactly one column, named user_unique_id."),
    )
    drop_bad = forms.BooleanField(label=gettext_lazy("Leave out duplicates and empty values"), required=False)

    def __init__(self, *args: Any, tables_url: str, chosen: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["table"].widget = TableSelect(tables_url, chosen)


class AudienceFromTable(MakingPage):
    title = gettext_lazy("Audience from a table")
    template_name = "insight/audiences/from_table.html"
    form_class = TableForm

    def permission_point(self) -> str:
        self.access.require(places.SEE_TABLES)
        return super().permission_point()

    def source(self) -> str:
        """The data source whose tables are offered; the built-in one where the address names none that may be used."""
        wanted = self.request.GET.get("source", "")
        return wanted if wanted in places.offered(self.access) else LAKE

    def form_options(self, obj: Any) -> dict[str, Any]:
        given = self.request.POST or self.request.GET
        url = f"{self.reverse('audiences:tables')}?{urlencode({'source': self.source()})}"
        return {**super().form_options(obj), "tables_url": url, "chosen": given.get("table", "")}

    def initial(self, obj: Any) -> dict[str, Any]:
        return {**super().initial(obj), "table": self.request.GET.get("table", "")}

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        folder = self.request.GET.get("folder", "")
        return {"sources": places.offered(self.access), "source": self.source(), "folder": folder}

    def save(self, form: Any, obj: Any) -> Any:
        data = {key: form.cleaned_data[key] for key in ("id_type", "encryption", "table", "drop_bad")}
        data["source"] = self.source()
        audience, _job = outside.from_table(self.access, {**form.common(), **data})
        return audience


class Tables(WorkspaceView):
    """A page of the tables of a data source, for the choice of one: {"results": [names], "more"}."""

    permission = SELECT

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        given = request.GET
        page = given.get("page", "")
        try:
            found = places.tables(
                self.access,
                given.get("source", ""),
                given.get("q", ""),
                int(page) if page.isdecimal() else 1,
            )
        except PermissionDenied:
            raise
        except DomainError as error:
            return JsonResponse({"detail": str(error)}, status=error.status)
        return JsonResponse({"results": found.names, "more": found.more})
